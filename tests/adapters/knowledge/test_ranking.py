from __future__ import annotations

from hypothesis import given, strategies as st

from opstui.adapters.knowledge.ranking import (
    SPAN_LIMIT,
    TERM_LIMIT,
    Words,
    best_span,
    idf,
    match,
    section_starts,
    weigh,
)


def page(*texts: str, title: str = "", headings: frozenset[int] = frozenset(), body_start: int = 0) -> Words:
    places: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        for word in dict.fromkeys(text.split()):
            places.setdefault(word, []).append(index)
    return Words(frozenset(title.split()), places, [bool(text) for text in texts], headings, body_start)


def test_the_span_holds_the_lines_that_stand_together() -> None:
    words = page("disk", *[""] * 20, "disk", "full", "host", "", "tail")
    span = best_span(words, {"disk": 1.0, "full": 1.0, "host": 1.0})
    assert (span.start, span.end, span.weight) == (22, 26, 3.0)


def test_a_heading_close_above_is_taken_in() -> None:
    words = page("intro", "Mitigation", "", "one", "disk full", "two", headings=frozenset({1}))
    span = best_span(words, {"disk": 1.0, "full": 1.0})
    assert span.start == 2


def test_front_matter_is_no_answer() -> None:
    words = page("---", "title disk", "---", "about disk", body_start=3)
    assert best_span(words, {"disk": 1.0}).start == 4


@given(
    st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=3).map(" ".join), min_size=1, max_size=60),
    st.sets(st.sampled_from("abcdefghxyz")),
)
def test_a_span_lies_within_the_page_and_is_never_too_long(texts: list[str], asked: set[str]) -> None:
    span = best_span(page(*texts), dict.fromkeys(asked, 1.0))
    assert 1 <= span.start <= span.end <= len(texts)
    assert span.end - span.start < SPAN_LIMIT


def test_a_long_query_is_cut_to_its_rarest_words() -> None:
    stems = [f"w{number}" for number in range(100)]
    terms = weigh(stems, {stem: number + 1 for number, stem in enumerate(stems)}, 200)
    assert set(terms.known) == set(stems[:TERM_LIMIT])


def test_numbers_that_no_page_has_do_not_weigh_a_query_down() -> None:
    assert weigh(["disk", "91", "10"], {"disk": 1}, 10).unknown == 0.0
    assert weigh(["disk", "wombat"], {"disk": 1}, 10).unknown == idf(0, 10)


def test_words_that_no_page_has_lower_the_coverage() -> None:
    words = page("disk full", title="disk full")
    short = match(words, weigh(["disk", "full"], {"disk": 1, "full": 1}, 10), {"disk": 1.0, "full": 1.0})
    long = match(words, weigh(["disk", "full", "wombat"], {"disk": 1, "full": 1}, 10), {"disk": 1.0, "full": 1.0})
    assert short.coverage == 1.0
    assert long.coverage < 0.7
    assert short.confidence > long.confidence


def test_a_page_far_behind_the_best_is_no_second_answer() -> None:
    terms = weigh(["disk", "full"], {"disk": 1, "full": 1}, 10)
    found = match(page("disk full"), terms, {"other": 1.0})
    assert found.is_strong(terms, found.confidence)
    assert not found.is_strong(terms, found.confidence * 2)


def test_headings_in_code_begin_no_section() -> None:
    headings, body_start = section_starts(["---", "title: x", "---", "# A", "```", "# b", "```", "## C"])
    assert headings == {3, 7}
    assert body_start == 3
