"""What every ticket cache promises of tickets as lists have them, of news, and of processes that share it."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from opstui.core.ports import Changes, Cursor, TicketCache
from opstui.core.queues import Health, Queue, SortBy
from opstui.core.text import SafeText
from opstui.core.tickets import Ticket
from opstui.testing import builders as make

QUEUE = Queue("mine", "local", "assigned to me")
NOW = make.START + timedelta(hours=1)
ME = {"local": "ana"}


def changes_of(*tickets: Ticket, left: tuple[str, ...] = (), cursor: str = "1", **more: bool) -> Changes:
    """An answer about a queue."""
    return Changes(tickets=tickets, left=left, cursor=Cursor(cursor), **more)


def listed(ticket: Ticket, **changes: Any) -> Ticket:
    """``ticket`` as a list has it: no body, timeline, files or fields, and a coarser version."""
    bare: dict[str, Any] = {
        "body": SafeText(""),
        "timeline": (),
        "attachments": (),
        "fields": {},
        "url": None,
        "complete": False,
        "version": f"of the list {ticket.updated_at}",
    }
    return dataclasses.replace(ticket, **bare | changes)


def later(minutes: float) -> dict[str, Any]:
    """A change of ``updated_at``."""
    return {"updated_at": make.START + timedelta(minutes=minutes)}


class ListedTicketsContract:
    """A part of ``TicketCacheContract``."""

    @pytest.fixture
    def cache(self) -> TicketCache:
        raise NotImplementedError

    def _store(self, cache: TicketCache, *tickets: Ticket, queue: Queue = QUEUE, **more: Any) -> list[str]:
        return [one.key for one in cache.store(queue, changes_of(*tickets, **more), now=NOW, me="ana")]

    def _keys(
        self, cache: TicketCache, text: str = "", sort: SortBy = SortBy.URGENCY, queue: Queue | None = None
    ) -> str:
        ids = cache.order(queue=queue, filter_text=text, sort=sort, me=ME, now=NOW)
        return " ".join(row.ref.key for row, *_ in cache.window(ids))

    def _unseen(self, cache: TicketCache) -> str:
        ids = cache.order(queue=None, filter_text="", sort=SortBy.REF, me=ME, now=NOW)
        return " ".join(row.ref.key for row, unseen, _ in cache.window(ids) if unseen)

    def test_a_listed_row_keeps_what_lists_do_not_tell_and_says_that_it_is_old(self, cache: TicketCache) -> None:
        whole = make.ticket(
            fields={"region": SafeText("eu")}, url=SafeText("https://example.org/1"), timeline=(make.entry(1),)
        )
        self._store(cache, whole)
        newer = listed(whole, title=SafeText("checkout is down"), severity="1", **later(5))
        assert self._store(cache, newer) == ["INC-1"]
        known = dataclasses.replace(
            whole, title=newer.title, severity="1", updated_at=newer.updated_at, version=newer.version, complete=False
        )
        assert cache.ticket(whole.ref) == (known, NOW)
        assert self._keys(cache, "down severity:1") == "INC-1"
        again = dataclasses.replace(whole, title=newer.title, severity="1", updated_at=newer.updated_at, version="7")
        assert cache.keep(again, now=NOW)
        assert cache.ticket(whole.ref) == (again, NOW)

    def test_what_a_list_tells_beyond_the_row_is_taken(self, cache: TicketCache) -> None:
        whole = make.ticket(fields={"region": SafeText("eu"), "zone": SafeText("a")})
        self._store(cache, whole)
        told = listed(whole, body=SafeText("a new body"), fields={"region": SafeText("us")}, **later(5))
        self._store(cache, told)
        found = cache.ticket(whole.ref)
        assert found is not None
        assert (found[0].body, found[0].fields) == ("a new body", {"region": "us", "zone": "a"})

    def test_a_listed_row_that_is_known_changes_nothing(self, cache: TicketCache) -> None:
        whole = make.ticket(timeline=(make.entry(1),), version="7")
        self._store(cache, whole)
        before = cache.bell.last()
        assert self._store(cache, listed(whole, body=SafeText("as the list shortens it"))) == []
        assert cache.ticket(whole.ref) == (whole, NOW)
        assert cache.bell.rings(before) == ()

    def test_lists_that_always_differ_from_the_whole_ticket_change_it_once(self, cache: TicketCache) -> None:
        whole = make.ticket(tags=(SafeText("dns"),), timeline=(make.entry(1),))
        without_tags = listed(whole, tags=())
        self._store(cache, without_tags)
        cache.keep(whole, now=NOW)
        before = cache.bell.last()
        assert self._store(cache, without_tags) == []
        assert cache.ticket(whole.ref) == (whole, NOW)
        assert cache.bell.rings(before) == ()

    def test_a_list_that_lags_behind_what_was_read_changes_nothing(self, cache: TicketCache) -> None:
        old = make.ticket()
        self._store(cache, old)
        resolved = make.ticket(status="resolved", version="2", **later(50))
        cache.keep(resolved, now=NOW)
        assert self._store(cache, listed(old, title=SafeText("x"), **later(40))) == []
        assert cache.ticket(old.ref) == (resolved, NOW)

    def test_a_ticket_known_from_a_list_alone_is_not_complete(self, cache: TicketCache) -> None:
        told = listed(make.ticket())
        self._store(cache, told)
        assert cache.ticket(told.ref) == (told, NOW)
        assert self._keys(cache, queue=QUEUE) == "INC-1"

    def test_the_search_follows_a_body_that_came_later(self, cache: TicketCache) -> None:
        one, two = make.ticket("INC-1", "a"), make.ticket("INC-2", "b", body=SafeText("zookeeper session expired"))
        self._store(cache, listed(one), two)
        assert cache.similar(two, 3) == []
        cache.keep(dataclasses.replace(one, body=SafeText("the zookeeper failover")), now=NOW)
        assert [row.ref.key for row, _ in cache.similar(two, 3)] == ["INC-1"]

    def test_what_a_list_tells_is_unseen_before_its_timeline_is_read(self, cache: TicketCache) -> None:
        one, two, new = make.ticket("INC-1"), make.ticket("INC-2"), make.ticket("INC-3")
        self._store(cache, listed(one), listed(two))
        assert self._unseen(cache) == ""
        assert cache.unread("local", 9) == []
        self._store(cache, listed(one, severity="1", **later(5)), listed(new), cursor="2")
        ids = cache.order(queue=None, filter_text="", sort=SortBy.REF, me=ME, now=NOW)
        assert [(row.ref.key, changed) for row, unseen, changed in cache.window(ids) if unseen] == [
            ("INC-1", True),
            ("INC-3", False),
        ]
        assert [ref.key for ref in cache.unread("local", 9)] == ["INC-1", "INC-3"]
        read = dataclasses.replace(one, severity="1", **later(5), timeline=(make.entry(1, author=SafeText("bo")),))
        cache.keep(read, now=NOW, me="ana", notice=True)
        assert [ref.key for ref in cache.unread("local", 9)] == ["INC-3"]
        assert self._unseen(cache) == "INC-1 INC-3"
        cache.mark_seen(one.ref, now=NOW)
        assert self._unseen(cache) == "INC-3"

    def test_what_i_did_myself_is_no_news_once_the_timeline_tells(self, cache: TicketCache) -> None:
        one = make.ticket(timeline=(make.entry(1, author=SafeText("bo")),))
        self._store(cache, one)
        cache.keep_account("local", "ana")
        self._store(cache, listed(one, status=make.ticket(status="waiting").status, **later(5)))
        assert self._unseen(cache) == "INC-1"
        mine = dataclasses.replace(
            one,
            status=make.ticket(status="waiting").status,
            timeline=(*one.timeline, make.entry(2, author=SafeText("ana"))),
            version="2",
            **later(5),
        )
        cache.keep(mine, now=NOW)
        assert self._unseen(cache) == ""
        assert (cache.seen_entries(one.ref), cache.seen_fields(one.ref)) == (2, None)

    def test_my_part_does_not_hide_what_others_did(self, cache: TicketCache) -> None:
        one = make.ticket()
        self._store(cache, one)
        self._store(cache, listed(one, severity="1", **later(5)))
        entries = (make.entry(1, author=SafeText("bo")), make.entry(2, author=SafeText("ana")))
        cache.keep(
            dataclasses.replace(one, severity="1", timeline=entries, version="2", **later(5)),
            now=NOW,
            me="ana",
            notice=True,
        )
        assert self._unseen(cache) == "INC-1"

    def test_a_first_reading_counts_as_seen_what_had_happened_before_the_list_came(self, cache: TicketCache) -> None:
        entries = tuple(make.entry(number, author=SafeText("bo")) for number in (1, 2, 3, 4))
        self._store(cache, listed(make.ticket(), **later(2)))
        cache.keep(make.ticket(timeline=entries[:2], **later(2)), now=NOW, notice=True)
        assert (self._unseen(cache), cache.seen_entries(make.ref())) == ("", 2)
        other = tuple(make.entry(number, key="INC-2", author=SafeText("bo")) for number in (1, 2, 3, 4))
        self._store(cache, listed(make.ticket("INC-2"), **later(2)), queue=dataclasses.replace(QUEUE, name="other"))
        cache.keep(make.ticket("INC-2", timeline=other, **later(4)), now=NOW, notice=True)
        assert (self._unseen(cache), cache.seen_entries(make.ref("INC-2"))) == ("INC-2", 2)

    def test_fields_are_compared_with_those_that_the_operator_saw(self, cache: TicketCache) -> None:
        whole = make.ticket(severity="3", fields={"region": SafeText("eu")})
        self._store(cache, whole)
        assert cache.seen_fields(whole.ref) is None
        self._store(cache, listed(whole, severity="2", **later(5)))
        cache.keep(dataclasses.replace(whole, severity="1", version="3", **later(6)), now=NOW)
        seen = cache.seen_fields(whole.ref)
        assert seen is not None
        assert (seen["/severity"], seen["/fields/region"]) == ("3", "eu")
        cache.mark_seen(whole.ref, now=NOW)
        assert cache.seen_fields(whole.ref) is None

    def test_fields_that_no_list_told_did_not_change_when_they_are_read(self, cache: TicketCache) -> None:
        whole = make.ticket(severity="3", fields={"region": SafeText("eu")})
        self._store(cache, listed(whole))
        self._store(cache, listed(whole, severity="2", **later(5)))
        cache.keep(dataclasses.replace(whole, severity="2", **later(5)), now=NOW)
        seen = cache.seen_fields(whole.ref)
        assert seen is not None
        assert seen["/severity"] == "3"
        assert "/fields/region" not in seen

    def test_a_whole_listing_marks_what_differs_and_nothing_else(self, cache: TicketCache) -> None:
        one, two = make.ticket("INC-1"), make.ticket("INC-2")
        self._store(cache, listed(one), listed(two), anew=True)
        self._store(cache, listed(one), listed(two, severity="1", **later(5)), anew=True)
        assert self._unseen(cache) == "INC-2"

    def test_a_long_listing_is_taken_in_piece_by_piece_and_as_one(self, cache: TicketCache) -> None:
        many = [listed(make.ticket(f"INC-{number}")) for number in range(450)]
        breaths: list[int] = []
        cache.store(QUEUE, changes_of(*many), now=NOW, me="ana", breathe=lambda: breaths.append(1))
        assert len(breaths) > 9
        before = cache.bell.last()
        assert self._store(cache, *many[:449], anew=True) == []
        assert [ring.kind for ring in cache.bell.rings(before)] == ["queue"]
        assert len(self._keys(cache, queue=QUEUE).split()) == 449

    def test_an_answer_counts_when_all_of_it_came(self, cache: TicketCache) -> None:
        self._store(cache, listed(make.ticket("INC-1")), complete=False)
        state = cache.queue_state(QUEUE, me=ME, now=NOW)
        assert (state.state, state.fetched_at, self._keys(cache, queue=QUEUE)) == (Health.STALE, None, "INC-1")
        self._store(cache, listed(make.ticket("INC-2")), cursor="2")
        state = cache.queue_state(QUEUE, me=ME, now=NOW)
        assert (state.state, state.fetched_at, self._unseen(cache)) == (Health.LIVE, NOW, "")

    def test_one_process_asks_a_queue_at_a_time(self, cache: TicketCache) -> None:
        until = NOW + timedelta(minutes=1)

        def claim(who: str, minutes: float = 0, since: Any = None) -> bool:
            return cache.claim(QUEUE, who, now=NOW + timedelta(minutes=minutes), until=until, unless_since=since)

        assert claim("a")
        assert not claim("b")
        assert claim("a")
        cache.release(QUEUE, "b", now=NOW)
        assert not claim("b")
        assert claim("b", minutes=2)
        cache.release(QUEUE, "b", now=NOW)
        assert claim("a")

    def test_who_was_asked_a_moment_ago_is_not_asked_again(self, cache: TicketCache) -> None:
        def claim(who: str, seconds: float) -> bool:
            moment = NOW + timedelta(seconds=seconds)
            since = moment - timedelta(seconds=15)
            return cache.claim(QUEUE, who, now=moment, until=moment + timedelta(minutes=1), unless_since=since)

        assert claim("a", 0)
        cache.release(QUEUE, "a", now=NOW)
        assert not claim("b", 10)
        assert claim("b", 20)

    def test_accounts_are_remembered(self, cache: TicketCache) -> None:
        assert cache.account("rt") == ""
        cache.keep_account("rt", "ana")
        cache.keep_account("rt", "bo")
        assert (cache.account("rt"), cache.account("other")) == ("bo", "")
