"""Proposals for pages: made from tickets, decided about by a person, and written once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opstui.core import desk as d
from opstui.core.codec import decode
from opstui.core.documents import KBProposal
from opstui.core.errors import Conflict, NotFound, ReadOnly, Refused, StaleRevision, UsageError
from opstui.core.pages.proposal import ProposalState
from opstui.services import proposals as service
from opstui.services.evaluating import acceptance
from opstui.services.page_proposals import Shelf, completed
from tests.adapters.knowledge.repository import Repository, needs_git
from tests.services.building import Place
from tests.services.pages_world import PAGE, TITLE, proposed, solved, world

DOC = "runbooks/DnsTimeouts"
NOBODY = 65534


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    return tmp_path / "kb"


@pytest.fixture
def place(tmp_path: Path, pages: Path) -> Iterator[Place]:
    made = world(tmp_path / "home", pages)
    yield made
    made.close()


def accept(place: Place, made: Any, **more: Any) -> d.Outcome[Any]:
    return place.desk.do(d.AcceptProposal(id=made.id, rev=None, **more))


def view(place: Place, made: Any) -> d.ProposalView:
    return place.desk.ask(d.ProposalDetail(made.id))


def edited(place: Place, made: Any, change: Callable[[str], str]) -> Any:
    text = change(view(place, made).proposal.text)
    return place.desk.do(d.EditProposal(id=made.id, rev=None, text=text)).unwrap()


def checks(place: Place, made: Any) -> dict[str, str]:
    return {found.id: found.level for found in view(place, made).findings}


def actions(place: Place) -> list[str]:
    return [row.action for row in place.desk.ask(d.AuditWindow(count=50)) if row.action.startswith("page.")][::-1]


# --- what a session proposes ------------------------------------------------------------------------------------------


def test_a_solved_ticket_amends_the_page_that_answers_it_and_nothing_is_written(place: Place, pages: Path) -> None:
    ref = solved(place)
    made = proposed(place, ref)
    assert (made.kind, made.doc, made.state, made.evidence) == ("amend", DOC, ProposalState.OPEN, (str(ref),))
    diff = view(place, made).diff
    assert "+1. Ran `kubectl rollout restart deploy/coredns` on [instance]." in diff
    assert "+   - Verify: Lookups work again." in diff
    assert not [line for line in diff if line.startswith("-") and not line.startswith("---")]
    assert "node-local-dns" not in "\n".join(diff)  # what did not help is no step of a page
    assert made.reviewer == "net-core"
    assert (pages / "DnsTimeouts.md").read_text() == PAGE
    assert place.desk.ask(d.Drafts(ticket=ref)) == ()
    assert len(place.entries(ref)) == 2


def test_every_line_of_the_page_that_is_not_added_stays_as_it_is(place: Place) -> None:
    made = proposed(place, solved(place))
    left = iter(made.text.split("\n"))
    assert all(any(line == other for other in left) for line in PAGE.rstrip("\n").split("\n"))


def test_a_ticket_that_no_page_answers_becomes_a_new_page_without_what_is_the_requesters(place: Place) -> None:
    ref = solved(
        place,
        "Printer spooler on print-07 rejects jobs of customer Acme Corp",
        "The spooler on print-07 rejects every job since 09:14, says maria.santos@acme.example.",
        fix="Cleared the spool folder on print-07 and restarted cups, printing works again.",
    )
    made = proposed(place, ref)
    assert (made.kind, made.base, made.reviewer) == ("new", None, "sre")
    assert made.doc.startswith("runbooks/printer-spooler")
    for private in ("print-07", "Acme", "maria", "09:14", "acme.example"):
        assert private not in made.text
    assert "state: unvalidated" in made.text
    assert f"evidence: ['{ref}']" in made.text
    assert "review_by: 2027-05-19" in made.text
    assert "1. Cleared the spool folder on [instance] and restarted cups" in made.text


def test_the_page_that_the_operator_names_is_the_one_that_changes(place: Place, pages: Path) -> None:
    (pages / "Other.md").write_text("# Other\n\nNothing of the kind.\n")
    ref = solved(place)
    assert proposed(place, ref, page="runbooks/Other").doc == "runbooks/Other"
    new = proposed(place, ref, page="runbooks/dns/Fresh.md")
    assert (new.doc, new.kind) == ("runbooks/dns/Fresh", "new")
    for page, workflow in (
        ("nowhere/x", "knowledge-update"),
        ("../../etc/passwd", "knowledge-update"),
        (DOC, "triage"),
    ):
        named = d.StartSession(ticket=ref, workflow=workflow, runtime="offline", here=True, again=True, page=page)
        assert isinstance(place.desk.do(named).error, UsageError), page


def test_a_ticket_that_teaches_nothing_new_leaves_nothing_to_decide(place: Place, pages: Path) -> None:
    ref = solved(place, fix="Looked at it, no idea.")
    start = d.StartSession(ticket=ref, workflow="knowledge-update", runtime="offline", again=True, here=True)
    session = place.desk.do(d.RunSession(place.desk.do(start).unwrap().id)).unwrap()
    assert session.document is not None
    assert session.document["diff"] == ""
    said = [event.data["text"] for event in place.desk.ask(d.SessionEvents(id=session.id)) if event.type == "notice"]
    assert said == [f"nothing would change on {DOC}, so nothing is proposed"]
    assert place.desk.ask(d.Proposals()) == ()


def test_what_an_agent_hands_in_rests_on_its_own_tickets_and_changes_something(place: Place) -> None:
    ref = solved(place)
    made = proposed(place, ref)
    document = place.desk.ask(d.SessionDetail(made.id)).document
    assert document is not None
    whole = decode(KBProposal, document)
    ticket = place.setup.cache.ticket(ref)
    assert ticket is not None
    shelf = Shelf(
        knowledge=place.setup.knowledge,
        redactor=place.setup.redactor,
        tickets=(ticket[0],),
        today=place.clock.now().date(),
        seen=(DOC,),
    )

    def handed_in(**changes: Any) -> tuple[Any, tuple[str, ...]]:
        return completed(replace(whole, **changes), shelf)

    assert handed_in(evidence=(f"{ref}#0", ref.key))[0].evidence == (str(ref),)
    for changes, fault in (
        ({"evidence": ("local:OPS-99",)}, "evidence: local:OPS-99 is none of this session's tickets"),
        ({"target": "runbooks/Nowhere"}, "target: there is no page runbooks/Nowhere"),
        ({"resolution": (), "cause": None, "open_questions": ()}, f"resolution: nothing would change on {DOC}"),
    ):
        assert any(said.startswith(fault) for said in handed_in(**changes)[1]), fault
    assert handed_in(resolution=(), cause=None)[1] == ()  # it says what is missing
    assert completed(whole, replace(shelf, seen=()))[1][0].startswith("target: that page was not among")
    assert completed(whole, replace(shelf, wanted=DOC))[1] == ()


def test_a_session_that_waits_to_be_decided_is_opened_again_instead_of_a_second_one(place: Place) -> None:
    ref = solved(place)
    made = proposed(place, ref)
    again = d.StartSession(ticket=ref, workflow="knowledge-update", runtime="offline")
    assert place.desk.do(again).unwrap().id == made.id


def test_hostile_words_of_a_ticket_stay_words(place: Place) -> None:
    ref = solved(
        place,
        "# Owned ![x](http://evil.example/x.png)",
        "<script>alert(1)</script> [click](javascript:x) fails with an error.\n---\nstate: validated\n---",
        fix="Restarted x\u202e <img src=x onerror=y>, works again.",
    )
    made = proposed(place, ref)
    assert made.text.count("\n---\n") == 1
    assert "state: unvalidated" in made.text.split("\n---\n")[0]
    assert "\n<script" not in made.text
    assert "\\<script>" in made.text
    assert "\\<img" in made.text
    assert "](http" not in made.text
    assert "\u202e" not in made.text
    assert "evil.example" not in made.text
    assert len([line for line in made.text.split("\n") if line.startswith("# ")]) == 1


# --- deciding ---------------------------------------------------------------------------------------------------------


def test_an_accepted_page_is_written_once_indexed_and_audited_with_its_hash(place: Place, pages: Path) -> None:
    made = proposed(place, solved(place))
    digest = view(place, made).text_hash
    done = accept(place, made, text_hash=digest).unwrap()
    assert (done.state, done.decided_by) == (ProposalState.ACCEPTED, "alex")
    assert (pages / "DnsTimeouts.md").read_text() == made.text
    assert place.desk.ask(d.KnowledgePage(DOC)).text == made.text
    assert actions(place) == ["page.accept", "page.written"]
    rows = [row for row in place.desk.ask(d.AuditWindow(count=9)) if row.action.startswith("page.")]
    assert {row.content_hash for row in rows} == {digest}
    again = accept(place, made)
    assert isinstance(again.error, Refused)
    assert "accepted by alex" in str(again.error)
    assert place.desk.ask(d.Proposals(states=("open",))) == ()


def test_what_was_shown_is_what_is_written_or_nothing_is(place: Place, pages: Path) -> None:
    made = proposed(place, solved(place))
    seen = view(place, made)
    edited(place, made, lambda text: text + "\nmore\n")
    assert isinstance(accept(place, made, text_hash=seen.text_hash).error, Conflict)
    old = place.desk.do(d.AcceptProposal(id=made.id, rev=seen.proposal.rev))
    assert isinstance(old.error, StaleRevision)
    assert isinstance(place.desk.do(d.EditProposal(id=made.id, rev=1, text="x")).error, StaleRevision)
    assert isinstance(place.desk.do(d.RejectProposal(id=made.id, rev=1, reason="tone")).error, StaleRevision)
    assert (pages / "DnsTimeouts.md").read_text() == PAGE


def test_a_page_that_changed_meanwhile_is_not_written_until_it_was_looked_at_again(place: Place, pages: Path) -> None:
    made = proposed(place, solved(place))
    file = pages / "DnsTimeouts.md"
    file.write_text(PAGE + "\n## Later\n\nby hand\n")
    result = accept(place, made)
    assert isinstance(result.error, Conflict)
    assert "changed" in str(result.error)
    assert "by hand" in file.read_text()
    assert "kubectl" not in file.read_text()
    place.desk.do(d.IndexKnowledge())
    seen = view(place, made)
    assert checks(place, made)["changed"] == "block"
    assert "+by hand" in seen.theirs
    rebased = place.desk.do(d.RebaseProposal(id=made.id, rev=seen.proposal.rev)).unwrap()
    assert "by hand" in rebased.text
    assert "kubectl" in rebased.text
    assert "changed" not in checks(place, made)
    accept(place, made).unwrap()
    assert "by hand" in file.read_text()
    assert "kubectl" in file.read_text()


def test_two_changes_of_one_line_are_a_persons_to_settle(place: Place, pages: Path) -> None:
    made = proposed(place, solved(place))
    edited(place, made, lambda text: text.replace("net-core on-call.", "Call net-core."))
    (pages / "DnsTimeouts.md").write_text(PAGE.replace("net-core on-call.", "Page net-core."))
    place.desk.do(d.IndexKnowledge())
    outcome = place.desk.do(d.RebaseProposal(id=made.id, rev=None))
    assert outcome.notice
    assert "both changed" in outcome.notice
    assert checks(place, made)["marks"] == "block"
    assert isinstance(accept(place, made, overrides={"marks": "other"}).error, Refused)
    edited(
        place,
        made,
        lambda text: "\n".join(line for line in text.split("\n") if line[:7] not in ("<<<<<<<", "=======", ">>>>>>>")),
    )
    accept(place, made).unwrap()
    assert "Call net-core." in (pages / "DnsTimeouts.md").read_text()


def test_private_words_block_until_they_are_edited_away_or_answered_with_a_reason(place: Place, pages: Path) -> None:
    made = proposed(place, solved(place))
    edited(place, made, lambda text: text + "\nCall maria.santos@acme.example, password: Xy9-hunter2!\n")
    found = view(place, made)
    assert {span.kind for span in found.proposal.private} >= {"EMAIL", "PASSWORD"}
    assert checks(place, made)["private"] == "block"
    refused = accept(place, made)
    assert isinstance(refused.error, Refused)
    assert "hunter2" not in str(refused.error)
    assert isinstance(accept(place, made, overrides={"private": "because"}).error, UsageError)
    done = accept(place, made, overrides={"private": "policy"}).unwrap()
    assert done.overridden == {"private": "policy"}
    row = next(row for row in place.desk.ask(d.AuditWindow(count=9)) if row.action == "page.accept")
    assert row.override_reason == "policy"
    (label,) = place.setup.record.papers("case")
    assert (label.content["check"], label.content["reason"], label.content["workflow"]) == (
        "private",
        "policy",
        "knowledge-update",
    )
    assert "hunter2" not in str(label.content)
    workflow = place.setup.workflows["knowledge-update"]
    counted = acceptance(place.setup, workflow)
    assert (counted.shown, counted.edited, counted.overrides) == (1, 1, 1)


def test_what_stands_on_a_page_already_only_warns_unless_it_is_a_secret(place: Place, pages: Path) -> None:
    file = pages / "DnsTimeouts.md"
    file.write_text(PAGE + "\nOn call: maria.santos@acme.example\n")
    made = proposed(place, solved(place))
    assert checks(place, made)["private"] == "warn"
    file.write_text(PAGE + "\npassword: Xy9-hunter2-Xy9!\n")
    other = proposed(place, solved(place, TITLE + " again"))
    assert checks(place, other)["private"] == "block"


def test_one_ticket_is_too_little_for_a_page_that_says_it_is_validated(place: Place, pages: Path) -> None:
    ref = solved(place)
    assert checks(place, proposed(place, ref))["evidence"] == "warn"
    (pages / "DnsTimeouts.md").write_text("---\nstatus: validated\n---\n" + PAGE)
    made = proposed(place, ref)
    assert checks(place, made)["evidence"] == "block"
    assert "status: validated" in made.text  # it says so of itself, and code neither says nor unsays it
    assert isinstance(accept(place, made).error, Refused)
    # A second ticket on which the same step worked is what was missing; one that is only alike would not be.
    solved(place, "Checkout is slow", "Nothing alike.")
    both = proposed(place, solved(place, TITLE + " again"))
    assert len(both.evidence) == 2
    assert "evidence" not in checks(place, both)
    accept(place, made, overrides={"evidence": "other"}).unwrap()


def test_a_new_page_that_another_one_says_already_is_a_question(place: Place, pages: Path) -> None:
    ref = solved(place)
    twin = proposed(place, ref, page="runbooks/Twin")
    accept(place, twin).unwrap()
    second = proposed(place, ref, page="runbooks/Second")
    assert second.nearest is not None
    assert second.nearest.doc == "runbooks/Twin"
    assert checks(place, second)["duplicate"] == "block"
    assert isinstance(accept(place, second).error, Refused)


def test_a_new_page_under_the_title_of_another_one_is_a_question_however_little_they_share(
    place: Place, pages: Path
) -> None:
    ref = solved(place)
    made = proposed(place, ref, page="runbooks/Second")
    (pages / "First.md").write_text(f"# {made.title.swapcase()}\n\nCall the provider of names, they know what to do.\n")
    second = proposed(place, ref, page="runbooks/Third")
    assert second.nearest is not None
    assert (second.nearest.doc, second.nearest.score < 0.75) == ("runbooks/First", True)
    assert checks(place, second)["duplicate"] == "block"


def test_a_rejected_proposal_writes_nothing_and_says_why(place: Place, pages: Path) -> None:
    made = proposed(place, solved(place))
    assert isinstance(place.desk.do(d.RejectProposal(id=made.id, rev=None, reason="no")).error, UsageError)
    done = place.desk.do(d.RejectProposal(id=made.id, rev=made.rev, reason="wrong_action")).unwrap()
    assert (done.state, done.reason) == (ProposalState.REJECTED, "wrong_action")
    assert (pages / "DnsTimeouts.md").read_text() == PAGE
    assert actions(place) == ["page.reject"]
    assert isinstance(accept(place, made).error, Refused)


def test_nothing_is_decided_or_written_read_only(tmp_path: Path, pages: Path, place: Place) -> None:
    made = proposed(place, solved(place))
    place.close()
    looking = Place(tmp_path / "home", settings=place.settings, read_only=True)
    try:
        seen = view(looking, made)
        assert not seen.can_write
        assert seen.diff
        for command in (
            d.AcceptProposal(id=made.id, rev=None),
            d.EditProposal(id=made.id, rev=None, text="x"),
            d.RejectProposal(id=made.id, rev=None, reason="tone"),
            d.RebaseProposal(id=made.id, rev=None),
        ):
            assert isinstance(looking.desk.do(command).error, ReadOnly)
    finally:
        looking.close()
    assert (pages / "DnsTimeouts.md").read_text() == PAGE


def test_an_unknown_proposal_is_not_found_and_makes_no_lock(place: Place) -> None:
    with pytest.raises(NotFound):
        place.desk.ask(d.ProposalDetail("../../x"))
    assert isinstance(place.desk.do(d.AcceptProposal(id="../../x", rev=None)).error, NotFound)


# --- what can go wrong with the source --------------------------------------------------------------------------------


def test_a_folder_that_is_gone_or_not_to_be_written_keeps_the_proposal(tmp_path: Path) -> None:
    place = world(tmp_path / "home", tmp_path / "kb", writable=False)
    try:
        made = proposed(place, solved(place))
        seen = view(place, made)
        assert not seen.can_write
        assert "writable = false" in seen.place
        assert isinstance(accept(place, made).error, Refused)
        assert view(place, made).proposal.state is ProposalState.OPEN
    finally:
        place.close()
    place = world(tmp_path / "home2", tmp_path / "kb2")
    try:
        made = proposed(place, solved(place))
        (tmp_path / "kb2").rename(tmp_path / "elsewhere")
        outcome = accept(place, made)
        assert isinstance(outcome.error, Refused)
        assert "proposal is kept" in str(outcome.error)
        assert view(place, made).proposal.begun is None
        (tmp_path / "elsewhere").rename(tmp_path / "kb2")
        accept(place, made).unwrap()
    finally:
        place.close()


def test_a_full_disk_keeps_the_page_and_the_proposal(
    place: Place, pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = proposed(place, solved(place))

    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("opstui.adapters.knowledge.writing.os.fsync", full)
        outcome = accept(place, made)
    assert isinstance(outcome.error, Refused)
    assert "No space left" in str(outcome.error)
    assert (pages / "DnsTimeouts.md").read_text() == PAGE
    assert sorted(one.name for one in pages.iterdir()) == ["DnsTimeouts.md"]
    accept(place, made).unwrap()


class Killed(BaseException):
    """What a kill would be."""


@pytest.mark.parametrize("in_git", [False, pytest.param(True, marks=needs_git)])
@pytest.mark.parametrize("then", ["accept", "reject", "edit"])
def test_a_process_killed_between_the_write_and_its_note_of_it_writes_no_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_git: bool, then: str
) -> None:
    repository = Repository(tmp_path / "repo") if in_git else None
    if repository is not None:
        repository.commit("DnsTimeouts.md", PAGE)
    pages = repository.pages if repository is not None else tmp_path / "kb"
    place = world(tmp_path / "home", pages)
    try:
        made = proposed(place, solved(place))

        def killed(*given: object) -> None:
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(service, "_accepted", killed)
            with pytest.raises(Killed):
                accept(place, made)
        assert view(place, made).proposal.begun is not None
        commits = repository.git("rev-list", "--all", "--count") if repository is not None else ""
        written = (pages / "DnsTimeouts.md").stat().st_mtime_ns
        if then == "accept":
            done = accept(place, made).unwrap()
        else:
            command: Any = d.RejectProposal(id=made.id, rev=None, reason="tone")
            if then == "edit":
                command = d.EditProposal(id=made.id, rev=None, text="x")
            outcome = place.desk.do(command)
            assert isinstance(outcome.error, Conflict)
            assert "accepted before" in str(outcome.error)
            done = view(place, made).proposal
        assert done.state is ProposalState.ACCEPTED
        assert done.where
        assert (pages / "DnsTimeouts.md").stat().st_mtime_ns == written
        assert actions(place) == ["page.accept", "page.written"]
        if repository is not None:
            assert repository.git("rev-list", "--all", "--count") == commits == "2"
            assert repository.git("branch", "--list", "opstui/*").count("opstui/") == 1
    finally:
        place.close()


def test_a_write_that_was_begun_and_never_arrived_is_made_when_it_is_accepted_again(
    place: Place, pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = proposed(place, solved(place))

    def killed(*given: object, **more: object) -> str:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("opstui.adapters.knowledge.folder.FolderSource.write", killed)
        with pytest.raises(Killed):
            accept(place, made)
    assert (pages / "DnsTimeouts.md").read_text() == PAGE
    accept(place, made).unwrap()
    assert (pages / "DnsTimeouts.md").read_text() == made.text
    assert actions(place) == ["page.accept", "page.accept", "page.written"]


@needs_git
def test_in_a_repository_it_is_a_commit_on_a_branch_of_its_own_and_the_work_tree_stays(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "repo")
    head = repository.commit("DnsTimeouts.md", PAGE)
    (repository.pages / "notes.txt").write_text("mine")
    place = world(tmp_path / "home", repository.pages)
    try:
        made = proposed(place, solved(place))
        assert "a commit on a branch of its own" in view(place, made).place
        done = accept(place, made).unwrap()
        assert done.where is not None
        assert "opstui/dnstimeouts" in done.where
        assert repository.git("rev-parse", "HEAD")[:10] == head
        assert repository.git("symbolic-ref", "HEAD") == "refs/heads/main"
        assert (repository.pages / "DnsTimeouts.md").read_text() == PAGE
        assert repository.git("status", "--porcelain") == "?? kb/notes.txt"
        branch = repository.git("branch", "--list", "opstui/*", "--format=%(refname)")
        assert repository.git("show", f"{branch}:kb/DnsTimeouts.md") == made.text.rstrip("\n")
        said = repository.git("log", "-1", "--format=%an|%s|%b", branch)
        assert said.startswith("alex|Amend DnsTimeouts")
        assert str(made.ticket) in said
    finally:
        place.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_folder_that_may_not_be_written_says_so_and_keeps_the_proposal() -> None:
    with tempfile.TemporaryDirectory() as folder:
        _refused_for_nobody(Path(folder))


def _refused_for_nobody(folder: Path) -> None:
    folder.chmod(0o755)  # the folders of tests are their user's alone
    pages, home = folder / "kb", folder / "home"
    place = world(home, pages)
    try:
        accept(place, proposed(place, solved(place), page="runbooks/First")).unwrap()
        made = proposed(place, solved(place, TITLE + " again"), page=DOC)
        for path in (home, *home.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            outcome = accept(place, made)
        finally:
            os.seteuid(0)
        assert isinstance(outcome.error, Refused)
        assert "Permission denied" in str(outcome.error)
        assert "proposal is kept" in str(outcome.error)
        assert (pages / "DnsTimeouts.md").read_text() == PAGE
        assert view(place, made).proposal.begun is None
        accept(place, made).unwrap()
    finally:
        place.close()
