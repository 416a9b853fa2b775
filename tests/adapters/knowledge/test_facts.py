"""What pages say about themselves."""

from __future__ import annotations

import time
from datetime import date

import pytest

from opstui.adapters.knowledge.facts import page_facts, state_of, with_source
from opstui.adapters.knowledge.frontmatter import front_matter
from opstui.core.knowledge import PageFacts, PageState

YAML = """\
---
title: "Disk: full"
Status: Deprecated   # since May
superseded-by: runbooks/NewDisk
owner: 'storage''s team'
services: [disks, "node, exporter"]
alerts:
  - HostDiskFull
  - HostDiskWillFill
tags:
- a
- b
review_by: 2026-12-01
nested:
  owner: nobody
anchor: &x y
block: |
  owner: nobody
---
# Disk full
"""


def test_simple_front_matter_is_read_and_the_rest_left_alone() -> None:
    facts = page_facts(YAML)
    assert facts.state is PageState.SUPERSEDED
    assert facts.superseded_by == "runbooks/NewDisk"
    assert facts.owner == "storage's team"
    assert facts.services == ("disks", "node, exporter")
    assert facts.codes == ("HostDiskFull", "HostDiskWillFill")
    assert facts.tags == ("a", "b")
    assert facts.review_by == date(2026, 12, 1)


def test_toml_front_matter_says_the_same() -> None:
    text = '+++\ntitle = "x"\ndraft = true\nteam = "db"\n[taxonomies]\ntags = ["a"]\n[extra]\nreview = 1\n+++\n# x'
    facts = page_facts(text)
    assert (facts.state, facts.owner, facts.tags) == (PageState.DRAFT, "db", ("a",))


@pytest.mark.parametrize(
    "text",
    [
        "---\n---\n", "+++\nowner = [[[[\n+++\n", "+++\n" + "[" * 30_000 + "\n+++\n",
        "---\n" + "a: " + " " * 50_000 + "x\n---\n", "---\n- a\n- b\n---\n", "---\nowner: [a, [b]]\n---\n",
        '---\nowner: "a\\u0041"\n---\n', "---\nowner: {a: b}\n---\n",
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_front_matter_that_is_not_simple_says_nothing_and_breaks_nothing(text: str) -> None:
    assert page_facts(text).owner is None


def test_front_matter_that_is_too_long_to_be_any_is_left_alone() -> None:
    lines = ["---", "owner: me", *["x: " + "y" * 500] * 150, "---"]
    assert front_matter(lines) == {}


@pytest.mark.parametrize(
    ("text", "state", "by"),
    [
        ("# Failover\n\n> **Superseded by [New failover](new.md).**\n", PageState.SUPERSEDED, "New failover"),
        ("# Failover\n\nThis runbook has been deprecated in favour of db/failover.\n", "superseded", "db/failover"),
        ("# [DRAFT] Failover\n", PageState.DRAFT, None),
        ("# Failover (deprecated)\n", PageState.SUPERSEDED, None),
        ("Archived: Failover\n===\n\ntext", PageState.ARCHIVED, None),
        ("# Failover\n\nStatus: WIP\n", PageState.DRAFT, None),
        ("# Failover\n\n| Status | Not validated |\n|---|---|\n", PageState.UNVALIDATED, None),
        ("# Failover\n\n**Status:** Published\n", PageState.CURRENT, None),
        ("# Failover\n\n### Deprecation notice\n\nuse x", PageState.SUPERSEDED, None),
        ("# Failover\n\n:warning: This page is out of date, use Failover 2 instead.\n", "superseded", "Failover 2"),
        ("# Failover\n\nDeprecated, see Failover 2.\n", PageState.SUPERSEDED, "Failover 2"),
        ("# Failover\n\nReplaced by `db/new`\n", PageState.SUPERSEDED, "db/new"),
        ("---\nstatus: superseded (see db/new)\n---\n# x", PageState.SUPERSEDED, None),
        ("---\nstatus: Superseded by db/new\n---\n# x", PageState.SUPERSEDED, "db/new"),
        ("---\nstatus: draft - not yet tried\n---\n# x", PageState.DRAFT, None),
        ("---\ndeprecated: use db/new instead\n---\n# x", PageState.SUPERSEDED, "db/new"),
        ("---\narchived: 2026-01-01\n---\n# x", PageState.ARCHIVED, None),
        ("---\ndeprecated: no\nstatus: current\n---\n# x", PageState.CURRENT, None),
        ("# DEPRECATED - Failover\n", PageState.SUPERSEDED, None),
        ("---\nvalidated: false\n---\n# x", PageState.UNVALIDATED, None),
        ("---\nstatus: validated\narchived: yes\n---\n# x", PageState.ARCHIVED, None),
        ("---\nsuperseded_by: null\n---\n# x", PageState.CURRENT, None),
    ],
)
def test_the_state_is_read_wherever_people_write_it(text: str, state: PageState, by: str | None) -> None:
    facts = page_facts(text)
    assert (facts.state, facts.superseded_by) == (state, by)


@pytest.mark.parametrize(
    "text",
    [
        "# DeprecatedConfig\n\nThis alert fires when a deprecated config is used.\n",
        "# Failover\n\nThis runbook will be deprecated once pprof is there.\n",
        "# Failover\n\n## Old way (deprecated)\n\nsteps\n",
        "# Deprecated API calls\n\nClients use an API that is obsolete.\n",
        "# Archive logs\n\n1. Archive the logs.\n",
        "# Failover\n\n```\nstatus: draft\n```\n",
        "# Replication\n\nSteps:\n\n1. Obsolete indexes: drop them.\n",
        "# Status: what it means\n\nThe status of the node is archived in a table.\n",
    ],
)
def test_a_page_about_something_deprecated_is_not(text: str) -> None:
    assert page_facts(text).state is PageState.CURRENT


def test_sections_and_statements_name_owner_and_service() -> None:
    text = "# PayGateway5xx\n\nService: payments, checkout\n\n## Meaning\n\nbad\n\n## Owner\n\nPayments team\n"
    facts = page_facts(text)
    assert facts.services == ("payments", "checkout")
    assert facts.owner == "Payments team"
    assert facts.codes == ("PayGateway5xx",)


def test_a_sentence_is_no_owner_and_no_service() -> None:
    text = (
        "# x\n\nService: the service that answers payments is down and everybody waits for it to come back again.\n\n"
        "## Owner\n\nWhoever is on call. Ask in the channel.\n\n## Alerts\n\nThe alert measures how many fail\n"
    )
    assert page_facts(text) == PageFacts()


def test_codes_are_found_in_headings_and_norms_are_none() -> None:
    text = "# Errors of the store\n\n## ORA-00600 and E1234\n\n## KubePodCrashLooping\n\n## SHA-256\n\n## Open Files\n"
    assert page_facts(text).codes == ("ORA-00600", "E1234", "KubePodCrashLooping")


def test_labels_are_states_keys_or_tags() -> None:
    facts = page_facts("x", labels=["Superseded pages", "owner:db", "linux", "draft"])
    assert facts.state is PageState.SUPERSEDED
    assert facts.owner == "db"
    assert facts.tags == ("Superseded pages", "linux", "draft")


def test_the_registry_says_what_the_page_does_not() -> None:
    day = date(2027, 1, 1)
    assert with_source(PageFacts(), owner="ops", review_by=day) == PageFacts(owner="ops", review_by=day)  # type: ignore[arg-type]
    own = page_facts("---\nowner: me\nreview_by: 2026-01-01\n---\n")
    assert with_source(own, owner="ops", review_by=day) == own


@pytest.mark.parametrize("word", ["Work-in-Progress", "not_validated", "OBSOLETE.", "[draft]", "**Archived**"])
def test_state_words_are_known_in_any_spelling(word: str) -> None:
    assert state_of(word) is not None


@pytest.mark.parametrize(
    "text",
    [
        "# " + " " * 200_000 + "x", "#" * 200_000, "|" * 200_000, "a:" * 100_000, "> " * 100_000, "[" * 200_000,
        "[a](" * 50_000, "this page is " * 20_000, "_" * 200_000, "**" * 100_000 + ":", "use " * 50_000,
        "# " + "A1_" * 60_000, "Owner: " + ", " * 90_000, "x\n" + "=" * 200_000, ("# a\n" + "owner: b\n") * 20_000,
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_hostile_text_takes_time_that_grows_as_it_does(text: str) -> None:
    """Quadratic patterns take minutes for these."""
    before = time.process_time()
    page_facts(text)
    assert time.process_time() - before < 10
