"""Habits that keep the program honest, read out of its source."""

from __future__ import annotations

import ast

from tests.architecture.source import calls, enclosing, modules, tracked, written

# file → function: the only places that may swallow everything, and why nothing narrower would do. A handler that ends
# in a bare `raise` swallows nothing and needs no place here.
MAY_CATCH_ALL: dict[str, dict[str, str]] = {
    "opstui/adapters/tickets/foreign.py": {"_guard": "other people's code: raised again as an error of ours"},
    "opstui/adapters/sqlite_writer.py": {"_Job.run": "raised again on the thread that waits for the answer"},
    "opstui/tui/talking.py": {"TalkingApp._in_thread.target": "raised again in the coroutine that waits for it"},
    "opstui/tui/terminal/driver.py": {
        "driver_class.GuardedDriver._run_input_thread": "the end of a thread: it becomes a crash file"
    },
}

# file → what of the machine's time it asks for itself, and why no clock is handed to it. Faces and adapters may measure
# how long something took (`time.monotonic`): no rule depends on it.
MAY_KNOW_THE_TIME: dict[str, dict[str, str]] = {
    "opstui/adapters/machine.py": {"*": "the adapter behind the Clock and Randomness ports"},
    "opstui/rehearsal/clock.py": {"*": "the stand-in is a program of its own; tests hand a clock in"},
    "opstui/services/locks.py": {"time.monotonic": "how long another process's lock is waited for"},
    "opstui/cli/app.py": {"datetime.now": "names the folder that is set aside"},
    "opstui/cli/crash.py": {"datetime.now": "a crash must be told without any part of the program"},
    "opstui/cli/knowledge.py": {"datetime.now": "ages are counted to it"},
    "opstui/cli/streaming.py": {"datetime.now": "stamps its own notices"},
    "opstui/cli/tickets.py": {"datetime.now": "ages are counted to it"},
    "opstui/plain/sessions.py": {"datetime.now": "a running session's cost is counted to it"},
    "opstui/tui/app.py": {"datetime.now": "the default of what a test hands in"},
}

CLOCKS_AND_CHANCE = (
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns", "time.monotonic",
    "time.monotonic_ns", "time.perf_counter", "time.localtime", "time.gmtime", "uuid.uuid1", "uuid.uuid4", "uuid4",
    "os.urandom", "secrets.", "random.", "perf_counter",
)  # fmt: skip
STOPWATCHES = ("time.monotonic", "time.monotonic_ns", "time.perf_counter")
WITHOUT_A_STOPWATCH = (
    "opstui/core/",
    "opstui/services/",
    "opstui/demo/",
    "opstui/wired/",
    "opstui/wiring.py",
    "opstui/worker.py",
)


def test_nothing_catches_everything() -> None:
    found = []
    for path, tree, _ in modules():
        names = enclosing(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.ExceptHandler):
                continue
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            broad = any(one is None or written(one) in ("Exception", "BaseException") for one in caught)
            last = node.body[-1]
            passed_on = isinstance(last, ast.Raise) and last.exc is None
            if broad and not passed_on and names[node] not in MAY_CATCH_ALL.get(path, {}):
                found.append(f"{path}:{node.lineno} {names[node]}")
    assert not found, "\n" + "\n".join(found)


def test_no_exception_to_a_habit_outlives_its_reason() -> None:
    files = {path: names for path, tree, _ in modules() for names in [set(enclosing(tree).values())]}
    gone = [
        f"{path} {name}" for path, all_of in MAY_CATCH_ALL.items() for name in all_of if name not in files.get(path, ())
    ]
    gone += [path for path in MAY_KNOW_THE_TIME if path not in files]
    assert not gone, "\n" + "\n".join(gone)


def test_time_and_chance_come_in_through_ports() -> None:
    found = []
    for path, tree, _ in modules():
        allowed = MAY_KNOW_THE_TIME.get(path, {})
        if "*" in allowed:
            continue
        for name, call in calls(tree):
            bare = name.removeprefix("datetime.") if name.startswith("datetime.datetime.") else name
            if bare in STOPWATCHES and not path.startswith(WITHOUT_A_STOPWATCH):
                continue
            if any(bare == one or (one.endswith(".") and bare.startswith(one)) for one in CLOCKS_AND_CHANCE):
                if name not in allowed:
                    found.append(f"{path}:{call.lineno} {name}")
    assert not found, "\n" + "\n".join(found)


def test_nobody_escapes_markup() -> None:
    """Escaping is no cure: ``escape("[/")`` still crashes Textual 8.2.8. Text is drawn without markup instead."""
    found = []
    for path, tree, _ in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("rich.markup", "textual.markup")):
                found.append(f"{path}:{node.lineno} from {node.module}")
    assert not found, "\n" + "\n".join(found)


# These parse markup unless told not to (seen for each with Textual 8.2.8).
_PARSE_MARKUP = frozenset(
    "Static Label Button Checkbox RadioButton Collapsible OptionList SelectionList Select Option Selection Toast "
    "notify".split()
)
_PLAIN = frozenset(["Content", "Text", "Content.styled", "Content.assemble", "Text.assemble", "Content.empty"])


def _takes_markup(call: ast.Call) -> bool:
    for keyword in call.keywords:
        if keyword.arg == "markup":
            return not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
    if not call.args:
        return False
    text = call.args[0]
    if isinstance(text, ast.Constant):
        return isinstance(text.value, str) and "[" in text.value
    return not (isinstance(text, ast.Call) and written(text.func) in _PLAIN)


def test_widgets_get_text_without_markup() -> None:
    found = []
    for path, tree, _ in modules("opstui/tui"):
        for name, call in calls(tree):
            if name.rpartition(".")[2] in _PARSE_MARKUP and _takes_markup(call):
                found.append(f"{path}:{call.lineno} {name}(…): Content(text) or markup=False")
            if name.endswith("from_markup") and not (call.args and isinstance(call.args[0], ast.Constant)):
                found.append(f"{path}:{call.lineno} from_markup of something that is not a constant")
    assert not found, "\n" + "\n".join(found)


def test_borders_and_tooltips_hold_no_foreign_text() -> None:
    """They parse markup and have no switch for it."""
    found = []
    for path, tree, _ in modules("opstui/tui"):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Assign):
                continue
            for target in node.targets:
                plain = isinstance(node.value, ast.Constant) or (
                    isinstance(node.value, ast.Call) and written(node.value.func) in _PLAIN
                )
                if isinstance(target, ast.Attribute) and not plain:
                    if target.attr in ("border_title", "border_subtitle", "tooltip"):
                        found.append(f"{path}:{node.lineno} {target.attr}")
    assert not found, "\n" + "\n".join(found)


def test_the_command_line_opens_wiring_and_screens_only_when_it_needs_them() -> None:
    found = []
    for path, tree, _ in modules("opstui/cli"):
        for node in tree.body:
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{one.name}" for one in node.names)]
            elif isinstance(node, ast.Import):
                names = [one.name for one in node.names]
            if any(name.startswith(("opstui.wiring", "opstui.tui", "opstui.plain", "opstui.worker")) for name in names):
                found.append(f"{path}:{node.lineno}")
    assert not found, "\n" + "\n".join(found)


def test_packages_do_not_import_their_own_modules() -> None:
    """Rooms are first imported by whichever thread needs them. If a package imports its own module while another
    thread imports that module, Python breaks the deadlock by handing out a half-made one (seen: ``s`` right after a
    ticket was opened ended the app in 5 of 12 runs)."""
    found = []
    for path, tree, _ in modules():
        if path.endswith("/__init__.py"):
            package = path.removesuffix("/__init__.py").replace("/", ".")
            for node in tree.body:
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(package):
                    found.append(f"{path}:{node.lineno} {node.module}")
    assert not found, "\n" + "\n".join(found)


def test_public_names_say_what_they_are() -> None:
    found = []
    for path, tree, _ in modules():
        if tree.body and not ast.get_docstring(tree):
            found.append(f"{path}: module")
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                overload = any(written(one).endswith("overload") for one in node.decorator_list)
                if not node.name.startswith("_") and not overload and not ast.get_docstring(node):
                    found.append(f"{path}:{node.lineno} {node.name}")
    assert not found, "\n" + "\n".join(found)


def test_files_are_one_idea_each() -> None:
    """A file rarely passes 400 lines. Data (the demo's world, the desk's words) may."""
    long = {path: lines for path, _, lines in modules() if lines > 400}
    far_too_long = [f"{path}: {lines}" for path, lines in long.items() if lines > 760]
    assert not far_too_long, "\n".join(far_too_long)
    assert len(long) <= len(modules()) // 8, "\n".join(f"{path}: {lines}" for path, lines in sorted(long.items()))


def test_nothing_speaks_of_the_machine_it_was_written_on() -> None:
    # Put together here, so that this file does not hold what it looks for.
    folders = [f"/{name}/" for name in ("work", "root", "Users")]
    hosts = [
        ".".join(parts) for parts in (("pypi", "org"), ("files", "pythonhosted", "org"), ("proxy", "golang", "org"))
    ]
    found = []
    for path in tracked():
        data = path.read_bytes()
        if b"\0" in data[:1000]:
            continue
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            if any(word in line for word in (*folders, *hosts, "find-links", "--index-url")):
                if path.name not in ("test_habits.py", "CONTRIBUTING.md"):
                    found.append(f"{path.name}:{number} {line.strip()[:100]}")
    assert not found, "\n" + "\n".join(found)
