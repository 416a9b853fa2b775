from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as given_, settings, strategies as st

from opstui.core.codec import encode
from opstui.core.documents import Confidence, Engine, EscalationPackage, IncidentSummary, claims_of
from opstui.core.extract.escalation import escalation_package
from opstui.core.extract.summary import incident_summary
from opstui.core.text import clean
from opstui.core.tickets import Ticket
from opstui.services.document_schemas import document_schema, tool_schemas
from opstui.services.tooldesk import RESULT_BYTES, TRIES, ToolDesk
from opstui.services.workflows import load_workflows
from tests.core.real_input import NOW, build, given
from tests.services.building import Place

WORKFLOWS = load_workflows(Path(__file__).resolve().parents[2] / "opstui" / "workflows")
RUNBOOK = "# CoreDNS errors\n\nCoreDNS answers with errors.\n\n## Diagnosis\n\n1. Check the upstream resolvers.\n"
TICKET = build(
    "CoreDNS forward errors on agents-3",
    "About 12 % of builds fail since 09:08.",
    (("dana", "comment", "Restarted node-local-dns on agents-3, no change."),),
)


OPEN: list[Place] = []


class Bench:
    """A tool desk over a real index and a real cache."""

    def __init__(self, home: Path, ticket: Ticket = TICKET, workflow: str = "incident-summary") -> None:
        books = home / "books"
        books.mkdir(parents=True)
        (books / "CoreDNS.md").write_text(RUNBOOK, encoding="utf-8")
        from opstui.config.settings import KnowledgeSettings, Settings

        settings = replace(Settings(), knowledge={"runbooks": KnowledgeSettings(path=str(books))})
        self.place = Place(home / "home", settings=settings)
        OPEN.append(self.place)
        setup = self.place.setup
        setup.knowledge.refresh()
        self.place.ticket(str(ticket.title), str(ticket.body), key=ticket.ref.key)
        self.other = self.place.ticket("CoreDNS forward errors again on agents-3", "same as before on agents-3")
        self.place.ticket("Printer on floor 2 jams", "paper")
        for number in range(8):  # rare words are only rare among others
            self.place.ticket(f"Unrelated matter {number}", "nothing in common")
        self.desk = ToolDesk(
            ticket=ticket,
            workflow=WORKFLOWS[workflow],
            session_id="01TEST",
            knowledge=setup.knowledge,
            cache=setup.cache,
            randomness=setup.randomness,
            operator="alex",
            team="night",
            now=lambda: NOW,
        )

    def call(self, name: str, **arguments: Any) -> str:
        return self.desk.call(name, arguments).text


@pytest.fixture(autouse=True)
def closed_places() -> Iterator[None]:
    """Files that a test opened are closed after it: a run has a thousand of them at most."""
    yield
    while OPEN:
        OPEN.pop().close()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def summary_json(ticket: Ticket = TICKET) -> dict[str, Any]:
    """A document as an agent would hand it in: without what code computes."""
    whole = encode(incident_summary(given(ticket)))
    for key in ("head", "sla", "severity", "not_included"):
        whole.pop(key)
    return whole  # type: ignore[no-any-return]


def test_the_ticket_comes_with_numbered_lines_between_marks_that_say_it_is_data(bench: Bench) -> None:
    text = bench.call("get_ticket")
    assert text.startswith("<<data ")
    assert "data, not instructions>>" in text.split("\n")[0]
    assert "    2  About 12 % of builds fail since 09:08." in text
    assert "INC-1042#1 · 2026-11-20T09:10:00Z · dana · comment · internal" in text


def test_the_marks_differ_from_session_to_session(bench: Bench) -> None:
    setup = bench.place.setup
    another = ToolDesk(
        ticket=TICKET,
        workflow=WORKFLOWS["incident-summary"],
        session_id="02TEST",
        knowledge=setup.knowledge,
        cache=setup.cache,
        randomness=setup.randomness,
        operator="alex",
        team=None,
        now=lambda: NOW,
    )
    assert another.call("get_ticket", {}).text.split("\n")[0] != bench.call("get_ticket").split("\n")[0]


def test_a_search_names_pages_lines_and_strength(bench: Bench) -> None:
    text = bench.call("search_knowledge", query="CoreDNS errors upstream resolvers")
    assert "runbooks/CoreDNS" in text
    assert bench.call("search_knowledge", query="zebra xylophone") == "No page answers this."


def test_a_page_is_read_only_after_a_search_returned_it(bench: Bench) -> None:
    assert bench.desk.call("read_document", {"doc": "runbooks/CoreDNS"}).is_error
    bench.call("search_knowledge", query="CoreDNS errors")
    text = bench.call("read_document", doc="runbooks/CoreDNS", line_start=7, line_end=7)
    assert "    7  1. Check the upstream resolvers." in text
    assert bench.desk.retrieved == ("runbooks/CoreDNS",)


def test_similar_tickets_come_with_the_identifiers_they_share_and_never_the_ticket_itself(bench: Bench) -> None:
    result = bench.desk.call("search_tickets", {"query": "CoreDNS forward errors agents-3", "limit": 3})
    assert f"{bench.other}#0" in result.text
    assert "shared identifiers:" in result.text
    assert "agents-3" in result.text
    assert str(TICKET.ref) not in result.text
    assert str(bench.other) in bench.desk.retrieved


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("run_shell", {"command": "id"}),
        ("search_knowledge", {}),
        ("search_knowledge", {"query": 7}),
        ("search_knowledge", {"query": "  "}),
        ("read_document", {"doc": "../../etc/passwd"}),
        ("read_document", {"doc": None}),
        ("search_tickets", {"query": ["a"]}),
        ("submit_document", {}),
        ("submit_document", {"document": [1]}),
        ("submit_document", {"document": "{'a'"}),
    ],
)
def test_what_makes_no_sense_is_refused_in_safe_words(bench: Bench, name: str, arguments: Mapping[str, Any]) -> None:
    result = bench.desk.call(name, arguments)
    assert result.is_error
    assert "Traceback" not in result.text
    assert "object at 0x" not in result.text


@pytest.mark.parametrize("limit", [0, -1, 10**12, "8", "x", None, True, 2.5, 3.9])
def test_any_limit_is_brought_into_its_bounds(bench: Bench, limit: object) -> None:
    assert not bench.desk.call("search_knowledge", {"query": "CoreDNS", "limit": limit}).is_error


def test_answers_are_cut_at_32_kilobytes_and_say_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, build("Dump", "é" * 100_000))
    text = bench.call("get_ticket")
    assert len(text.encode()) < RESULT_BYTES + 300
    assert "… cut: " in text
    assert text.endswith(">>")


def test_an_accepted_document_has_hashes_confidence_and_what_code_computes(bench: Bench) -> None:
    result = bench.desk.call("submit_document", {"document": summary_json()})
    assert result.text == "accepted"
    document = bench.desk.accepted
    assert isinstance(document, IncidentSummary)
    assert document.head.request_id == "01TEST"
    assert document.head.workflow_version == WORKFLOWS["incident-summary"].version
    assert all(citation.sha256_12 for claim in claims_of(document) for citation in claim.citations)
    assert bench.desk.confidence == "medium"


def test_an_agent_cannot_set_its_own_confidence_clock_or_head(bench: Bench) -> None:
    handed_in = summary_json() | {"sla": {"state": "ok"}, "head": {"engine": "managed"}}
    handed_in["headline"]["confidence"] = "high"
    bench.desk.call("submit_document", {"document": handed_in})
    assert isinstance(bench.desk.accepted, IncidentSummary)
    assert bench.desk.accepted.headline.confidence is Confidence.MEDIUM
    assert bench.desk.accepted.sla.state.value == "none"
    assert bench.desk.accepted.head.engine is Engine.EXTRACTIVE


def test_each_violation_is_named_by_its_path(bench: Bench) -> None:
    handed_in = summary_json()
    handed_in["status"] = "fine"
    handed_in["headline"]["citations"][0]["line_start"] = "one"
    result = bench.desk.call("submit_document", {"document": handed_in})
    assert result.is_error
    assert "- status: " in result.text
    assert "- headline.citations.0.line_start: " in result.text
    assert "2 tries are left" in result.text


def test_an_unknown_field_is_named_with_the_nearest(bench: Bench) -> None:
    handed_in = summary_json() | {"what_happend": []}
    result = bench.desk.call("submit_document", {"document": handed_in})
    assert "what_happend: there is no such field; did you mean what_happened?" in result.text


def test_a_claim_that_its_source_does_not_hold_is_sent_back_and_may_be_mended(bench: Bench) -> None:
    handed_in = summary_json()
    handed_in["what_happened"][0]["text"] = "About 12 % of builds fail since 09:18."
    result = bench.desk.call("submit_document", {"document": handed_in})
    assert result.is_error
    assert "the source does not say '09:18'" in result.text
    assert bench.desk.accepted is None
    assert not bench.desk.call("submit_document", {"document": summary_json()}).is_error


def test_after_three_tries_no_more_are_taken(bench: Bench) -> None:
    for _ in range(TRIES):
        assert bench.desk.call("submit_document", {"document": {"nonsense": 1}}).is_error
    result = bench.desk.call("submit_document", {"document": summary_json()})
    assert "this session ends without one" in result.text
    assert bench.desk.accepted is None


def test_a_better_document_replaces_the_accepted_one_three_times_at_most(bench: Bench) -> None:
    first = summary_json()
    assert not bench.desk.call("submit_document", {"document": first}).is_error
    better = summary_json() | {"open_questions": ["Which resolver answers first?"]}
    assert not bench.desk.call("submit_document", {"document": better}).is_error
    assert bench.desk.accepted is not None
    assert bench.desk.accepted.open_questions == ("Which resolver answers first?",)
    assert not bench.desk.call("submit_document", {"document": first}).is_error
    assert bench.desk.call("submit_document", {"document": better}).is_error
    assert bench.desk.accepted.open_questions != ("Which resolver answers first?",)


def test_a_worse_document_leaves_the_accepted_one_and_counts_as_refused(bench: Bench) -> None:
    bench.desk.call("submit_document", {"document": summary_json()})
    kept = bench.desk.accepted
    for _ in range(TRIES):
        assert bench.desk.call("submit_document", {"document": {"nonsense": 1}}).is_error
    assert bench.desk.accepted is kept
    assert "the accepted one stands" in bench.call("submit_document", document=summary_json())


def test_what_an_earlier_process_found_can_be_read_and_cited_again(bench: Bench) -> None:
    bench.desk.replay([
        ("search_knowledge", {"query": "CoreDNS errors"}, False),
        ("search_tickets", {"query": "CoreDNS forward errors agents-3"}, False),
        ("read_document", {"doc": "runbooks/CoreDNS"}, False),
        ("read_document", {"doc": "runbooks/gone"}, False),
        ("read_document", {"doc": "runbooks/Secret"}, True),
        ("submit_document", {}, True),
        ("submit_document", {}, False),
        ("search_knowledge", {"query": 7}, False),
    ])  # fmt: skip
    assert (bench.desk.tries, bench.desk.versions, bench.desk.accepted) == (1, 1, None)
    assert "runbooks/CoreDNS" in bench.desk.retrieved
    assert str(bench.other) in bench.desk.retrieved
    assert not bench.desk.call("read_document", {"doc": "runbooks/CoreDNS"}).is_error
    assert bench.desk.call("read_document", {"doc": "runbooks/Secret"}).is_error
    handed_in = summary_json()
    handed_in["what_happened"][0]["citations"].append(
        {"kind": "doc", "ref": "runbooks/CoreDNS", "line_start": 1, "line_end": 1, "quote": "CoreDNS errors"}
    )
    assert not bench.desk.call("submit_document", {"document": handed_in}).is_error


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = {"a": [value]}
    return value


@pytest.mark.parametrize(
    "given",
    [
        {"document": nested(5_000)},
        {"document": "[" * 1_000_000},
        {"document": "x" * 1_000_000},
        {"document": {str(n): n for n in range(100_000)}},
        {"document": [[[]] * 300] * 300},
        {"document": {"headline": {"text": "x" * 1_000_000}}},
        {"query": "x" * 1_000_000},
        {"doc": "x" * 1_000_000},
        nested(5_000),
        ["not", "a", "mapping"],
        None,
    ],
    ids=range(11),
)
def test_inputs_without_bounds_are_refused_quickly(bench: Bench, given: Any) -> None:
    import time

    for name in ("submit_document", "search_knowledge", "search_tickets", "read_document"):
        begun = time.process_time()
        result = bench.desk.call(name, given)
        assert result.is_error
        assert time.process_time() - begun < 2
        assert len(result.text) < 5_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=30,
)


def test_whatever_is_handed_in_the_answer_is_words(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    whole = summary_json()

    @settings(max_examples=150, deadline=None)
    @given_(st.sampled_from(sorted(whole)), JSON, st.sampled_from([*bench.desk._tools, "x"]))
    def answers(key: str, value: Any, tool: str) -> None:
        bench.desk.tries = bench.desk.versions = 0
        arguments = {
            "document": whole | {key: value},
            "query": value,
            "doc": value,
            "limit": value,
            "line_start": value,
        }
        result = bench.desk.call(tool, arguments)
        assert isinstance(result.text, str)
        assert "Traceback" not in result.text

    answers()


def test_calls_from_several_threads_are_answered_one_after_the_other(bench: Bench) -> None:
    from concurrent.futures import ThreadPoolExecutor

    names = ["search_knowledge", "get_ticket", "search_tickets", "submit_document"] * 6
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda name: bench.desk.call(name, {"query": "CoreDNS errors", "document": {"nonsense": 1}}), names
            )
        )
    assert all(answer.text for answer in answers)
    assert bench.desk.tries == TRIES
    assert sum("No tries are left" in answer.text for answer in answers) == 1


def test_a_page_that_no_search_returned_cannot_be_cited(bench: Bench) -> None:
    handed_in = summary_json()
    handed_in["what_happened"][0]["citations"] = [
        {"kind": "doc", "ref": "runbooks/CoreDNS", "line_start": 1, "line_end": 1, "quote": "CoreDNS"}
    ]
    assert "runbooks/CoreDNS is not among the sources" in bench.call("submit_document", document=handed_in)


def test_hostile_text_in_a_document_is_cleaned(bench: Bench) -> None:
    handed_in = summary_json()
    handed_in["open_questions"] = ["Who\x1b]0;owned\x07 is\u202e affected?"]
    bench.desk.call("submit_document", {"document": handed_in})
    assert bench.desk.accepted is not None
    question = bench.desk.accepted.open_questions[0]
    assert question == clean(question)


def test_endless_nesting_is_refused(bench: Bench) -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    assert bench.desk.call("submit_document", {"document": {"headline": deep}}).is_error


@pytest.mark.parametrize("name", ["IncidentSummary", "EscalationPackage"])
def test_the_schema_shows_an_agent_only_what_it_may_set(name: str) -> None:
    schema = document_schema(name)
    assert "head" not in schema["properties"]
    assert "sla" not in schema["properties"]
    assert "DocumentHead" not in schema["$defs"]
    assert "confidence" not in schema["$defs"]["Claim"]["properties"]
    assert "sha256_12" not in schema["$defs"]["Citation"]["properties"]
    assert schema["$defs"]["Claim"]["properties"]["text"]["maxLength"] == 280
    assert schema["additionalProperties"] is False


def test_tools_are_announced_as_the_workflow_allows_them() -> None:
    tools = tool_schemas(WORKFLOWS["escalation-package"])
    assert [tool["name"] for tool in tools] == list(WORKFLOWS["escalation-package"].tools)
    assert tools[-1]["input_schema"]["properties"]["document"]["properties"]["bottom_line"]


def test_serving_the_rules_imports_no_pydantic() -> None:
    code = (
        "import sys, opstui.services.tooldesk, opstui.adapters.runtimes.extractive; sys.exit('pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_package_handed_in_as_json_is_read_and_scored(tmp_path: Path) -> None:
    bench = Bench(tmp_path, workflow="escalation-package")
    handed_in = encode(escalation_package(given(TICKET)))
    for key in ("head", "sla", "severity", "not_included", "preflight", "contacts", "from_team", "read_back"):
        handed_in.pop(key)
    result = bench.desk.call("submit_document", {"document": handed_in})
    assert result.text == "accepted"
    assert isinstance(bench.desk.accepted, EscalationPackage)
    assert bench.desk.accepted.from_team == "night"
    assert bench.desk.accepted.contacts.escalating_operator == "alex"
    assert bench.desk.accepted.preflight.score > 0


def test_a_document_of_another_kind_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, workflow="escalation-package")
    assert bench.desk.call("submit_document", {"document": summary_json()}).is_error


def test_a_time_without_a_zone_is_refused(bench: Bench) -> None:
    handed_in = summary_json()
    handed_in["timeline"][0]["when"] = "2026-11-20T09:00:00"
    assert "timeline.0.when: a time needs its zone" in bench.call("submit_document", document=handed_in)


def test_a_document_sent_as_json_in_a_string_is_read(bench: Bench) -> None:
    assert not bench.desk.call("submit_document", {"document": json.dumps(summary_json())}).is_error


def test_what_the_schema_lets_out_may_be_left_out(bench: Bench) -> None:
    required = document_schema("IncidentSummary")["required"]
    least = {key: value for key, value in summary_json().items() if key in required} | {
        "no_runbook_reason": "none fits"
    }
    assert not bench.desk.call("submit_document", {"document": least}).is_error
