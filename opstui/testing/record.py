"""What every record store promises (``ports.RecordStore``)."""

from __future__ import annotations

import dataclasses
import threading
from datetime import timedelta

import pytest

from opstui.core.audit import GENESIS, AuditEntry, verify
from opstui.core.drafts import DraftOp, DraftState, OpKind, PushStep
from opstui.core.errors import StaleRevision
from opstui.core.ports import Editing, LimitRaise, Paper, RecordStore, RecordWriter, Request
from opstui.core.sessions import SessionStatus, Usage
from opstui.testing import builders as make

HOUR = timedelta(hours=1)


def _audit(action: str) -> AuditEntry:
    return AuditEntry(at=make.START, operator="ana", actor="operator", action=action, ticket="local:INC-1")


class RecordStoreContract:
    """Subclass it with the fixture ``store``: an empty one."""

    @pytest.fixture
    def store(self) -> RecordStore:
        raise NotImplementedError

    # --- drafts

    def test_a_new_draft_reads_back_with_revision_one(self, store: RecordStore) -> None:
        ops = (DraftOp(op=OpKind.SET, path="/assignee", before=["bo"], to=["ana"]),)
        saved = store.write(lambda writer: writer.put_draft(make.draft(ops=ops), expected_rev=None))
        assert saved.rev == 1
        assert store.draft("d1") == saved

    def test_each_save_raises_the_revision_by_one(self, store: RecordStore) -> None:
        first = store.write(lambda writer: writer.put_draft(make.draft(), expected_rev=None))
        second = store.write(lambda writer: writer.put_draft(first, expected_rev=1))
        assert (first.rev, second.rev) == (1, 2)

    def test_a_save_on_another_revision_is_stale_and_changes_nothing(self, store: RecordStore) -> None:
        first = store.write(lambda writer: writer.put_draft(make.draft(), expected_rev=None))
        second = store.write(lambda writer: writer.put_draft(first, expected_rev=1))
        with pytest.raises(StaleRevision) as caught:
            store.write(lambda writer: writer.put_draft(dataclasses.replace(first, note="late"), expected_rev=1))
        assert caught.value.current == 2
        assert store.draft("d1") == second

    def test_a_draft_that_exists_is_not_new(self, store: RecordStore) -> None:
        store.write(lambda writer: writer.put_draft(make.draft(), expected_rev=None))
        with pytest.raises(StaleRevision):
            store.write(lambda writer: writer.put_draft(make.draft(), expected_rev=None))

    def test_drafts_come_newest_first_by_ticket_and_state(self, store: RecordStore) -> None:
        def work(writer: RecordWriter) -> None:
            for number in range(4):
                state = DraftState.EDITED if number % 2 else DraftState.PUSHED
                at = make.START + timedelta(seconds=number / 2)
                draft = make.draft(f"d{number}", state=state, created_at=at, ticket=make.ref(f"INC-{number // 2}"))
                writer.put_draft(draft, expected_rev=None)

        store.write(work)
        assert [one.id for one in store.drafts()] == ["d3", "d2", "d1", "d0"]
        assert [one.id for one in store.drafts(states=[DraftState.EDITED])] == ["d3", "d1"]
        assert [one.id for one in store.drafts(ticket=make.ref("INC-0"), states=[DraftState.PUSHED])] == ["d0"]
        assert [one.id for one in store.drafts(limit=1)] == ["d3"]
        assert store.drafts(states=[]) == []

    # --- transactions

    def test_an_exception_undoes_everything_and_is_raised(self, store: RecordStore) -> None:
        def work(writer: RecordWriter) -> None:
            writer.put_draft(make.draft(), expected_rev=None)
            writer.add_audit(_audit("draft.create"))
            assert writer.draft("d1") is not None
            raise KeyError("no")

        before = store.bell.last()
        with pytest.raises(KeyError):
            store.write(work)
        assert store.draft("d1") is None
        assert store.audit_head() == (0, GENESIS)
        assert store.bell.last() == before

    def test_many_threads_write_and_none_is_lost(self, store: RecordStore) -> None:
        def work(number: int) -> None:
            for step in range(5):
                new = make.draft(f"d{number}-{step}")
                store.write(lambda writer, new=new: writer.put_draft(new, expected_rev=None))  # type: ignore[misc]
                assert store.draft(new.id) is not None

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(store.drafts()) == 40

    def test_one_of_several_writers_may_fail_without_hurting_the_others(self, store: RecordStore) -> None:
        failed: list[bool] = []

        def work(number: int) -> None:
            def put(writer: RecordWriter) -> None:
                writer.put_draft(make.draft(f"d{number}"), expected_rev=None)
                if number % 2:
                    raise LookupError

            try:
                store.write(put)
            except LookupError:
                failed.append(True)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(failed) == 10
        assert {one.id for one in store.drafts()} == {f"d{number}" for number in range(0, 20, 2)}

    # --- files, outbox

    def test_a_file_is_kept_once_under_its_hash(self, store: RecordStore) -> None:
        first = store.write(lambda writer: writer.put_file(b"\x00\xff bytes"))
        assert store.write(lambda writer: writer.put_file(b"\x00\xff bytes")) == first
        assert store.file(first) == b"\x00\xff bytes"
        assert store.file("0" * 64) is None

    def test_an_outbox_row_is_replaced_by_its_id_and_keeps_its_place(self, store: RecordStore) -> None:
        store.write(lambda writer: writer.put_push(make.push("a")))
        store.write(lambda writer: writer.put_push(make.push("b", draft="d2")))
        store.write(lambda writer: writer.put_push(make.push("a", done=True, attempts=1)))
        assert store.push("a") == make.push("a", done=True, attempts=1)
        assert [one.id for one in store.pushes()] == ["a", "b"]
        assert [one.id for one in store.pushes(unfinished=True)] == ["b"]
        assert [one.id for one in store.pushes(draft="d1")] == ["a"]

    def test_what_is_on_its_way_to_one_ticket_comes_in_the_order_of_its_approvals(self, store: RecordStore) -> None:
        for push_id, key, done in (("a", "INC-1", True), ("b", "INC-2", False), ("c", "INC-1", False)):
            push = make.push(push_id, ticket=make.ref(key), done=done)
            store.write(lambda writer, push=push: writer.put_push(push))  # type: ignore[misc]
        store.write(lambda writer: writer.put_push(make.push("d", draft="d2")))
        assert [one.id for one in store.pushes(ticket=make.ref(), unfinished=True)] == ["c", "d"]
        assert [one.id for one in store.pushes(ticket=make.ref(), unfinished=True, limit=1)] == ["c"]
        assert [one.id for one in store.pushes(ticket=make.ref())] == ["a", "c", "d"]

    def test_an_outbox_row_keeps_how_far_each_of_its_steps_came(self, store: RecordStore) -> None:
        steps = (
            PushStep(ops=(0, 2), op_id="a", attempts=2, remote_id="INC-1#3", after=2),
            PushStep(ops=(1,), op_id="b", files=((1, 2),)),
        )
        push = make.push("a", steps=steps, at=1, started=True, accepted=True, failures=3, notes=("x",))
        store.write(lambda writer: writer.put_push(push))
        assert store.push("a") == push

    # --- sessions and events

    def test_each_save_of_a_session_raises_its_revision(self, store: RecordStore) -> None:
        first = store.write(lambda writer: writer.put_session(make.session()))
        second = store.write(lambda writer: writer.put_session(first))
        assert (first.rev, second.rev) == (1, 2)
        assert store.session("s1") == second

    def test_sessions_come_newest_first_by_ticket_status_and_shift(self, store: RecordStore) -> None:
        for number, status in enumerate((SessionStatus.ENDED, SessionStatus.RUNNING, SessionStatus.RUNNING)):
            one = make.session(f"s{number}", status=status, created_at=make.START + timedelta(seconds=number))
            store.write(lambda writer, one=one: writer.put_session(one))  # type: ignore[misc]
        assert [one.id for one in store.sessions()] == ["s2", "s1", "s0"]
        assert [one.id for one in store.sessions(statuses=[SessionStatus.RUNNING])] == ["s2", "s1"]
        assert store.sessions(shift="another") == []
        assert len(store.sessions(ticket=make.ref(), shift=make.session().shift, limit=2)) == 2

    def test_events_are_numbered_from_one_in_each_session(self, store: RecordStore) -> None:
        events = [make.event("a"), make.event("b"), make.event("a", session_id="s2")]
        stored = store.write(lambda writer: writer.add_events(events))
        assert [one.seq for one in stored] == [1, 2, 1]
        assert store.events("s1") == stored[:2]
        assert [one.seq for one in store.events("s1", after=1)] == [2]

    def test_an_event_that_comes_again_replaces_itself(self, store: RecordStore) -> None:
        store.write(lambda writer: writer.add_events([make.event("a"), make.event("b")]))
        store.write(lambda writer: writer.add_events([make.event("a", "whole"), make.event("c")]))
        assert [(one.seq, one.data["text"]) for one in store.events("s1")] == [(1, "whole"), (2, "hello"), (3, "hello")]

    def test_a_batch_of_events_rings_once_with_the_newest_number(self, store: RecordStore) -> None:
        before = store.bell.last()
        store.write(lambda writer: writer.add_events([make.event(str(number)) for number in range(20)]))
        assert [(one.kind, one.subject, one.rev) for one in store.bell.rings(before)] == [("events", "s1", 20)]

    def test_pruning_drops_old_events_and_never_uses_a_number_again(self, store: RecordStore) -> None:
        store.write(lambda writer: writer.add_events([make.event("a"), make.event("b", at=make.START + HOUR)]))
        store.write(lambda writer: writer.add_usage(make.usage("s1:a")))
        store.write(lambda writer: writer.add_audit(_audit("x")))
        store.prune(make.START + HOUR)
        assert [one.remote_id for one in store.events("s1")] == ["b"]
        store.prune(make.START + 2 * HOUR)
        assert store.write(lambda writer: writer.add_events([make.event("c")]))[0].seq == 3
        assert store.audit_head()[0] == 1
        assert len(store.ledger(make.START, make.START + HOUR)) == 1

    # --- ledger

    def test_usage_is_counted_once_by_its_key(self, store: RecordStore) -> None:
        store.write(lambda writer: writer.add_usage(make.usage("s1:a", tokens=100)))
        store.write(lambda writer: writer.add_usage(make.usage("s1:a", tokens=250)))
        rows = store.ledger(make.START, make.START + HOUR)
        assert [row.usage.input_tokens for row in rows] == [250]
        assert [row.estimate for row in store.ledger_sums(make.START, make.START + HOUR)] == [2500]

    def test_a_span_of_the_ledger_is_half_open(self, store: RecordStore) -> None:
        store.write(lambda writer: writer.add_usage(make.usage("s1:a", at=make.START)))
        store.write(lambda writer: writer.add_usage(make.usage("s1:b", at=make.START + HOUR)))
        assert [row.key for row in store.ledger(make.START, make.START + HOUR)] == ["s1:a"]

    def test_sums_agree_with_the_rows_for_any_span(self, store: RecordStore) -> None:
        def work(writer: RecordWriter) -> None:
            for number in range(120):
                at = make.START + timedelta(minutes=number, microseconds=number)
                reported = number if number % 3 else None
                model = "m" if number % 2 else None
                writer.add_usage(
                    make.usage(f"s{number % 4}:{number}", at=at, tokens=number, reported=reported, model=model)
                )

        store.write(work)
        for first, last in ((0, 120), (7, 8), (7, 52), (15, 45), (14, 46), (200, 300), (30, 30)):
            since, until = make.START + timedelta(minutes=first), make.START + timedelta(minutes=last)
            rows, sums = store.ledger(since, until), store.ledger_sums(since, until)
            assert sum(row.estimate for row in sums) == sum(row.estimate for row in rows)
            assert sum(row.reported or 0 for row in sums) == sum(row.reported or 0 for row in rows)
            assert sum(row.usage.input_tokens for row in sums) == sum(row.usage.input_tokens for row in rows)

    def test_the_usage_of_a_session_comes_in_the_order_it_was_kept_with_all_its_parts(self, store: RecordStore) -> None:
        long = Usage(input_tokens=1, cache_write_tokens=900, cache_write_long_tokens=400, searches=2, running_ms=5)
        rows = [
            make.usage("s1:b", at=make.START + HOUR, usage=long, reported=7),
            make.usage("s2:a", session="s2"),
            make.usage("s1:a", at=make.START, usage=Usage(input_tokens=-3), estimate=-30, reported=0, model="m"),
        ]
        for row in rows:
            store.write(lambda writer, row=row: writer.add_usage(row))  # type: ignore[misc]
        assert store.usage_of("s1") == [rows[0], rows[2]]
        assert store.usage_of("s2") == [rows[1]]
        assert store.usage_of("s3") == []
        assert store.ledger(make.START + HOUR, make.START + 2 * HOUR) == [rows[0]]

    def test_usage_that_comes_again_keeps_its_place_and_its_newest_parts(self, store: RecordStore) -> None:
        longer = Usage(cache_write_tokens=9, cache_write_long_tokens=9)
        for row in (make.usage("s1:a"), make.usage("s1:b"), make.usage("s1:a", usage=longer)):
            store.write(lambda writer, row=row: writer.add_usage(row))  # type: ignore[misc]
        assert [(row.key, row.usage.cache_write_long_tokens) for row in store.usage_of("s1")] == [
            ("s1:a", 9),
            ("s1:b", 0),
        ]

    def test_usage_is_seen_inside_the_transaction_that_adds_it(self, store: RecordStore) -> None:
        def work(writer: RecordWriter) -> int:
            writer.add_usage(make.usage("s1:a", tokens=100))
            writer.add_usage(make.usage("s1:b", tokens=50))
            sums = writer.ledger_sums(make.START, make.START + HOUR)
            assert [row.key for row in writer.usage_of("s1")] == ["s1:a", "s1:b"]
            return sum(row.estimate for row in sums)

        assert store.write(work) == 1500

    def test_a_shift_has_the_limit_that_it_was_last_raised_to(self, store: RecordStore) -> None:
        assert store.limit_raise("day") is None
        first = LimitRaise(shift="day", limit=10**9, operator="ana", reason="an outage", at=make.START)
        second = dataclasses.replace(first, limit=2 * 10**9, operator="bo", reason="it lasts")
        before = store.bell.last()
        store.write(lambda writer: writer.put_limit_raise(first))
        store.write(lambda writer: writer.put_limit_raise(second))
        assert store.limit_raise("day") == second
        assert store.limit_raise("night") is None
        assert {one.kind for one in store.bell.rings(before)} == {"ledger"}

    # --- audit

    def test_the_chain_holds_and_its_head_is_its_newest_row(self, store: RecordStore) -> None:
        for action in ("a", "b", "c"):
            store.write(lambda writer, action=action: writer.add_audit(_audit(action)))  # type: ignore[misc]
        rows = store.audit()
        assert [row.action for row in rows] == ["a", "b", "c"]
        assert store.audit_head() == (3, rows[-1].hash)
        assert verify(rows).ok
        assert [row.seq for row in store.audit(newest_first=True, limit=2)] == [3, 2]
        assert [row.seq for row in store.audit(after=2)] == [3]

    # --- between processes

    def test_a_request_waits_until_it_is_answered(self, store: RecordStore) -> None:
        wish = Request(id="r1", session="s1", kind="interrupt", at=make.START)
        store.write(lambda writer: writer.add_request(wish))
        assert store.requests() == store.requests("s1") == [wish]
        assert store.requests("s2") == []
        store.write(lambda writer: writer.answer_request("r1"))
        assert store.requests() == []

    def test_who_has_a_draft_open_is_known_until_it_is_closed(self, store: RecordStore) -> None:
        here = Editing(draft="d1", where="pts/3", pid=42, operator="ana", at=make.START)
        store.write(lambda writer: writer.set_editing(here, "d1"))
        assert store.editing("d1") == here
        store.write(lambda writer: writer.set_editing(None, "d1"))
        assert store.editing("d1") is None

    def test_a_paper_is_kept_by_kind_and_saved_compare_and_set(self, store: RecordStore) -> None:
        paper = Paper(
            kind="proposal",
            id="p1",
            subject="runbooks/A",
            state="open",
            created_at=make.START,
            content={"text": "a", "n": [1]},
        )
        other = dataclasses.replace(paper, kind="case", created_at=make.START + HOUR)
        first = store.write(lambda writer: writer.put_paper(paper, expected_rev=None))
        store.write(lambda writer: writer.put_paper(other, expected_rev=None))
        later = dataclasses.replace(paper, id="p2", created_at=make.START + HOUR, state="done")
        before = store.bell.last()
        stored = store.write(lambda writer: writer.put_paper(later, expected_rev=None))
        assert [(ring.kind, ring.subject) for ring in store.bell.rings(before)] == [("proposal", "p2")]
        assert store.paper("proposal", "p1") == first == dataclasses.replace(paper, rev=1)
        assert store.paper("proposal", "p3") is None
        assert store.papers("proposal") == [stored, first]
        assert store.papers("proposal", states=["open"]) == store.papers("proposal", limit=5, states=["open", "x"])
        assert store.papers("proposal", subject="runbooks/B") == []
        with pytest.raises(StaleRevision):
            store.write(lambda writer: writer.put_paper(first, expected_rev=None))
        changed = dataclasses.replace(first, state="done")
        assert store.write(lambda writer: writer.put_paper(changed, expected_rev=1)).rev == 2

    def test_every_put_rings_in_order(self, store: RecordStore) -> None:
        store.bell.changed()

        def work(writer: RecordWriter) -> None:
            writer.put_draft(make.draft(), expected_rev=None)
            writer.put_push(make.push())
            writer.put_session(make.session())
            writer.add_usage(make.usage("s1:a"))
            writer.add_audit(_audit("x"))
            writer.add_request(Request(id="r", session="s1", kind="interrupt", at=make.START))
            writer.set_editing(None, "d1")

        before = store.bell.last()
        store.write(work)
        assert store.bell.changed()
        assert not store.bell.changed()
        rings = store.bell.rings(before)
        assert [one.kind for one in rings] == ["draft", "push", "session", "ledger", "audit", "request", "editing"]
        assert [one.seq for one in rings] == list(range(before + 1, before + 8))
        assert store.bell.rings(store.bell.last()) == ()
