"""How alike two tickets are: what counts, and what must not."""

from __future__ import annotations

import pytest

from opstui.core.likeness import Likeness, rarity, written_words

COUNTS = {"the": 900, "slow": 400, "checkout": 40, "pod": 60, "crash": 30, "looping": 5, "kafka": 4, "zookeeper": 2}


def likeness(title: str, body: str = "") -> Likeness:
    return Likeness(title, body, COUNTS, 1000)


def test_a_ticket_is_as_like_itself_as_can_be() -> None:
    title, body = "Checkout is slow", "ORA-00600 on db-3, since the rollout"
    assert likeness(title, body)(title, body) == pytest.approx(1.0, abs=0.01)


def test_nothing_in_common_is_nothing() -> None:
    assert likeness("kafka lags")("printer jams", "paper everywhere") == 0.0


def test_a_rare_word_in_common_says_more_than_a_common_one() -> None:
    asked = likeness("zookeeper slow")
    assert asked("zookeeper restarted") > asked("slow restarted")


def test_a_compound_word_is_like_its_parts_and_the_other_way_round() -> None:
    assert likeness("KubePodCrashLooping")("pod is crash looping") > 0.2
    assert likeness("pod is crash looping")("KubePodCrashLooping") > 0.2


def test_endings_do_not_matter() -> None:
    assert likeness("crashed pods")("pod crashes") > 0.5


def test_a_long_text_that_holds_everything_is_less_alike_than_a_short_one() -> None:
    asked = likeness("kafka lags")
    assert asked("kafka lags", "") > asked("news", " ".join(f"word{number}" for number in range(120)) + " kafka lags")


def test_an_identifier_that_both_name_counts() -> None:
    asked = likeness("payment fails", "ORA-00600 again")
    assert asked("payment stuck", "ORA-00600 seen") > asked("payment stuck", "again seen")


@pytest.mark.parametrize("text", ["", "-", "の" * 500, "a" * 5000, "ẞ İ ﬁ", "𝒜𝒜𝒜 ___ ..."])
def test_any_text_can_be_compared(text: str) -> None:
    assert 0.0 <= likeness(text, text)(text, text) <= 1.0
    assert 0.0 <= likeness("kafka", text)(text, "kafka") <= 1.0


def test_the_words_to_count_are_lower_case_and_hold_the_parts_of_compounds() -> None:
    assert written_words("KubePod lags", "lags again") == ["kubepod", "kube", "pod", "lags", "again"]


def test_a_word_on_every_ticket_weighs_next_to_nothing() -> None:
    assert rarity(1000, 1000) < 0.01 < rarity(1, 1000)
    assert rarity(5000, 1000) >= 0
