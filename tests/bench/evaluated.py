"""Evaluate the workflows that ship with the program, and list their versions: ``python tests/bench/evaluated.py``.

Runs the cases of ``tests/cases`` without a model and through the Messages stand-in of the rehearsal, and where every
workflow passes on both writes ``opstui/workflows/evaluated.toml``. A test fails while a version is not listed there.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from opstui.rehearsal.service import Rehearsal
from opstui.services.evaluating import evaluate
from opstui.services.evaluation_cases import read_cases
from opstui.services.workflows import EVALUATED, load_workflows
from opstui.wired.evaluation import scratch_desks
from opstui.wiring import open_setup

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / "opstui" / "workflows"
CONFIG = """
[runtimes.desk]
kind = "messages"
base_url = "{url}"
model = "rehearsal"
api_key = {{ env = "OPSTUI_EVAL_KEY" }}
"""
HEAD = "# Versions that went through the cases of tests/cases; written by tests/bench/evaluated.py.\n"


def main() -> int:
    from opstui.cli.globals import Globals
    from opstui.cli.invocation import Invocation

    cases = read_cases(ROOT / "tests" / "cases")
    passed: dict[str, bool] = {}
    with tempfile.TemporaryDirectory() as home, Rehearsal(key="rehearsal") as service:
        Path(home, "config.toml").write_text(CONFIG.format(url=service.url))
        environ = {"OPSTUI_HOME": home, "OPSTUI_EVAL_KEY": "rehearsal", "PATH": os.environ.get("PATH", "")}
        invocation = Invocation(Globals(), environ)
        setup = open_setup(invocation.settings, invocation.paths, secrets={"OPSTUI_EVAL_KEY": "rehearsal"})
        try:
            for runtime in ("offline", "desk"):
                with scratch_desks(setup) as scratch:
                    found = evaluate(cases, scratch, runtime=runtime, by="", clock=setup.clock, runs=1)
                for told in found.told:
                    print(f"{runtime:8} {told.case:24} {told.workflow:20} {told.stop_reason or 'ok'} {list(told.lost)}")
                for name in found.versions:
                    passed[name] = passed.get(name, True) and found.passed(name)
        finally:
            for close in setup.closers:
                close()
    workflows = load_workflows(WORKFLOWS)
    missing = [name for name in workflows if not passed.get(name)]
    if missing:
        print(f"not passed: {', '.join(missing)}; {EVALUATED} stays as it is")
        return 1
    lines = [f'{name} = ["{workflow.version}"]\n' for name, workflow in sorted(workflows.items())]
    (WORKFLOWS / EVALUATED).write_text(HEAD + "".join(lines))
    print(f"{EVALUATED}: {len(lines)} workflows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
