"""``opstui eval``: workflows over recorded cases, and what is better or worse than before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from opstui.cli.invocation import Invocation
from opstui.cli.options import CommandMayBeLeftOut, json_option, with_invocation
from opstui.cli.output import emit, note, say, table
from opstui.cli.run import whole_cents
from opstui.core.errors import ConfigError, Refused, UsageError
from opstui.core.text import clean_line

if TYPE_CHECKING:
    from opstui.core.evaluation import Acceptance, Change, Evaluation, Told

WORSE, BUDGET = 1, 6


@click.group("eval", cls=CommandMayBeLeftOut, instead="run", subcommand_metavar="FOLDER|COMMAND [ARGS]...")
def evaluation() -> None:
    """Run workflows over recorded cases: a changed prompt, page or model is tested like code.

    \b
    opstui eval cases --save before.json             as it is now
    opstui eval cases --against before.json          after a change: exit 1 if a case got worse
    opstui eval cases --runtime claude --budget 2.00
    opstui eval record local:INC-1042 cases/checkout --workflow incident-summary
    opstui eval export-cases cases                   what people answered to checks, as cases
    """


@evaluation.command("run")
@click.argument("folder", type=click.Path())
@click.option(
    "--runtime", default="offline", metavar="NAME", help="What runs them; offline, without a model, if not said."
)
@click.option(
    "--workflow", "workflows", multiple=True, metavar="NAME", help="Cases of this workflow only; may be repeated."
)
@click.option("--against", "--baseline", "against", metavar="FILE", help="Compare with what --save wrote before.")
@click.option("--save", metavar="FILE", help="Keep the figures, to compare with later.")
@click.option("--budget", metavar="USD", help="Begin no more once all of it cost this much (exit 6).")
@click.option("--once", is_flag=True, help="Run each case once, at half the price: stability is not measured.")
@json_option
@with_invocation
def run_cases(
    invocation: Invocation,
    folder: str,
    runtime: str,
    workflows: tuple[str, ...],
    against: str | None,
    save: str | None,
    budget: str | None,
    once: bool,
    as_json: bool,
) -> int:
    """Run the cases in FOLDER (the word run may be left out), each on a scratch desk.

    Your own tickets, drafts and runbooks are not touched. opstui eval run --help says what it takes.
    """
    from opstui.core.evaluation import saved
    from opstui.wired.evaluation import evaluate_folder

    if runtime not in invocation.settings.runtimes:
        names = ", ".join(invocation.settings.runtimes)
        raise UsageError(f"{clean_line(runtime, limit=60)}: no such runtime; there are: {names}")
    amount = whole_cents(budget) if budget is not None else None
    invocation.writes()
    before = _before(against, workflows)
    done = evaluate_folder(
        Path(folder).expanduser(),
        invocation.settings,
        invocation.paths,
        configured=invocation.loaded.file_exists or invocation.options.demo,
        demo=invocation.options.demo,
        secrets=invocation.secrets,
        runtime=runtime,
        workflows=workflows,
        before=before,
        budget=amount,
        runs=1 if once else 2,
        tell=(lambda told: None) if as_json else _tell,
    )
    found = done.found
    if save is not None:
        _save(save, saved(found))
    if as_json:
        emit(shape(found, done.changes))
    else:
        _report(found, done.changes, before is not None)
    if found.reached_budget:
        note(f"opstui: the budget of ${budget} is reached after {len(found.told)} of {done.cases} cases")
        return BUDGET
    return WORSE if done.is_worse else 0


@evaluation.command("record")
@click.argument("ref")
@click.argument("folder", type=click.Path())
@click.option("--workflow", default="incident-summary", metavar="NAME", help="What is to be written about it.")
@click.option("--page", metavar="DOC", default="", help="The page to change, for knowledge-update.")
@click.option("--note", "words", default="", metavar="TEXT", help="Why the case is kept.")
@with_invocation
def record(invocation: Invocation, ref: str, folder: str, workflow: str, page: str, words: str) -> int:
    """Keep the ticket REF as a case in FOLDER, without secrets and personal data.

    With it go the runbooks that answer it now and the tickets that are like it. What you expect of a document is yours
    to write into its case.toml.
    """
    from opstui.core.desk import IndexKnowledge, RecordCase

    wanted = invocation.ref(ref, boards=True)
    invocation.writes()
    invocation.do(IndexKnowledge(due=True))
    place = invocation.do(RecordCase(ref=wanted, folder=folder, workflow=workflow, note=words, page=page)).unwrap()
    say(place)
    note(f"opstui: look it through before you share it, and write what you expect into {place}/case.toml")
    return 0


@evaluation.command("export-cases")
@click.argument("folder", type=click.Path())
@click.option("--workflow", metavar="NAME", help="Those of one workflow.")
@json_option
@with_invocation
def export_cases(invocation: Invocation, folder: str, workflow: str | None, as_json: bool) -> int:
    """Write what people answered to checks as cases into FOLDER; those that are there already stay."""
    from opstui.core.desk import ExportCases

    invocation.writes()
    made, there = invocation.do(ExportCases(folder=folder, workflow=workflow)).unwrap()
    if as_json:
        emit({"made": list(made), "there": list(there)})
        return 0
    for name in made:
        say(name)
    note(f"opstui: {len(made)} cases written, {len(there)} were there already")
    return 0


@evaluation.command("list")
@click.option("--workflow", metavar="NAME", help="Those of one workflow.")
@json_option
@with_invocation
def list_evaluations(invocation: Invocation, workflow: str | None, as_json: bool) -> int:
    """Which workflow versions were evaluated on this desk, the newest first."""
    from opstui.core.desk import Evaluated, Evaluations as Wanted
    from opstui.exports.shapes import money, when

    rows = invocation.desk.ask(Wanted(workflow))
    standing = invocation.desk.ask(Evaluated())
    if as_json:
        emit({
            "evaluated": dict(standing),
            "evaluations": [
                {
                    "id": row.id, "workflow": row.workflow, "version": row.version, "runtime": row.runtime,
                    "model": row.model, "at": when(row.at), "by": row.by, "passed": row.passed, "cases": row.cases,
                    "measures": dict(row.measures), "cost": money(row.cost),
                }
                for row in rows
            ],
        })  # fmt: skip
        return 0
    table(
        ("workflow", "version", "runtime", "at", "by", "cases", "passed"),
        [
            (row.workflow, row.version, row.runtime, when(row.at) or "–", row.by, str(row.cases), _yes(row.passed))
            for row in rows
        ],
        right="cases",
    )
    missing = [name for name, is_evaluated in standing.items() if not is_evaluated]
    if missing:
        note(f"opstui: not evaluated as they are now: {', '.join(missing)}")
    return 0


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _before(file: str | None, workflows: tuple[str, ...]) -> Mapping[str, Told] | None:
    if file is None:
        return None
    from opstui.core.evaluation import told_before

    try:
        value = json.loads(Path(file).expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{clean_line(file, limit=120)}: can't be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise ConfigError("no evaluation that `opstui eval --save` wrote (not JSON)", file=file) from None
    found = told_before(value, file)
    return {name: told for name, told in found.items() if not workflows or told.workflow in workflows}


def _save(file: str, value: Mapping[str, Any]) -> None:
    try:
        text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
        Path(file).expanduser().write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise Refused(f"{clean_line(file, limit=120)}: can't be written ({error.strerror})") from None


# --- what is printed --------------------------------------------------------------------------------------------------


def _tell(told: Told) -> None:
    from opstui.core.money import dollars

    shares = " ".join(f"{name} {_share(share)}" for name, share in told.measures.items() if share is not None)
    words = told.stop_reason and f"no document: {told.stop_reason}"
    say(f"{told.case}: {told.workflow} {words or shares}, {told.words} words, ${dollars(told.cost, places=4)}")
    for line in told.lost:
        say(f"    {line}")


def _report(found: Evaluation, changed: tuple[Change, ...], is_compared: bool) -> None:
    from opstui.core.evaluation import MEASURES
    from opstui.core.money import dollars

    say()
    names = list(found.versions)
    means = {name: found.mean(name) for name in names}
    rows = [
        (text, *(_share(means[name].get(measure)) for name in names))
        for measure, text in MEASURES.items()
        if any(means[name].get(measure) is not None for name in names)
    ]
    rows.append(("acceptance by operators", *(_accepted(found.acceptance.get(name)) for name in names)))
    rows.append((
        "cost, all runs",
        *(f"${dollars(sum(t.cost for t in found.told if t.workflow == name), places=4)}" for name in names),
    ))  # fmt: skip
    rows.append(("passed", *(_yes(found.passed(name)) for name in names)))
    table((f"on {found.runtime}", *names), rows, right=" ".join(names))
    say(f"{len(found.told)} cases, ${dollars(found.cost, places=4)}")
    for change in sorted(changed, key=lambda change: not change.worse):
        word = "worse" if change.worse else "changed" if (change.now or 0) < (change.before or 0) else "better"
        say(f"{word}: {change.case} {change.measure} {_share(change.before)} -> {_share(change.now)}")
    if is_compared and not changed:
        say("nothing changed")


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _accepted(counts: Acceptance | None) -> str:
    if counts is None or counts.share is None:
        return "–"
    return f"{counts.share:.0%} of {counts.accepted + counts.edited + counts.rejected}"


def shape(found: Evaluation, changed: tuple[Change, ...]) -> dict[str, Any]:
    """What ``--json`` prints."""
    from opstui.core.checks.measures import as_numbers
    from opstui.core.codec import encode
    from opstui.exports.shapes import money, when

    return {
        "runtime": found.runtime,
        "model": found.model,
        "at": when(found.at),
        "by": found.by,
        "cases": [{**encode(told), "cost": money(told.cost)} for told in found.told],
        "workflows": {
            name: {
                "version": version,
                "measures": as_numbers(found.mean(name)),
                "passed": found.passed(name),
                "acceptance": encode(found.acceptance.get(name)),
                "cost": money(sum(told.cost for told in found.told if told.workflow == name)),
            }
            for name, version in found.versions.items()
        },
        "changes": encode(changed),
        "regressions": sum(change.worse for change in changed),
        "cost": money(found.cost),
        "budget_reached": found.reached_budget,
    }
