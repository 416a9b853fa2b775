"""Lines of spans: nothing is lost by wrapping, and nothing is wider than it may be."""

from __future__ import annotations

from hypothesis import given, strategies as st
from rich.cells import cell_len

from opstui.tui.lines import between, cut, fit, line, pad, text_of, width_of, wrap

TEXT = st.text(st.sampled_from("ab cdé \n\tプリ🖨️⟨1F⟩[/]"), max_size=80)


@given(TEXT, st.integers(2, 30))
def test_wrapping_drops_nothing(text: str, cells: int) -> None:
    flat = text.replace("\t", "    ").replace("\n", "")
    assert "".join(wrap(text, cells)) == flat
    assert all(cell_len(part.rstrip()) <= cells for part in wrap(text, cells))


@given(TEXT, st.integers(0, 30))
def test_padded_text_has_exactly_its_cells(text: str, cells: int) -> None:
    assert cell_len(pad(text, cells)) == cells
    assert cell_len(cut(text, cells)) <= cells


@given(TEXT, TEXT, st.integers(1, 40))
def test_a_fitted_line_is_never_wider(left: str, right: str, cells: int) -> None:
    one, other = line(left.replace("\n", "").replace("\t", "")), line(right.replace("\n", "").replace("\t", ""))
    assert width_of(fit((*one, *other), cells)) <= cells
    if width_of(other) < cells:
        assert width_of(between(one, other, cells)) <= cells


def test_what_does_not_fit_ends_in_an_ellipsis() -> None:
    assert cut("investigating", 6) == "inves…"
    assert text_of(fit(line("abc", "def"), 5)) == "abcd…"
    assert text_of(fit(line("abcde", "f"), 5)) == "abcd…"
    assert text_of(between(line("long text"), line("end"), 8)) == "lon… end"
