"""What words for severity mean, and which word is written for one."""

from __future__ import annotations

import pytest

from opstui.adapters.tickets.severities import WORDS, Severities


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("critical", "1"), ("Blocker", "1"), ("HIGHEST", "1"), ("P1", "1"), ("sev1", "1"), ("1 - Critical", "1"),
        ("1-critical", "1"), ("Urgent", "1"), ("High", "2"), ("major", "2"), ("SEV-2", "2"), ("Normal", "3"),
        ("  medium ", "3"), ("3 - Moderate", "3"), ("warning", "3"), ("Low", "4"), ("5 - Planning", None),
        ("4", "4"), ("0", None), ("5", None), ("Sev 1", None), ("highly unusual", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_a_word_means_what_it_means_everywhere_and_nothing_is_guessed(word: str | None, severity: str | None) -> None:
    assert Severities({}).of(word) == severity


def test_the_words_of_the_config_come_first() -> None:
    severities = Severities({"High": "1", "Kaputt": "2"})
    assert (severities.of("high"), severities.of("KAPUTT"), severities.of("low")) == ("1", "2", "4")


def test_a_connector_may_have_words_of_its_own() -> None:
    assert Severities({}, {**WORDS, "Dringend": "1"}).of("dringend") == "1"
    assert Severities({}, {}).of("critical") is None


def test_what_is_written_is_one_of_the_systems_choices() -> None:
    severities = Severities({})
    assert severities.word("1", ("Low", "Urgent", "Immediate")) == "Urgent"
    assert severities.word("2", ("Low", "Urgent")) is None


def test_a_choice_that_the_config_names_is_written_before_others() -> None:
    severities = Severities({"House on fire": "1"})
    assert severities.word("1", ("Urgent", "House on fire")) == "House on fire"


def test_a_word_that_the_config_gives_another_meaning_is_not_written_for_the_old_one() -> None:
    assert Severities({"urgent": "3"}).word("1", ("Low", "Urgent")) is None
