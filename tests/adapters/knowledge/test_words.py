from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from opstui.adapters.knowledge.words import WORD_LIMIT, expand, instance_words, telling, words


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("PodsCrashLooping", "podscrashlooping pods crash looping"),
        ("HTTPServerError", "httpservererror http server error"),
        ("etcdGRPCRequestsSlow", "etcdgrpcrequestsslow etcd grpc requests slow"),
        ("EC2Instance", "ec2instance ec2 instance"),
        ("old_wal_senders", "old wal senders"),
        ("payments-gw", "payments gw"),
        ("p99", "p99"),
        ("TLS", "tls"),
        ("über-Größe", "über größe"),
    ],
)
def test_compound_words_are_found_by_their_parts(word: str, parts: str) -> None:
    assert words(word) == parts.split()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("KubeConfig", "kubeconfig kube kubernetes config configuration"),
        ("K8s", "k8s kubernetes"),
        ("unready", "unready ready"),
        ("under", "under"),
        ("confer", "confer"),
    ],
)
def test_what_is_written_short_is_found_by_what_it_is_short_for(text: str, found: str) -> None:
    assert words(text) == found.split()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Pod prod-a/web-0 is down", {"prod", "a", "web", "0"}),
        ("10.0.3.7:9100 interface eth0", {"10", "0", "3", "7", "9100"}),
        ("node-7 of the node pool", {"7"}),
        ("kube-state-metrics: list/watch of disk_full", set()),
        ("payments-api-7d9f8b6c5-x2x9z on k8s-pool", {"payments", "api", "7d9f8b6c5", "x2x9z"}),
    ],
)
def test_names_of_instances_are_told_from_words(text: str, found: set[str]) -> None:
    assert instance_words(text) == found


@given(st.text())
def test_any_text_may_hold_names(text: str) -> None:
    assert instance_words(text) <= set(words(text))


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
