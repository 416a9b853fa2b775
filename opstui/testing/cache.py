"""What every ticket cache promises (``ports.TicketCache``)."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from opstui.core.errors import FilterError
from opstui.core.ports import Cursor, TicketCache
from opstui.core.queues import Health, SortBy
from opstui.core.text import SafeText
from opstui.testing import builders as make
from opstui.testing.cache_lists import ME, NOW, QUEUE, ListedTicketsContract


class TicketCacheContract(ListedTicketsContract):
    """Subclass it with the fixture ``cache``: an empty one."""

    def test_a_ticket_reads_back_as_it_was_seen(self, cache: TicketCache) -> None:
        whole = make.ticket(
            severity="2",
            priority=SafeText("P2"),
            assignees=(SafeText("ana"), SafeText("bo")),
            team=SafeText("dba"),
            services=(SafeText("pay"),),
            tags=(SafeText("dns"),),
            due_at=NOW,
            fields={"region": SafeText("eu")},
            url=SafeText("https://example.org/1"),
            timeline=(make.entry(1), make.entry(2, op_id="op")),
        )
        self._store(cache, whole)
        assert cache.ticket(whole.ref) == (whole, NOW)
        assert cache.rows([make.ref("NO-1"), whole.ref]) == [whole.row()]
        assert cache.ticket(make.ref("NO-1")) is None

    def test_only_what_really_differs_is_told(self, cache: TicketCache) -> None:
        one, two = make.ticket("INC-1"), make.ticket("INC-2")
        assert self._store(cache, one, two) == ["INC-1", "INC-2"]
        before = cache.bell.last()
        assert self._store(cache, one, dataclasses.replace(two, version="2")) == ["INC-2"]
        assert [(ring.kind, ring.subject) for ring in cache.bell.rings(before)] == [("ticket", "local:INC-2")]

    def test_the_cursor_is_remembered_for_this_very_query(self, cache: TicketCache) -> None:
        assert cache.cursor(QUEUE) is None
        self._store(cache, make.ticket(), cursor="abc")
        assert cache.cursor(QUEUE) == Cursor("abc")
        assert cache.cursor(dataclasses.replace(QUEUE, query="everything")) is None

    def test_a_ticket_that_left_is_in_no_view_but_still_known(self, cache: TicketCache) -> None:
        self._store(cache, make.ticket("INC-1"), make.ticket("INC-2"))
        self._store(cache, left=("INC-1",), cursor="2")
        assert self._keys(cache) == self._keys(cache, queue=QUEUE) == "INC-2"
        assert cache.ticket(make.ref("INC-1")) is not None

    def test_a_changed_query_forgets_who_is_not_in_its_whole_answer(self, cache: TicketCache) -> None:
        self._store(cache, make.ticket("INC-1"), make.ticket("INC-2"))
        other = dataclasses.replace(QUEUE, query="everything")
        self._store(cache, make.ticket("INC-2"), queue=other, complete=False)
        assert self._keys(cache, queue=other) == "INC-1 INC-2"
        self._store(cache, make.ticket("INC-3"), queue=other)
        assert self._keys(cache, queue=other) == "INC-2 INC-3"

    def test_an_answer_that_starts_anew_forgets_who_is_not_in_it(self, cache: TicketCache) -> None:
        self._store(cache, make.ticket("INC-1"), make.ticket("INC-2"))
        self._store(cache, make.ticket("INC-2"), complete=False, anew=True)
        self._store(cache, make.ticket("INC-3"))
        assert self._keys(cache) == "INC-2 INC-3"

    def test_urgency_is_severity_then_due_then_age(self, cache: TicketCache) -> None:
        def at(hours: int) -> Any:
            return make.START + timedelta(hours=hours)

        self._store(
            cache,
            make.ticket("INC-1", severity=None, due_at=at(0)),
            make.ticket("INC-2", severity="2", due_at=None, created_at=at(-2)),
            make.ticket("INC-3", severity="2", due_at=None, created_at=at(-3)),
            make.ticket("INC-4", severity="2", due_at=at(5)),
            make.ticket("INC-5", severity="1"),
        )
        assert self._keys(cache) == "INC-5 INC-4 INC-3 INC-2 INC-1"
        assert self._keys(cache, sort=SortBy.AGE) == "INC-3 INC-2 INC-1 INC-4 INC-5"
        assert self._keys(cache, sort=SortBy.DUE) == "INC-1 INC-4 INC-5 INC-3 INC-2"

    def test_keys_sort_by_their_numbers(self, cache: TicketCache) -> None:
        self._store(cache, *(make.ticket(key) for key in ("INC-1001", "INC-9", "INC-100")))
        assert self._keys(cache, sort=SortBy.REF) == "INC-9 INC-100 INC-1001"

    def test_a_filter_chooses_and_a_bad_one_points_at_its_word(self, cache: TicketCache) -> None:
        self._store(
            cache,
            make.ticket("INC-1", "disk full", severity="1", assignees=(SafeText("Ana"),)),
            make.ticket("INC-2", "DISK slow", status="closed", tags=(SafeText("dns"),)),
            make.ticket("INC-3", "login fails", status="waiting", services=(SafeText("payments"),)),
        )
        assert self._keys(cache, "disk") == "INC-1 INC-2"
        assert self._keys(cache, "-status:closed") == "INC-1 INC-3"
        assert self._keys(cache, "assignee:me severity<=2 age>30m") == "INC-1"
        assert self._keys(cache, "svc:pay") == "INC-3"
        assert self._keys(cache, "tag:dns ref:INC-2") == "INC-2"
        with pytest.raises(FilterError) as caught:
            self._keys(cache, "disk colour:red")
        assert caught.value.position == 5

    def test_a_window_leaves_out_what_is_gone(self, cache: TicketCache) -> None:
        self._store(cache, make.ticket())
        number = cache.id_of(make.ref())
        assert number is not None
        assert cache.id_of(make.ref("NO-1")) is None
        assert [row.ref.key for row, *_ in cache.window([number + 999, number])] == ["INC-1"]

    def test_what_came_first_is_seen_and_what_others_change_is_not(self, cache: TicketCache) -> None:
        self._store(cache, make.ticket("INC-1"), make.ticket("INC-2"))
        assert self._unseen(cache) == ""
        self._store(cache, make.ticket("INC-1", version="2", timeline=(make.entry(author=SafeText("bo")),)))
        self._store(cache, make.ticket("INC-2", version="2", timeline=(make.entry(author=SafeText("ana")),)))
        self._store(cache, make.ticket("INC-3"))
        assert self._unseen(cache) == "INC-1 INC-3"
        assert cache.queue_state(QUEUE, me=ME, now=NOW).unseen == 2
        assert cache.seen_entries(make.ref("INC-1")) == 0
        cache.mark_seen(make.ref("INC-1"), now=NOW)
        assert self._unseen(cache) == "INC-3"
        assert cache.seen_entries(make.ref("INC-1")) == 1

    def test_looking_twice_rings_once(self, cache: TicketCache) -> None:
        self._store(cache, make.ticket("INC-2"))
        self._store(cache, make.ticket())
        before = cache.bell.last()
        cache.mark_seen(make.ref(), now=NOW)
        cache.mark_seen(make.ref(), now=NOW)
        assert len(cache.bell.rings(before)) == 1

    def test_a_failed_question_keeps_what_is_cached_and_its_health(self, cache: TicketCache) -> None:
        self._store(cache, make.ticket())
        before = cache.bell.last()
        for _ in range(2):
            cache.failed(QUEUE, Health.OFFLINE, "no answer\x1b[2J", now=NOW + timedelta(hours=1))
        state = cache.queue_state(QUEUE, me=ME, now=NOW)
        assert (state.state, state.open, state.fetched_at) == (Health.OFFLINE, 1, NOW)
        assert state.error is not None
        assert "\x1b" not in state.error
        assert [ring.kind for ring in cache.bell.rings(before)] == ["queue"]
        self._store(cache, cursor="2")
        assert cache.queue_state(QUEUE, me=ME, now=NOW).state is Health.LIVE

    def test_open_counts_new_open_and_waiting(self, cache: TicketCache) -> None:
        words = ("new", "open", "waiting", "resolved", "closed")
        self._store(cache, *(make.ticket(f"INC-{number}", status=word) for number, word in enumerate(words)))
        assert cache.queue_state(QUEUE, me=ME, now=NOW).open == 3

    def test_a_queue_that_was_never_asked_is_stale_and_empty(self, cache: TicketCache) -> None:
        state = cache.queue_state(QUEUE, me=ME, now=NOW)
        assert (state.state, state.open, state.fetched_at) == (Health.STALE, 0, None)

    def test_the_worst_ticket_is_an_open_severity_one(self, cache: TicketCache) -> None:
        assert cache.worst() is None
        self._store(
            cache,
            make.ticket("INC-1", severity="1", status="closed"),
            make.ticket("INC-2", severity="1", created_at=make.START - timedelta(days=1)),
            make.ticket("INC-3", severity="1", due_at=NOW),
            make.ticket("INC-4", severity="2", due_at=make.START),
        )
        worst = cache.worst()
        assert worst is not None
        assert worst.ref.key == "INC-3"

    def test_a_ticket_read_by_itself_is_kept_and_in_no_view(self, cache: TicketCache) -> None:
        assert cache.keep(make.ticket(), now=NOW)
        assert not cache.keep(make.ticket(), now=NOW + timedelta(minutes=1))
        assert cache.ticket(make.ref()) == (make.ticket(), NOW + timedelta(minutes=1))
        assert self._keys(cache) == ""

    def test_pruning_drops_only_what_is_in_no_queue(self, cache: TicketCache) -> None:
        self._store(cache, make.ticket("INC-1"))
        cache.keep(make.ticket("INC-2"), now=NOW)
        cache.keep(make.ticket("INC-3"), now=NOW + timedelta(days=1))
        assert cache.prune(NOW + timedelta(hours=1)) == 1
        assert [cache.ticket(make.ref(f"INC-{number}")) is not None for number in (1, 2, 3)] == [True, False, True]

    def test_an_order_follows_every_change(self, cache: TicketCache) -> None:
        self._store(cache, make.ticket("INC-1", severity="2"), make.ticket("INC-2", severity="3"))
        assert self._keys(cache) == "INC-1 INC-2"
        self._store(cache, make.ticket("INC-2", severity="1", version="2"))
        assert self._keys(cache) == "INC-2 INC-1"

    def test_more_than_two_hundred_changes_ring_once(self, cache: TicketCache) -> None:
        before = cache.bell.last()
        self._store(cache, *(make.ticket(f"INC-{number}") for number in range(250)))
        assert [(ring.kind, ring.subject) for ring in cache.bell.rings(before)] == [("queue", "mine")]

    def test_view_state_comes_back(self, cache: TicketCache) -> None:
        assert cache.view_state("queues") is None
        cache.keep_view_state("queues", {"cursor": "local:INC-1", "scroll": 12})
        assert cache.view_state("queues") == {"cursor": "local:INC-1", "scroll": 12}

    def test_similar_tickets_share_rare_words_and_exclude_itself(self, cache: TicketCache) -> None:
        common = [make.ticket(f"INC-{number}", f"alert number {number} fired again") for number in range(10, 60)]
        one = make.ticket("INC-1", "kafka broker rebalancing storm", body=SafeText("zookeeper session expired"))
        two = make.ticket("INC-2", "Kafka consumers lag", body=SafeText("after the zookeeper failover"))
        self._store(cache, one, two, *common)
        assert [row.ref.key for row, _ in cache.similar(one, 3)] == ["INC-2"]

    def test_words_are_counted_by_tickets_in_title_and_body(self, cache: TicketCache) -> None:
        one = make.ticket("INC-1", "Kafka kafka lags", body=SafeText("zookeeper, and Kafka again"))
        self._store(cache, one, make.ticket("INC-2", "a", body=SafeText("kafka")), make.ticket("INC-3", "b"))
        assert cache.tickets_with(["kafka", "zookeeper", "nowhere"]) == ({"kafka": 2, "zookeeper": 1}, 3)

    def test_the_more_alike_comes_first_between_nought_and_one(self, cache: TicketCache) -> None:
        asked = make.ticket("INC-1", "kafka broker rebalancing storm", body=SafeText("zookeeper session expired"))
        same = make.ticket("INC-2", "Kafka brokers rebalance", body=SafeText("the zookeeper session expired"))
        near = make.ticket("INC-3", "kafka topic is gone", body=SafeText("nobody knows why"))
        self._store(cache, asked, near, same)
        found = cache.similar(asked, 3)
        assert [row.ref.key for row, _ in found] == ["INC-2", "INC-3"]
        assert 1 >= found[0][1] > found[1][1] > 0

    @pytest.mark.parametrize(
        "text", ['"', "a AND", "NEAR(", "title:x", "*", "-", "' OR 1=1 --", "\x00", "{}[]()", "ünïcödé", "", "の" * 500]
    )
    def test_any_text_can_be_compared(self, cache: TicketCache, text: str) -> None:
        odd = make.ticket("INC-1", text, body=SafeText(f"{text} zookeeper"))
        self._store(cache, odd, make.ticket("INC-2", text, body=SafeText("zookeeper")), make.ticket("INC-3"))
        assert "INC-1" not in [row.ref.key for row, _ in cache.similar(odd, 5)]
