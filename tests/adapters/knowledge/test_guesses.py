from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from opstui.adapters.knowledge.guesses import is_one_slip
from opstui.adapters.knowledge.index import SqliteKnowledge


@pytest.mark.parametrize(
    ("typed", "doc"),
    [
        ("certif", "kb/CertificateExpired"),
        ("certificat", "kb/CertificateExpired"),
        ("tls cer", "kb/CertificateExpired"),
        ("logrot", "kb/disk/HostDiskFull"),
        ("lvext", "kb/disk/HostDiskFull"),
        ("crash loop", "kb/KubePodCrashLooping"),
        ("postq", "kb/MailQueueGrowing"),
    ],
)
def test_a_page_is_found_before_its_word_is_typed_to_the_end(index: SqliteKnowledge, typed: str, doc: str) -> None:
    assert index.search(typed)[0].doc == doc


@pytest.mark.parametrize(
    ("typed", "doc"),
    [
        ("certifcate expired", "kb/CertificateExpired"),
        ("lvextned", "kb/disk/HostDiskFull"),
        ("dealyed mail", "kb/MailQueueGrowing"),
    ],
)
def test_one_slip_in_a_word_is_forgiven(index: SqliteKnowledge, typed: str, doc: str) -> None:
    assert index.search(typed)[0].doc == doc


def test_a_word_is_only_gone_on_with_at_the_end_of_what_is_typed(index: SqliteKnowledge) -> None:
    assert index.search("lvext ") == []


def test_a_text_of_many_words_is_taken_as_it_stands(index: SqliteKnowledge) -> None:
    assert index.search("wombats and quokkas were seen near the canteen, nobody knows why, said lvext") == []


@pytest.mark.parametrize(
    ("left", "right"), [("disk", "dsik"), ("disk", "dik"), ("disk", "disks"), ("disk", "desk"), ("abcd", "bacd")]
)
def test_a_slip_is_a_letter_more_less_other_or_two_swapped(left: str, right: str) -> None:
    assert is_one_slip(left, right)
    assert is_one_slip(right, left)


@pytest.mark.parametrize(("left", "right"), [("disk", "disk"), ("disk", "dsks"), ("disk", "diskss"), ("", "ab")])
def test_nothing_and_two_slips_are_none(left: str, right: str) -> None:
    assert not is_one_slip(left, right)


@given(st.text("ab", max_size=6), st.text("ab", max_size=6))
def test_a_slip_is_one_both_ways(left: str, right: str) -> None:
    assert is_one_slip(left, right) == is_one_slip(right, left)
