"""Reads what pytest reported and says it in one plain line; a skipped test that needs a server is a failure."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET


def main(report: Path) -> int:
    """0 if tests ran, none failed and none that needs a server was skipped."""
    if not report.is_file():
        print("0 passed, 0 failed")
        print("the tests left no report")
        return 1
    cases = list(ET.parse(report).getroot().iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    skipped = [case for case in cases if case.find("skipped") is not None]
    servers = [case for case in skipped if ".servers." in f".{case.get('classname')}." and not not_promised(case)]
    for case in servers:
        print(f"skipped, but must run here: {case.get('name')}: {reason(case)}")
    print(
        f"{len(cases) - len(failed) - len(skipped)} passed, {len(failed)} failed"
        + f", {len(skipped)} skipped" * bool(skipped)
    )
    return 1 if failed or servers or not cases else 0


def reason(case: ET.Element) -> str:
    """Why it was skipped."""
    skipped = case.find("skipped")
    return skipped.get("message") or "" if skipped is not None else ""


def not_promised(case: ET.Element) -> bool:
    """Whether a contract suite skipped what the system does not claim to do."""
    return reason(case).startswith("not promised: ")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
