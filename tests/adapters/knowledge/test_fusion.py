from __future__ import annotations

from dataclasses import replace

from hypothesis import given, strategies as st

from opstui.adapters.knowledge.fusion import Candidate, fused, ordered, places, score
from opstui.adapters.knowledge.ranking import Match, Span

PAGES = st.lists(st.integers(1, 30), unique=True, max_size=20)
FOUND = Match(
    coverage=0.8, together=0.8, known_together=0.8, named=0.5, titled=0.5, terms=3, span=Span(start=1, end=2, weight=1)
)


def points(*lists: list[int]) -> dict[int, float]:
    return {page: fused(ranks) for page, ranks in places(lists).items()}


def test_the_first_of_both_lists_is_first() -> None:
    found = points([1, 2, 3], [1, 3, 2])
    assert max(found, key=found.__getitem__) == 1


def test_a_page_that_one_list_lacks_may_still_come_before_one_that_both_have_far_down() -> None:
    low = list(range(10, 80))
    found = points([1, *low], low)
    assert found[1] > found[79]


@given(PAGES, PAGES, PAGES)
def test_every_page_of_a_list_gets_points(words: list[int], trigrams: list[int], meaning: list[int]) -> None:
    found = points(words, trigrams, meaning)
    assert set(found) == {*words, *trigrams, *meaning}
    assert all(0 < value < 2 for value in found.values())


@given(PAGES, PAGES, st.data())
def test_a_better_place_never_costs_points(left: list[int], right: list[int], data: st.DataObject) -> None:
    if len(left) < 2:
        return
    at = data.draw(st.integers(1, len(left) - 1))
    before = points(left, right)
    left[at - 1], left[at] = left[at], left[at - 1]
    assert points(left, right)[left[at - 1]] > before[left[at - 1]]


@given(PAGES.filter(bool))
def test_one_list_alone_keeps_its_order(pages: list[int]) -> None:
    found = points(pages)
    assert sorted(found, key=found.__getitem__, reverse=True) == pages


@given(st.tuples(st.integers(1, 100), st.integers(1, 100)), st.floats(0, 1), st.floats(0, 1))
def test_more_of_the_query_never_costs_points(ranks: tuple[int, int], less: float, more: float) -> None:
    less, more = sorted((less, more))
    for share in ("titled", "known_together", "named"):
        assert score(ranks, replace(FOUND, **{share: more})) >= score(ranks, replace(FOUND, **{share: less}))


def candidate(doc: str, score: float, *, confidence: float = 1.0, is_guidance: bool = True) -> Candidate:
    found = replace(FOUND, coverage=confidence, together=confidence, titled=0.0)
    return Candidate(len(doc), doc, score, found, is_guidance)


def test_a_page_that_is_no_guidance_comes_behind_guidance_that_answers_as_well() -> None:
    found = ordered([candidate("old", 9.0, is_guidance=False), candidate("now", 5.0), candidate("next", 4.0)])
    assert [one.doc for one in found] == ["now", "next", "old"]
    assert [one.score for one in found] == [5.0, 4.0, 4.0]


def test_a_page_that_is_no_guidance_stays_before_one_that_says_much_less() -> None:
    found = ordered([candidate("other", 5.0, confidence=0.3), candidate("old", 9.0, is_guidance=False)])
    assert [one.doc for one in found] == ["old", "other"]


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 1), st.booleans()), max_size=12))
def test_the_order_follows_the_scores_and_loses_nothing(rows: list[tuple[float, float, bool]]) -> None:
    given_ = [
        candidate(f"d{number}", score, confidence=confidence, is_guidance=is_guidance)
        for number, (score, confidence, is_guidance) in enumerate(rows)
    ]
    found = ordered(given_)
    assert sorted(one.doc for one in found) == sorted(one.doc for one in given_)
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
