"""From the launch of a session to the comment on its ticket, by the command line alone."""

from __future__ import annotations

import pytest

from opstui.rehearsal.service import Rehearsal
from tests.behaviours.checks import whole
from tests.behaviours.program import Program


@pytest.mark.parametrize("workflow", ["incident-summary", "escalation-package", "reply", "closure"])
@pytest.mark.parametrize("runtime", ["managed", "desk"])
def test_a_document_goes_from_the_agent_onto_the_ticket(
    program: Program, service: Rehearsal, runtime: str, workflow: str
) -> None:
    ran = program.run("local:INC-1", workflow, runtime)
    assert ran.code == 0, ran.said
    assert [event["type"] for event in ran.events].count("session.ended") == 1
    kinds = {event["type"] for event in ran.events}
    assert {"session.started", "text", "tool.call", "tool.result", "usage", "document", "draft"} <= kinds
    session = ran.session
    assert session["document"]["head"]["engine"] == {"managed": "managed", "desk": "local"}[runtime]
    if runtime == "managed":
        whole(program, service, ran)
        assert session["status"] == "idle"
        assert session["cost"]["reported"] is not None
    else:
        assert not service.sessions
        assert session["status"] == "ended"
        assert len(set(ran.texts)) == len(ran.texts)
    assert session["cost"]["input_tokens"] > 0
    draft = program.ask("draft", "show", session["draft"])
    assert draft["state"] == "proposed"
    assert draft["fingerprint"], draft["checks"]
    comment = next(op for op in draft["ops"] if op["op"] == "comment")
    approved = program.do("draft", "approve", draft["id"], "--fingerprint", draft["fingerprint"])
    assert approved.code == 0, approved.err
    pushed = program.do("push", "--json")
    assert pushed.code == 0, pushed.err
    ticket = program.ask("ticket", "show", "local:INC-1")
    assert [entry["text"] for entry in ticket["timeline"]].count(comment["to"]) == 1
    if workflow == "escalation-package":
        package = next(op for op in draft["ops"] if op["op"] == "attach")["to"]
        assert package["sha256"] in [file["sha256"] for file in ticket["attachments"]]
    assert program.ask("audit", "verify")["ok"] is True
    again = program.do("session", "resume", session["id"], "--events")
    assert again.code == 0, again.said
    assert len(service.sessions) == (runtime == "managed")
