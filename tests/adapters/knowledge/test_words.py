from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from opstui.adapters.knowledge.words import WORD_LIMIT, expand, telling, words


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("KubePodCrashLooping", "kubepodcrashlooping kube pod crash looping"),
        ("HTTPServerError", "httpservererror http server error"),
        ("etcdGRPCRequestsSlow", "etcdgrpcrequestsslow etcd grpc requests slow"),
        ("EC2Instance", "ec2instance ec2 instance"),
        ("max_wal_senders", "max wal senders"),
        ("payments-gw", "payments gw"),
        ("p99", "p99"),
        ("TLS", "tls"),
        ("über-Größe", "über größe"),
    ],
)
def test_compound_words_are_found_by_their_parts(word: str, parts: str) -> None:
    assert words(word) == parts.split()


def test_words_of_every_sentence_are_left_out_but_those_that_alerts_are_made_of_stay() -> None:
    assert telling(words("the target is down since the deploy")) == ["target", "down", "deploy"]


def test_a_query_of_common_words_alone_keeps_them() -> None:
    assert telling(["this", "is", "it"]) == ["this", "is", "it"]


@given(st.text())
def test_words_are_safe_between_quotes(text: str) -> None:
    for word in words(text):
        assert word
        assert '"' not in word
        assert "\x00" not in word
        assert word.isalnum() or not word.isascii()
        assert len(word) <= WORD_LIMIT * 2  # lower() may lengthen a letter


@given(st.text())
def test_expanding_keeps_every_line_where_it_is(text: str) -> None:
    assert expand(text).count("\n") == text.count("\n")


def test_a_megabyte_without_a_space_is_read_in_no_time() -> None:
    assert words("aB" * 500_000) == []
    assert words("a" * 1_000_000) == []
