"""The example file is made from the settings model, and what it says is true."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from opstui.config.docs import field_docs
from opstui.config.example import example_text
from opstui.config.kinds import KINDS
from opstui.config.load import load
from opstui.config.paths import Paths
from opstui.config.schema import schema
from opstui.config.settings import Settings
from opstui.config.sources import SOURCES
from opstui.config.values import hints

ROOT = Path(__file__).parent.parent.parent


def uncommented() -> str:
    return re.sub(r"^#(?! )", "", example_text(), flags=re.MULTILINE)


def test_the_file_in_the_repository_is_what_the_model_says() -> None:
    assert (ROOT / "config.example.toml").read_text("utf-8") == example_text()


def test_as_it_stands_it_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(example_text(), "utf-8")
    paths = Paths.find({"OPSTUI_HOME": str(tmp_path)})
    (tmp_path / "none").mkdir()
    bare = load(Paths.find({"OPSTUI_HOME": str(tmp_path / "none")}), environ={"USER": "sam"})
    assert load(paths, environ={"USER": "sam"}).settings == bare.settings


def test_without_the_marks_it_loads_and_sets_every_table(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(uncommented(), "utf-8")
    loaded = load(Paths.find({"OPSTUI_HOME": str(tmp_path)}), environ={"USER": "sam"}, profile="night")
    tables = {re.split(r"[.\[]", key)[0] for key in loaded.sources}
    assert tables == set(hints(Settings))


def test_every_setting_has_a_sentence() -> None:
    for name, kind in hints(Settings).items():
        inner = [kind, *getattr(kind, "__args__", ())]
        for table in inner:
            if hasattr(table, "__dataclass_fields__"):
                assert set(field_docs(table)) == set(table.__dataclass_fields__), name


def allowed(value: Any, rule: dict[str, Any], path: str = "") -> list[str]:
    """What of a parsed file the schema does not allow; enough of JSON schema for the one we make."""
    if "enum" in rule:
        return [] if value in rule["enum"] else [path]
    if rule["type"] == "object":
        known = rule.get("properties", {})
        more = rule.get("additionalProperties", False)
        found = []
        for name, item in value.items():
            inner = known.get(name, more)
            found += [f"{path}.{name}"] if inner is False else allowed(item, inner, f"{path}.{name}")
        return found + [f"{path}.{name}" for name in rule.get("required", ()) if name not in value]
    if rule["type"] == "array":
        return [problem for item in value for problem in allowed(item, rule["items"], path)]
    kind = {"string": str, "integer": int, "boolean": bool}[rule["type"]]
    good = isinstance(value, kind) and ("pattern" not in rule or re.search(rule["pattern"], str(value)))
    return [] if good else [path]


def test_the_schema_allows_the_example_and_nothing_unknown() -> None:
    rule = schema()
    data = tomllib.loads(uncommented())
    assert allowed(data, rule) == []
    data["ui"]["them"] = "x"
    data["tickets"]["rt"]["kind"] = 3
    assert allowed(data, rule) == [".tickets.rt.kind", ".ui.them"]


def test_the_schema_names_our_kinds_and_leaves_room_for_others() -> None:
    kind = schema()["properties"]["tickets"]["additionalProperties"]["properties"]["kind"]
    assert {"rt", "alertmanager", "local"} <= set(kind["examples"])
    assert allowed("acme", kind) == []


def test_the_example_has_a_source_of_every_kind() -> None:
    shown = {table["kind"] for table in tomllib.loads(uncommented())["knowledge"].values()}
    assert shown == set(SOURCES)


def test_the_example_has_a_table_of_every_kind() -> None:
    shown = {table["kind"] for table in tomllib.loads(uncommented())["tickets"].values()}
    assert shown == set(KINDS) - {"local"}
