"""The tools of a session elsewhere: what goes out is hidden, what comes back is checked with its true words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opstui.adapters.redaction.engine import Re2Redactor
from opstui.config.settings import KnowledgeSettings, Settings
from opstui.core.codec import decode, encode
from opstui.core.desk import DraftReview
from opstui.core.documents import Engine, IncidentSummary, citations_of
from opstui.core.errors import NotRedacted
from opstui.core.extract.summary import incident_summary
from opstui.core.redaction import PLACEHOLDER
from opstui.core.sessions import Session
from opstui.core.tickets import Ticket
from opstui.services.hidden_documents import hidden_words
from opstui.services.hiding import Hiding
from opstui.services.redaction import hidden_values, plain_document, true_words
from opstui.services.tooldesk import TRIES, ToolDesk
from opstui.services.workflows import load_workflows
from tests.core.real_input import NOW, build, given
from tests.services.building import Place

WORKFLOWS = load_workflows(Path(__file__).resolve().parents[2] / "opstui" / "workflows")
PASSWORD = "Tundra" + "7!maple-x"
PAGE_SECRET = "Falcon" + "22#otter"
MAIL = "wei.okafor@mail.example.co.uk"
KEY = b"k" * 32
TICKET = build(
    "CoreDNS forward errors on agents-3",
    f"About 12 % of builds fail since 09:08. Reported from {MAIL}.",
    (
        ("dana", "comment", "Restarted node-local-dns on agents-3, no change."),
        ("dana", "comment", f"Logged in to agents-3, the password is {PASSWORD} and it worked at 09:12."),
        ("Wei Okafor", "comment", f"Used {PASSWORD} again. ⟦S:EMAIL:00000000⟧ is what a model sees"),
    ),
)
PAGE = (
    "# CoreDNS errors\n\nCoreDNS answers with errors.\n\n"
    f"password: {PAGE_SECRET}\n\n1. Check the resolvers with {PAGE_SECRET}.\n"
)


class Bench:
    """A tool desk of a session elsewhere, over a real index, a real cache and the real redactor."""

    def __init__(self, home: Path) -> None:
        books = home / "books"
        books.mkdir(parents=True)
        (books / "CoreDNS.md").write_text(PAGE, encoding="utf-8")
        settings = replace(Settings(), knowledge={"runbooks": KnowledgeSettings(path=str(books))})
        self.place = Place(home / "home", settings=settings)
        setup = self.place.setup
        object.__setattr__(setup, "redactor", Re2Redactor(tuple))
        object.__setattr__(setup, "hiding_key", lambda _session: KEY)
        self.setup = setup
        setup.knowledge.refresh()
        self.other = self.place.ticket(f"CoreDNS forward errors on agents-3, mail {MAIL}", "same on agents-3")
        for number in range(8):
            self.place.ticket(f"Unrelated matter {number}", "nothing in common")
        self.hiding = Hiding(setup.redactor, KEY)
        self.desk = self.open(self.hiding)

    def open(self, hiding: Hiding | None) -> ToolDesk:
        return ToolDesk(
            ticket=TICKET,
            workflow=WORKFLOWS["incident-summary"],
            session_id="01TEST",
            knowledge=self.setup.knowledge,
            cache=self.setup.cache,
            randomness=self.setup.randomness,
            operator="alex",
            team="night",
            now=lambda: NOW,
            engine=Engine.MANAGED,
            hiding=hiding,
        )

    def call(self, name: str, **arguments: Any) -> str:
        result = self.desk.call(name, arguments)
        assert result.value is None, "a value is for a runtime in this process"
        return result.text


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.place.close()


def as_an_agent_writes_it(bench: Bench, ticket: Ticket = TICKET) -> dict[str, Any]:
    """A document with placeholders wherever a value was, as of an agent that saw nothing else."""
    bench.call("get_ticket")
    bench.call("search_knowledge", query="CoreDNS errors resolvers")
    whole = encode(incident_summary(given(ticket)))
    for key in ("head", "sla", "severity", "not_included"):
        whole.pop(key)
    text = json.dumps(whole, ensure_ascii=False)
    for mark, value in bench.hiding.values.items():
        text = text.replace(value, mark)
    return json.loads(text)  # type: ignore[no-any-return]


def claim_about_the_password(bench: Bench) -> dict[str, Any]:
    document = as_an_agent_writes_it(bench)
    mark = mark_of(bench, PASSWORD)
    document["what_happened"] = document["what_happened"][:2]
    document["what_happened"].append(
        {
            "id": "c90",
            "text": f"The password is {mark} and it worked at 09:12.",
            "status": "reported",
            "citations": [
                {
                    "kind": "entry",
                    "ref": "INC-1042#2",
                    "line_start": 1,
                    "line_end": 1,
                    "quote": f"the password is {mark} and it worked at 09:12.",
                }
            ],
        }
    )
    return document


def mark_of(bench: Bench, value: str) -> str:
    return next(mark for mark, known in bench.hiding.values.items() if known == value)


def test_nothing_that_an_agent_reads_holds_what_is_hidden(bench: Bench) -> None:
    seen = [
        bench.call("get_ticket"),
        bench.call("search_knowledge", query="CoreDNS errors resolvers"),
        bench.call("read_document", doc="runbooks/CoreDNS"),
        bench.call("read_document", doc="runbooks/CoreDNS", line_start=7, line_end=7),
        bench.call("search_tickets", query="CoreDNS forward errors agents-3"),
        bench.call("submit_document", document={"headline": PASSWORD, PASSWORD: 1}),
        bench.call("search_knowledge", query=7),
    ]
    text = "\n".join(seen)
    assert not [value for value in (PASSWORD, PAGE_SECRET, MAIL) if value in text]
    assert "Check the resolvers with ⟦S:PASSWORD:" in seen[2]
    assert len({mark for mark in PLACEHOLDER.findall(seen[0]) if mark[0] == "PASSWORD"}) == 1


def test_line_numbers_are_those_of_the_true_text(bench: Bench) -> None:
    bench.call("search_knowledge", query="CoreDNS errors resolvers")
    assert "    7  1. Check the resolvers" in bench.call("read_document", doc="runbooks/CoreDNS")
    assert "    2  About 12 % of builds" in bench.call("get_ticket")


def test_who_wrote_an_entry_is_hidden_and_comes_back_to_this_ticket(bench: Bench) -> None:
    assert "Wei Okafor" not in bench.call("get_ticket")
    document = claim_about_the_password(bench)
    document["open_questions"] = [f"Does {mark_of(bench, 'Wei Okafor')} know more?"]
    assert not bench.desk.call("submit_document", {"document": document}).is_error
    assert bench.desk.accepted is not None
    assert bench.desk.accepted_plain is not None
    assert "Wei Okafor" not in json.dumps(encode(bench.desk.accepted))
    assert bench.desk.accepted_plain.open_questions == ("Does Wei Okafor know more?",)
    stored = decode(IncidentSummary, encode(bench.desk.accepted))
    assert plain_document(bench.setup, session_of(bench), stored, TICKET) == bench.desk.accepted_plain


def test_a_look_alike_in_the_ticket_is_made_harmless(bench: Bench) -> None:
    assert "⟦S:EMAIL:00000000⟧" not in bench.call("get_ticket")


def test_a_query_that_holds_a_placeholder_finds_what_it_stands_for(bench: Bench) -> None:
    bench.call("get_ticket")
    assert "runbooks/CoreDNS" in bench.call("search_knowledge", query="CoreDNS errors resolvers")
    mark = mark_of(bench, PAGE_SECRET)
    assert "runbooks/CoreDNS" in bench.call("search_knowledge", query=mark)


def test_a_claim_with_a_placeholder_holds_and_is_stored_without_its_value(bench: Bench) -> None:
    result = bench.desk.call("submit_document", {"document": claim_about_the_password(bench)})
    assert not result.is_error, result.text
    hidden, plain = bench.desk.accepted, bench.desk.accepted_plain
    assert isinstance(hidden, IncidentSummary)
    assert isinstance(plain, IncidentSummary)
    stored = json.dumps(encode(hidden), ensure_ascii=False)
    assert PASSWORD not in stored
    assert MAIL not in stored
    assert mark_of(bench, PASSWORD) in hidden.what_happened[-1].text
    quote = hidden.what_happened[-1].citations[0].quote
    assert quote == "and it worked at 09:12."
    # A draft waits in a file: the secret comes back when it is sent.
    assert plain.what_happened[-1].text == hidden.what_happened[-1].text
    assert all(not PLACEHOLDER.search(citation.quote) for citation in citations_of(hidden))


def test_a_document_in_a_string_cannot_break_out_by_what_a_placeholder_stands_for(bench: Bench) -> None:
    result = bench.desk.call("submit_document", {"document": json.dumps(claim_about_the_password(bench))})
    assert not result.is_error, result.text


def test_what_is_held_against_a_document_is_told_without_its_true_words(bench: Bench) -> None:
    document = claim_about_the_password(bench)
    document["what_happened"][-1]["citations"][0]["line_end"] = 40
    document["what_happened"][-1]["text"] = (
        f"At 04:04 {mark_of(bench, MAIL)} used {mark_of(bench, PASSWORD)} on 10.1.2.3."
    )
    result = bench.desk.call("submit_document", {"document": document})
    assert result.is_error
    assert PASSWORD not in result.text
    assert MAIL not in result.text


def test_forged_placeholders_and_those_of_other_kinds_bring_nothing_back(bench: Bench) -> None:
    document = claim_about_the_password(bench)
    forged = mark_of(bench, PASSWORD).replace("PASSWORD", "EMAIL")
    document["open_questions"] = [f"Is it {forged}?", "Is it ⟦S:PASSWORD:deadbeef⟧?", "Or ⟦\\S:PASSWORD:deadbeef⟧?"]
    assert not bench.desk.call("submit_document", {"document": document}).is_error
    assert bench.desk.accepted_plain is not None
    assert bench.desk.accepted is not None
    assert not [words for words in bench.desk.accepted_plain.open_questions if PASSWORD in words]
    assert PASSWORD not in json.dumps(encode(bench.desk.accepted))


def test_a_secret_of_a_runbook_is_only_named_in_what_goes_to_the_ticket(bench: Bench) -> None:
    document = claim_about_the_password(bench)
    document["open_questions"] = [f"Was {mark_of(bench, PAGE_SECRET)} used?"]
    assert not bench.desk.call("submit_document", {"document": document}).is_error
    assert bench.desk.accepted_plain is not None
    assert bench.desk.accepted_plain.open_questions == ("Was [password removed] used?",)
    assert PAGE_SECRET not in json.dumps(encode(bench.desk.accepted_plain))


def test_in_public_no_secret_comes_back_at_all(bench: Bench) -> None:
    bench.desk._workflow = replace(bench.desk._workflow, public_comment=True)
    assert not bench.desk.call("submit_document", {"document": claim_about_the_password(bench)}).is_error
    assert PASSWORD not in "\n".join(hidden_words(bench.desk.accepted_plain))


def test_where_redaction_breaks_nothing_is_shown_and_nothing_ends(bench: Bench) -> None:
    class Broken:
        def spans(self, text: str) -> tuple[()]:
            raise NotRedacted(f"broke on {text}")

    desk = bench.open(Hiding(Broken(), KEY))
    for name in ("get_ticket", "search_knowledge", "search_tickets", "submit_document"):
        result = desk.call(name, {"query": "CoreDNS errors", "document": {}})
        assert result.is_error
        assert "CoreDNS" not in result.text
    assert desk.tries <= TRIES


def session_of(bench: Bench) -> Session:
    return Session(
        id="01TEST", workflow="incident-summary", workflow_version="1", ticket=TICKET.ref, ticket_version="1",
        runtime="managed", runtime_kind="managed-agents", operator="alex", shift="x", created_at=NOW,
    )  # fmt: skip


def test_a_stored_document_gets_its_true_words_back_from_the_ticket_and_the_key(bench: Bench) -> None:
    document = claim_about_the_password(bench)
    document["open_questions"] = [f"Was {mark_of(bench, PAGE_SECRET)} used?"]
    document["what_happened"][0]["citations"].append(
        {
            "kind": "doc",
            "ref": "runbooks/CoreDNS",
            "line_start": 3,
            "line_end": 3,
            "quote": "CoreDNS answers with errors.",
        }
    )
    assert not bench.desk.call("submit_document", {"document": document}).is_error
    stored = decode(IncidentSummary, encode(bench.desk.accepted))
    whole, drafted = true_words(bench.setup, session_of(bench), stored, TICKET)
    assert whole.what_happened[-1].text == f"The password is {PASSWORD} and it worked at 09:12."
    assert whole.open_questions == (f"Was {PAGE_SECRET} used?",)
    assert plain_document(bench.setup, session_of(bench), stored, TICKET) == drafted
    assert drafted.open_questions == ("Was [password removed] used?",)
    assert drafted.what_happened[-1].text == stored.what_happened[-1].text


def test_what_was_kept_from_the_runtime_can_be_shown_to_the_operator(bench: Bench) -> None:
    bench.call("get_ticket")
    known = bench.setup.cache.ticket(bench.other)
    assert known is not None
    values = hidden_values(bench.setup, replace(session_of(bench), ticket=bench.other))
    assert MAIL in values.values()
    assert hidden_values(bench.setup, session_of(bench)) == {}


def test_a_resumed_session_knows_its_placeholders_before_it_reads_anything(bench: Bench) -> None:
    bench.call("get_ticket")
    mark = mark_of(bench, PASSWORD)
    later = bench.open(Hiding(bench.setup.redactor, KEY))
    later.replay([("search_knowledge", {"query": f"CoreDNS errors {mark}"}, False)])
    assert later.retrieved == ("runbooks/CoreDNS",)
    assert later._true(mark) == PASSWORD


def test_a_review_checks_and_shows_the_true_words_and_stores_none_of_them(bench: Bench) -> None:
    local = bench.place.ticket("CoreDNS forward errors on agents-3", f"The password is {PASSWORD} and builds fail.")
    known = bench.setup.cache.ticket(local)
    assert known is not None
    ticket = known[0]
    session = replace(session_of(bench), ticket=local, workflow_version=WORKFLOWS["incident-summary"].version)
    bench.desk = ToolDesk(
        ticket=ticket,
        workflow=WORKFLOWS["incident-summary"],
        session_id=session.id,
        knowledge=bench.setup.knowledge,
        cache=bench.setup.cache,
        randomness=bench.setup.randomness,
        operator="alex",
        team=None,
        now=lambda: NOW,
        engine=Engine.MANAGED,
        hiding=bench.hiding,
    )
    result = bench.desk.call("submit_document", {"document": as_an_agent_writes_it(bench, ticket)})
    assert not result.is_error, result.text
    assert bench.desk.accepted is not None
    assert bench.desk.accepted_plain is not None
    body = encode(bench.desk.accepted)
    assert PASSWORD not in json.dumps(body)
    workflow = WORKFLOWS["incident-summary"]
    draft, _ = bench.place.desk._drafting.proposed(session, workflow, bench.desk.accepted_plain, body, ticket)
    bench.setup.record.write(lambda record: record.put_session(replace(session, document=body, draft=draft.id)))
    stored = bench.setup.record.write(lambda record: record.put_draft(draft, expected_rev=None))
    review = bench.place.desk.ask(DraftReview(stored.id))
    assert any(PASSWORD in claim.text for claim in review.claims)
    assert review.claims_ok == len(review.claims)
    assert not [finding for finding in review.findings if finding.blocks]


def longest_piece(text: str, value: str) -> str:
    """The longest run of ``value`` that stands in ``text``, whatever the case."""
    text, value = text.casefold(), value.casefold()
    runs = (value[start:end] for start in range(len(value)) for end in range(start + 1, len(value) + 1))
    return max((run for run in runs if run in text), key=len, default="")


@pytest.mark.parametrize(
    "words",
    ["Someone wrote {}.", "{} failed at 23:59.", "It is not {}.", "x{}", "{} " * 12, "y" * 290 + "-{}"],
)
def test_what_is_held_against_a_document_tells_no_piece_of_a_secret(bench: Bench, words: str) -> None:
    written = as_an_agent_writes_it(bench)
    mark = next(mark for mark, value in bench.hiding.values.items() if value == PASSWORD)
    written["what_happened"][0]["text"] = words.replace("{}", mark)
    said = bench.call("submit_document", document=written)
    assert said.startswith("not accepted")
    assert len(longest_piece(said, PASSWORD)) < 4, said


@pytest.mark.parametrize("length", range(3960, 4002, 3))
def test_a_text_that_is_cut_keeps_no_piece_of_what_stood_where_it_was_cut(bench: Bench, length: int) -> None:
    written = as_an_agent_writes_it(bench)
    mark = next(mark for mark, value in bench.hiding.values.items() if value == PASSWORD)
    written["no_runbook_reason"] = "y" * (length - 20) + "\x07\x07" + mark
    written["impact"]["regions"] = ["y" * length + mark]
    bench.call("submit_document", document=written)
    stored = json.dumps(encode(bench.desk.accepted), ensure_ascii=False)
    assert len(longest_piece(stored, PASSWORD)) < 4


def test_two_tickets_share_no_piece_of_a_secret_that_both_hold(bench: Bench) -> None:
    bench.place.ticket("CoreDNS forward errors on agents-3 too", "agents-3 again, Tundra7 was tried, maple-x too")
    said = bench.call("search_tickets", query="CoreDNS forward errors agents-3")
    assert "agents-3" in said.partition("shared identifiers: ")[2]
    assert "Tundra7" not in said
