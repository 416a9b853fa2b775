from __future__ import annotations

from hypothesis import given, strategies as st

from opstui.adapters.knowledge.ranking import (
    COVERED,
    SPAN_LIMIT,
    STRONG,
    TERM_LIMIT,
    WEAK_SHARE,
    Terms,
    Words,
    best_span,
    idf,
    match,
    sections,
    weigh,
)
from opstui.core.text import SafeText


def terms(**weights: float) -> Terms:
    return Terms(weights, 0.0)


def page(
    *texts: str, title: str = "", codes: str = "", headings: frozenset[int] = frozenset(), body_start: int = 0
) -> Words:
    places: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        for word in dict.fromkeys(text.split()):
            places.setdefault(word, []).append(index)
    return Words(
        title=frozenset(title.split()),
        names=frozenset(title.split() + codes.split()),
        places=places,
        written=[bool(text) for text in texts],
        headings={index: SafeText(texts[index]) for index in sorted(headings)},
        body_start=body_start,
    )


def test_the_span_holds_the_lines_that_stand_together() -> None:
    words = page("disk", *[""] * 20, "disk", "full", "host", "", "tail")
    span = best_span(words, terms(disk=1.0, full=1.0, host=1.0))
    assert (span.start, span.end, span.weight) == (22, 26, 3.0)


def test_of_equal_spans_the_first_is_taken() -> None:
    words = page("disk full", *[""] * 30, "full disk")
    assert best_span(words, terms(disk=1.0, full=1.0)).start == 1


def test_a_heading_close_above_is_taken_in() -> None:
    words = page("intro", "Mitigation", "", "one", "disk full", "two", headings=frozenset({1}))
    span = best_span(words, terms(disk=1.0, full=1.0))
    assert span.start == 2
    assert words.section(span.start) == "Mitigation"
    assert words.section(1) == ""


def test_front_matter_is_no_answer() -> None:
    words = page("---", "title disk", "---", "about disk", body_start=3)
    assert best_span(words, terms(disk=1.0)).start == 4


@given(
    st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=3).map(" ".join), min_size=1, max_size=60),
    st.sets(st.sampled_from("abcdefghxyz")),
)
def test_a_span_lies_within_the_page_is_never_too_long_and_none_holds_more(texts: list[str], asked: set[str]) -> None:
    span = best_span(page(*texts), terms(**dict.fromkeys(asked, 1.0)))
    assert 1 <= span.start <= span.end <= len(texts)
    assert span.end - span.start < SPAN_LIMIT
    most = max(len(asked & set(" ".join(texts[at : at + SPAN_LIMIT]).split())) for at in range(len(texts)))
    assert span.weight == most


def test_a_long_query_is_cut_to_its_rarest_words() -> None:
    stems = [f"w{number}" for number in range(100)]
    found = weigh(stems, {stem: number + 1 for number, stem in enumerate(stems)}, 200)
    assert set(found.known) == set(stems[:TERM_LIMIT])


def test_numbers_that_no_page_has_do_not_weigh_a_query_down() -> None:
    assert weigh(["disk", "91", "10"], {"disk": 1}, 10).unknown == 0.0
    assert weigh(["disk", "wombat"], {"disk": 1}, 10).unknown == idf(0, 10)


def test_the_name_of_an_instance_counts_for_little_and_for_nothing_where_no_page_has_it() -> None:
    found = weigh(["disk", "prod", "web"], {"disk": 1, "prod": 1}, 10, weak={"prod", "web"})
    assert found.known["prod"] == WEAK_SHARE * found.known["disk"]
    assert found.unknown == 0.0


def test_a_word_that_was_not_typed_to_its_end_counts_once_whatever_it_stands_for() -> None:
    found = weigh(["cert"], {"cert": 2}, 10, instead={"cert": ("certif", "certain")})
    both = match(page("certif certain", title="certif"), found, {"certif": 1.0})
    assert both.terms == 1
    assert both.coverage == both.titled == both.named == 1.0
    assert match(page("certain"), found, {}).coverage == 1.0


def test_words_that_no_page_has_lower_the_coverage() -> None:
    words = page("disk full", title="disk full")
    short = match(words, weigh(["disk", "full"], {"disk": 1, "full": 1}, 10), {"disk": 1.0, "full": 1.0})
    long = match(words, weigh(["disk", "full", "wombat"], {"disk": 1, "full": 1}, 10), {"disk": 1.0, "full": 1.0})
    assert short.coverage == 1.0
    assert long.coverage < 0.7
    assert short.confidence > long.confidence


def test_an_error_code_names_a_page_as_its_title_does() -> None:
    found = match(page("text", title="database", codes="ora00600"), terms(ora00600=2.0), {"database": 1.0})
    assert found.named == found.coverage == 1.0
    assert found.titled == 0.0


def test_a_page_far_behind_the_best_is_no_second_answer() -> None:
    asked = weigh(["disk", "full"], {"disk": 1, "full": 1}, 10)
    found = match(page("disk full"), asked, {"other": 1.0})
    assert found.is_strong(asked, found.confidence)
    assert not found.is_strong(asked, found.confidence * 2)


@given(
    st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=3).map(" ".join), min_size=1, max_size=20),
    st.sets(st.sampled_from("abcdefghxyz"), min_size=1),
    st.sets(st.sampled_from("abcdxyz")),
    st.floats(0, 50),
)
def test_nothing_is_an_answer_below_the_thresholds(
    texts: list[str], asked: set[str], title: set[str], unknown: float
) -> None:
    query = Terms(dict.fromkeys(sorted(asked), 1.0), unknown)
    found = match(page(*texts, title=" ".join(title)), query, dict.fromkeys(title, 1.0))
    for share in (found.coverage, found.together, found.known_together, found.named, found.titled):
        assert 0 <= share <= 1
    assert found.together <= found.coverage
    if found.is_strong(query, 0.0):
        assert found.confidence >= STRONG
        assert found.coverage >= COVERED
    more = Terms(query.known, unknown + 1)
    assert match(page(*texts), more, {}).confidence <= match(page(*texts), query, {}).confidence


def test_headings_in_code_begin_no_section() -> None:
    headings, body_start = sections(["---", "title: x", "---", "# A", "```", "# b", "```", "## C"])
    assert headings == {3: "A", 7: "C"}
    assert body_start == 3
