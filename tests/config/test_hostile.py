"""Whatever stands in the file, it is read or it is a config error; never anything else."""

from __future__ import annotations

import base64
import gzip
import json
import string
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from opstui.config.layers import read_layer
from opstui.config.lines import key_lines
from opstui.config.load import load
from opstui.config.paths import Paths
from opstui.core.errors import ConfigError

WORDS = st.sampled_from(
    ["[", "]", "[[", "]]", "{", "}", "=", ".", ",", '"', "'", '"""', "'''", "\\", "#", "\n", "\t", " ", "ui", "tickets",
     "queues", "profiles", "theme", "name", "token", "url", "kind", "rt", "1", "1.5", "true", "2026-01-01", "08:00:00"]
)  # fmt: skip


def survives(folder: Path, content: bytes) -> None:
    file = folder / "config.toml"
    file.write_bytes(content)
    words = ""
    try:
        load(Paths.find({"OPSTUI_HOME": str(folder)}), environ={"USER": "sam"})
    except ConfigError as error:
        words = str(error)
    assert not [c for c in words if (ord(c) < 0x20 and c != "\n") or 0x7F <= ord(c) <= 0x9F]


@given(content=st.lists(WORDS, max_size=40).map("".join) | st.text(string.printable, max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    survives(tmp_path_factory.getbasetemp(), content.encode())
    key_lines(content)


@given(content=st.binary(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    survives(tmp_path_factory.getbasetemp(), content)


def test_hostile_strings_as_file_as_name_and_as_value(tmp_path: Path, shared_data: Path) -> None:
    with gzip.open(shared_data / "hostile" / "dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if "gen" in record:
                continue
            raw = base64.b64decode(record["b64"]) if "b64" in record else record["text"].encode("utf-8", "replace")
            survives(tmp_path, raw)
            quoted = json.dumps(raw.decode("utf-8", "replace"))
            survives(tmp_path, f"{quoted} = 1\n".encode())
            survives(tmp_path, f"[operator]\nname = {quoted}\n[ui.keys]\n{quoted} = {quoted}\n".encode())
            survives(tmp_path, f"[tickets.{quoted}]\nkind = {quoted}\nurl = {quoted}\n".encode())


def test_a_file_name_with_control_characters_is_shown_harmless(tmp_path: Path) -> None:
    file = tmp_path / "a\x1b[31m.toml"
    file.write_text("x =")
    with pytest.raises(ConfigError) as caught:
        read_layer("user file", file)
    assert "\x1b" not in str(caught.value)
