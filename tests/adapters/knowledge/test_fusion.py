from __future__ import annotations

from dataclasses import replace

from hypothesis import given, strategies as st

from opstui.adapters.knowledge.fusion import Candidate, Ranked, fused, ordered
from opstui.adapters.knowledge.ranking import Match, Span

PAGES = st.lists(st.integers(1, 30), unique=True, max_size=20)
FOUND = Match(
    coverage=0.8, together=0.8, known_together=0.8, named=0.5, titled=0.5, terms=3, span=Span(start=1, end=2, weight=1)
)


def test_the_first_of_both_lists_is_first() -> None:
    points = fused([Ranked([1, 2, 3], 0.5), Ranked([1, 3, 2], 0.5)])
    assert max(points, key=points.__getitem__) == 1


def test_a_page_that_one_list_lacks_may_still_come_before_one_that_both_have_far_down() -> None:
    low = list(range(10, 40))
    points = fused([Ranked([1, *low], 1.0), Ranked(low, 1.0)])
    assert points[1] > points[39]


@given(PAGES, PAGES)
def test_every_page_of_a_list_gets_points_whichever_list_comes_first(left: list[int], right: list[int]) -> None:
    points = fused([Ranked(left, 1.0), Ranked(right, 1.0)])
    assert set(points) == {*left, *right}
    assert points == fused([Ranked(right, 1.0), Ranked(left, 1.0)])


@given(PAGES, PAGES, st.data())
def test_a_better_place_never_costs_points(left: list[int], right: list[int], data: st.DataObject) -> None:
    if len(left) < 2:
        return
    at = data.draw(st.integers(1, len(left) - 1))
    before = fused([Ranked(left, 0.7), Ranked(right, 0.5)])
    left[at - 1], left[at] = left[at], left[at - 1]
    after = fused([Ranked(left, 0.7), Ranked(right, 0.5)])
    assert after[left[at - 1]] > before[left[at - 1]]


@given(PAGES.filter(bool))
def test_one_list_alone_keeps_its_order(pages: list[int]) -> None:
    points = fused([Ranked(pages, 0.7)])
    assert sorted(points, key=points.__getitem__, reverse=True) == pages


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
