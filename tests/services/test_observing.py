"""Telemetry becomes entries of a local ticket, or a draft elsewhere; summaries take it for facts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from opstui.core.checks.document import check_document
from opstui.core.desk import DraftReview, ObserveTelemetry, TicketDetail, VerifyAudit
from opstui.core.documents import ClaimStatus, claims_of
from opstui.core.errors import NotFound, ReadOnly, Refused, UsageError
from opstui.core.extract.summary import incident_summary
from opstui.core.ports import Capabilities
from opstui.core.sources import SourceSet
from opstui.core.tickets import EntryKind, Ticket, TicketRef, Visibility
from tests.core.real_input import given
from tests.services.building import MIDNIGHT, Place
from tests.services.remote import FarPlace, Remote

LAG = "time,ReplicaLag (s)\n2026-11-20T02:01:00Z,15\n2026-11-20T02:11:00Z,600\n2026-11-20T02:21:00Z,1248\n"
SENTENCE = "ReplicaLag rose from 15 s to 1248 s between 02:01 and 02:21 UTC on 2026-11-20."


@pytest.fixture
def lag(tmp_path: Path) -> str:
    file = tmp_path / "lag.csv"
    file.write_text(LAG, "utf-8")
    return str(file)


def of(place: Place, ref: TicketRef) -> Ticket:
    return place.desk.ask(TicketDetail(ref)).ticket


def test_an_observation_is_a_system_entry_at_the_end_of_its_window(place: Place, lag: str) -> None:
    ref = place.ticket("Orders fail")
    seen = place.desk.do(ObserveTelemetry(ref=ref, files=(lag,))).unwrap()
    entry = of(place, ref).timeline[-1]
    assert seen.entries == (entry.id,)
    assert (entry.kind, entry.author, entry.visibility) == (EntryKind.SYSTEM, "telemetry", Visibility.INTERNAL)
    assert entry.at == MIDNIGHT.replace(hour=2, minute=21)
    assert entry.text.split("\n") == [
        SENTENCE,
        "2026-11-20T02:01:00Z 15 s",
        "2026-11-20T02:11:00Z 600 s",
        "2026-11-20T02:21:00Z 1248 s",
    ]


def test_it_is_written_once_and_told_of_in_the_audit_log(place: Place, lag: str) -> None:
    ref = place.ticket("Orders fail")
    place.desk.do(ObserveTelemetry(ref=ref, files=(lag,))).unwrap()
    again = place.desk.do(ObserveTelemetry(ref=ref, files=(lag,))).unwrap()
    assert (again.entries, again.observations, again.known) == ((), (), 1)
    assert len(of(place, ref).timeline) == 1
    rows = [row for row in place.setup.record.audit() if row.action == "ticket.observe"]
    assert [row.detail for row in rows] == ["1 observations from lag.csv: entries INC-1001#1"]
    assert place.desk.ask(VerifyAudit()).ok


def test_a_dry_run_changes_nothing(place: Place, lag: str) -> None:
    ref = place.ticket("Orders fail")
    seen = place.desk.do(ObserveTelemetry(ref=ref, files=(lag,), dry_run=True)).unwrap()
    assert [one.text for one in seen.observations] == [SENTENCE]
    assert of(place, ref).timeline == ()
    assert place.setup.record.audit() == []


def test_read_only_a_dry_run_still_tells_and_nothing_else_is_done(place: Place, lag: str) -> None:
    ref = place.ticket("Orders fail")
    object.__setattr__(place.setup, "read_only", True)
    assert place.desk.do(ObserveTelemetry(ref=ref, files=(lag,), dry_run=True)).unwrap().observations
    assert isinstance(place.desk.do(ObserveTelemetry(ref=ref, files=(lag,))).error, ReadOnly)


def test_a_window_that_is_not_over_yet_is_written_as_of_now(place: Place, tmp_path: Path) -> None:
    ref = place.ticket("Orders fail")
    file = tmp_path / "later.csv"
    file.write_text(LAG.replace("2026-11-20T02:21", "2026-11-20T23:21"), "utf-8")
    place.desk.do(ObserveTelemetry(ref=ref, files=(str(file),))).unwrap()
    assert of(place, ref).timeline[-1].at <= place.clock.now()


def test_of_many_series_those_that_tell_most_are_kept_and_the_rest_is_counted(place: Place, tmp_path: Path) -> None:
    ref = place.ticket("Orders fail")
    result = [
        {"metric": {"__name__": name}, "values": [[1_795_140_060, "1"], [1_795_140_120, last]]}
        for name, last in (("calm", "1"), ("lag", "90"), ("calm_too", "1"))
    ]
    file = tmp_path / "range.json"
    file.write_text(json.dumps({"data": {"result": result}}), "utf-8")
    seen = place.desk.do(ObserveTelemetry(ref=ref, files=(str(file),), limit=1)).unwrap()
    assert [one.text.split(" ")[0] for one in seen.observations] == ["lag"]
    assert seen.left_out == 2


def test_what_can_not_be_read_is_named_and_nothing_is_written(place: Place, tmp_path: Path, lag: str) -> None:
    ref = place.ticket("Orders fail")
    bad = tmp_path / "bad.csv"
    bad.write_text("time,x\n2026-11-20,hello\n2026-11-21,2\n", "utf-8")
    outcome = place.desk.do(ObserveTelemetry(ref=ref, files=(lag, str(bad))))
    assert isinstance(outcome.error, UsageError)
    assert outcome.error.message == "bad.csv:2: x: 'hello' is no number"
    assert of(place, ref).timeline == ()
    gone = place.desk.do(ObserveTelemetry(ref=TicketRef("local", "INC-9"), files=(lag,)))
    assert isinstance(gone.error, NotFound)


def test_a_summary_takes_it_for_a_fact_and_cites_it(place: Place, lag: str) -> None:
    ref = place.ticket("Orders fail", "Customers cannot order.")
    place.desk.do(ObserveTelemetry(ref=ref, files=(lag,))).unwrap()
    ticket = of(place, ref)
    summary = incident_summary(given(ticket))
    claim = next(claim for claim in claims_of(summary) if claim.text == SENTENCE)
    assert claim.status is ClaimStatus.FACT
    assert claim.citations[0].ref == "INC-1001#1"
    assert claim in summary.what_happened
    assert check_document(summary, SourceSet(ticket), ticket) == []


@pytest.fixture
def far(tmp_path: Path) -> Iterator[FarPlace]:
    remote = Remote("rt")
    remote.put("12", MIDNIGHT, title="Orders fail", status="open")
    made = FarPlace(tmp_path / "far", remote)
    yield made
    made.close()


def test_elsewhere_it_is_an_internal_comment_that_waits_for_the_operator(far: FarPlace, lag: str) -> None:
    seen = far.desk.do(ObserveTelemetry(ref=TicketRef("rt", "12"), files=(lag,))).unwrap()
    assert seen.entries == ()
    assert seen.draft is not None
    review = far.desk.ask(DraftReview(seen.draft))
    comment = review.draft.comment()
    assert comment is not None
    assert (str(comment.to).split("\n")[0], comment.visibility) == (SENTENCE, Visibility.INTERNAL)
    assert not [one for one in review.findings if one.blocks]
    assert review.fingerprint is not None


def test_where_every_comment_is_public_none_is_drafted(far: FarPlace, lag: str) -> None:
    system = far.setup.systems["rt"]
    system.capabilities = replace(Capabilities(), internal_comments=False)
    outcome = far.desk.do(ObserveTelemetry(ref=TicketRef("rt", "12"), files=(lag,)))
    assert isinstance(outcome.error, Refused)
    assert "rt takes no internal comments" in outcome.error.message
    assert far.setup.record.drafts(ticket=TicketRef("rt", "12")) == []
