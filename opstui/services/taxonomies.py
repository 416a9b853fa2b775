"""The taxonomy as a session of a workflow gets it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from opstui.core.errors import ConfigError
from opstui.core.taxonomy import Taxonomy, to_json

if TYPE_CHECKING:
    from opstui.core.workflows import Workflow
    from opstui.services.setup import Setup

log = logging.getLogger("opstui.taxonomy")

ROUTED = ("EscalationPackage",)
"""Documents that name a team of the taxonomy, where it has any; they are written without one, too."""
LINE = "taxonomy: "
"""What the line begins with in which an agent is told of it."""
LINE_BYTES = 12 * 1024
"""More of it would leave too little room for the ticket."""


def taxonomy_of(setup: Setup, workflow: Workflow) -> Taxonomy | None:
    """The values that a document of the workflow may use; None where its kind uses none.

    Raises ConfigError for one that can't be read, where nothing can be written without it: an escalation can't wait.
    """
    if workflow.document == "Triage":
        return setup.taxonomy()
    if workflow.document not in ROUTED:
        return None
    try:
        taxonomy = setup.taxonomy()
    except ConfigError as error:
        log.warning("no taxonomy to route by: %s", error)
        return None
    return taxonomy if taxonomy.teams else None


def taxonomy_line(taxonomy: Taxonomy) -> str:
    """All values on one line of JSON; of a large taxonomy without their other names, the ids always."""
    tables = to_json(taxonomy)
    for left_out in ((), ("signs",), ("signs", "aliases"), ("signs", "aliases", "title")):
        told = {
            table: [{key: value for key, value in term.items() if key not in left_out} for term in terms]
            for table, terms in tables.items()
        }
        line = LINE + json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        if len(line.encode("utf-8")) <= LINE_BYTES:
            break
    return line
