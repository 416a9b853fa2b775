from __future__ import annotations

import multiprocessing
import stat
from pathlib import Path

import pytest
from hypothesis import example, given, settings, strategies as st

from opstui.adapters.redaction.engine import Re2Redactor
from opstui.core.errors import NotRedacted, ReadOnly
from opstui.core.redaction import PLACEHOLDER, Span
from opstui.services.hidden_documents import quote_without
from opstui.services.hiding import Hiding, is_telling
from opstui.services.hiding_key import hiding_key

PASSWORD = "Tundra" + "7!maple"
TEXT = f"the password is {PASSWORD}\nnobody knows it\nuse {PASSWORD} again"


def hiding(key: bytes = b"k" * 32) -> Hiding:
    return Hiding(Re2Redactor(tuple), key)


def test_the_same_value_has_the_same_placeholder_all_through_a_session_and_another_in_the_next() -> None:
    one, again, other = hiding(), hiding(), hiding(b"o" * 32)
    assert one.text(TEXT) == again.text(TEXT)
    assert one.text(TEXT) != other.text(TEXT)
    assert len(set(PLACEHOLDER.findall(one.text(TEXT)))) == 1


def test_a_value_that_two_rules_find_has_one_placeholder_and_one_that_it_had_before_comes_back() -> None:
    session = hiding()
    first = session.text(f"curl -u admin:{PASSWORD} https://x.example/api")
    assert PLACEHOLDER.findall(first) == PLACEHOLDER.findall(session.text(f"the password is {PASSWORD} now"))
    other_order = hiding()
    other_order.learn([f"the password is {PASSWORD} now"])
    other_order.text(f"curl -u admin:{PASSWORD} https://x.example/api")
    assert PASSWORD in other_order.restore(first)


def test_a_secret_that_is_told_once_is_hidden_where_nothing_tells_it() -> None:
    session = hiding()
    session.learn([TEXT])
    assert PASSWORD not in session.text(f"restarted with {PASSWORD}, fine")


def test_a_plain_word_is_hidden_where_it_is_told_and_nowhere_else() -> None:
    session = hiding()
    assert "sunshine" not in session.text("DB_PASSWORD=sunshine")
    assert session.text("the sunshine cluster") == "the sunshine cluster"
    assert not is_telling("sunshine")


def test_lines_stay_lines_also_where_a_key_goes_over_many() -> None:
    key = "-----BEGIN " + "PRIVATE KEY-----\n" + "\n".join(["q7Xp2LmV" * 8] * 4) + "\n-----END " + "PRIVATE KEY-----"
    text = f"first\n{key}\nlast"
    shown = hiding().text(text)
    assert shown.count("\n") == text.count("\n")
    assert shown.split("\n")[-1] == "last"
    assert "q7Xp2LmV" not in shown


@settings(max_examples=100)
@example(["⟦", "\\", "S:"])
@example(["⟦", "\\", "\\", "S:", "⟦S:EMAIL:00000000⟧"])
@given(
    st.lists(
        st.sampled_from(
            ["⟦", "S:", "\\", "PASSWORD", ":1f0c22ab⟧", "⟦S:EMAIL:00000000⟧", "x ", "\n", f"pw: {PASSWORD} ", "a@b.de "]
        ),
        max_size=14,
    )
)
def test_what_comes_back_is_what_was_there(parts: list[str]) -> None:
    session = hiding()
    text = "".join(parts)
    shown = session.text(text)
    assert PASSWORD not in shown
    assert session.restore(shown) == text


def test_forged_and_copied_placeholders_mean_nothing() -> None:
    session = hiding()
    shown = session.text(TEXT)
    real = next(PLACEHOLDER.finditer(shown)).group()
    assert session.restore("⟦S:PASSWORD:deadbeef⟧") == "⟦S:PASSWORD:deadbeef⟧"
    assert session.restore(real.replace("PASSWORD", "EMAIL")) == real.replace("PASSWORD", "EMAIL")
    copied = session.text(f"comment: {real}")
    assert PASSWORD not in session.restore(copied)


def test_a_value_from_elsewhere_is_named_and_in_public_no_secret_comes_back() -> None:
    session = hiding()
    session.text("password: Elsewhere" + "9!x")
    own = session.text(f"pw: {PASSWORD} mail eve@mail.example.org")
    everything = own + " ".join(session.values)
    ticket = f"pw: {PASSWORD} mail eve@mail.example.org"
    waits = session.restore_for(everything, ticket)
    assert PASSWORD not in waits
    assert "⟦S:PASSWORD:" in waits
    inside = session.restore_for(everything, ticket, sent=True)
    assert PASSWORD in inside
    assert "Elsewhere" not in inside
    assert "[password removed]" in inside
    public = session.restore_for(everything, ticket, public=True, sent=True)
    assert PASSWORD not in public
    assert "eve@mail.example.org" in public


def test_parts_put_together_are_swept_once_more() -> None:
    session = hiding()
    session.text(TEXT)
    swept = session.swept(f"a head with {PASSWORD} and ⟦S:PASSWORD:00000000⟧")
    assert PASSWORD not in swept
    assert "⟦S:PASSWORD:00000000⟧" in swept


def test_a_text_is_looked_at_once() -> None:
    class Counting:
        asked = 0

        def spans(self, text: str) -> tuple[Span, ...]:
            self.asked += 1
            return ()

    redactor = Counting()
    session = Hiding(redactor, b"k")
    for _ in range(5):
        session.text("the same text")
    assert redactor.asked == 1


def test_where_the_redactor_breaks_nothing_comes_out() -> None:
    class Broken:
        def spans(self, text: str) -> tuple[Span, ...]:
            raise NotRedacted("too long")

    with pytest.raises(NotRedacted):
        Hiding(Broken(), b"k").text("anything")


@pytest.mark.parametrize(
    ("quote", "left"),
    [
        ("nothing hidden", "nothing hidden"),
        ("login ⟦S:PASSWORD:1f0c22ab⟧ worked again", "worked again"),
        ("⟦S:PASSWORD:1f0c22ab⟧", ""),
        ("a forged ⟦\\S:EMAIL:00000000⟧", "EMAIL:00000000⟧"),
    ],
)
def test_a_quote_keeps_its_longest_stretch_that_was_not_hidden(quote: str, left: str) -> None:
    assert quote_without(quote) == left


# --- the key ----------------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_differs_by_session(tmp_path: Path) -> None:
    key = hiding_key(tmp_path / "state")
    assert key("one") == hiding_key(tmp_path / "state")("one")
    assert key("one") != key("two")
    assert len(key("one")) == 32
    file = tmp_path / "state" / "hiding.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_bytes()) == 32


def test_half_a_key_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "hiding.key").write_bytes(b"half")
    assert len(hiding_key(tmp_path)("one")) == 32
    assert len((tmp_path / "hiding.key").read_bytes()) == 32


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"x" * 32)
    (tmp_path / "hiding.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ReadOnly):
        hiding_key(tmp_path)("one")


def _key_of(folder: str) -> bytes:
    return hiding_key(Path(folder))("session")


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(_key_of, [str(tmp_path / "new")] * 12))) == 1
