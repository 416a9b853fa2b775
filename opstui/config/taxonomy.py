"""Reading ``taxonomy.toml``: strict, and whoever made a mistake is told the file, the line and the key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from opstui.config.lines import KeyPath, key_lines, line_of
from opstui.config.paths import Paths
from opstui.config.settings import Settings
from opstui.core.errors import ConfigError
from opstui.core.taxonomy import KINDS, SEVERITIES, Taxonomy, Term, collisions
from opstui.core.text import clean_line

FILE = "taxonomy.toml"
"""Beside the config file, unless ``[taxonomy] path`` names another."""
SIZE_LIMIT = 1024 * 1024
TERM_LIMIT = 2_000
"""Of one kind."""
WORD_LIMIT = 100
"""Names of one value."""
LENGTH_LIMIT = 120
"""Characters of one text."""

_TEXTS = ("title", "team", "runbook")
_LISTS = ("aliases", "signs")
_KEYS = {
    table: ("title", *(("team", "runbook") if table == "services" else ()), *_LISTS, "names")
    for table in KINDS.values()
}


def taxonomy_file(settings: Settings, paths: Paths) -> Path:
    """Where the taxonomy is, or would be."""
    own = settings.taxonomy.path
    return Path(own).expanduser() if own is not None else paths.config_file.parent / FILE


def load_taxonomy(file: Path) -> Taxonomy:
    """The taxonomy in ``file``; an empty one where there is no such file. Raises ConfigError."""
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return Taxonomy()
    except OSError as error:
        raise ConfigError(f"can't be read ({error.strerror or 'input/output error'})", file=str(file)) from None
    if len(raw) > SIZE_LIMIT:
        raise ConfigError(f"longer than {SIZE_LIMIT // 1024} KB", file=str(file))
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
        table = tomllib.loads(text)
    except UnicodeDecodeError:
        raise ConfigError("not UTF-8", file=str(file)) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"not valid TOML: {clean_line(str(error))}", file=str(file)) from None
    return _Reader(str(file), key_lines(text)).taxonomy(table)


class _Reader:
    def __init__(self, file: str, lines: Mapping[KeyPath, int]) -> None:
        self._file = file
        self._lines = lines

    def taxonomy(self, table: Mapping[str, Any]) -> Taxonomy:
        self._keys(table, (*KINDS.values(), "fields"), ())
        terms = {name: self._terms(name, table.get(name, {})) for name in KINDS.values()}
        fields = self._table(table.get("fields", {}), ("fields",))
        self._keys(fields, tuple(kind for kind in KINDS if kind not in ("severity", "team")), ("fields",))
        found = Taxonomy(**terms, fields={kind: self._text(fields[kind], ("fields", kind)) for kind in fields})
        for term in terms["services"]:
            if term.team is not None and term.team not in found.teams:
                near = get_close_matches(term.team, found.teams, n=1)
                hint = f"; did you mean {near[0]}?" if near else "; [teams] lists them by id"
                raise self._fault(("services", term.id, "team"), f"there is no team {term.team!r}{hint}")
        return found

    def _terms(self, name: str, value: Any) -> list[Term]:
        rows = self._table(value, (name,))
        if len(rows) > TERM_LIMIT:
            raise self._fault((name,), f"more than {TERM_LIMIT} of them")
        terms = [self._term(name, key, row) for key, row in rows.items()]
        for word, first, second in collisions(terms):
            path: KeyPath = (name, second)
            raise self._fault(path, f"{word!r} already names {first}, and can't name two of one kind")
        return terms

    def _term(self, name: str, key: str, value: Any) -> Term:
        path: KeyPath = (name, key)
        self._text(key, path)
        if name == "severities" and key not in SEVERITIES:
            raise self._fault(path, f"a severity is one of {', '.join(SEVERITIES)}; 1 is the worst")
        row = self._table(value, path)
        self._keys(row, _KEYS[name], path)
        names = self._table(row.get("names", {}), (*path, "names"))
        texts = {word: self._text(row[word], (*path, word)) for word in _TEXTS if word in row}
        lists = {word: self._list(row.get(word, []), (*path, word)) for word in _LISTS}
        return Term(
            id=key,
            title=texts.get("title", ""),
            aliases=lists["aliases"],
            signs=lists["signs"],
            team=texts.get("team"),
            runbook=texts.get("runbook"),
            names={system: self._text(word, (*path, "names", system)) for system, word in names.items()},
        )

    def _table(self, value: Any, path: KeyPath) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self._fault(path, "a table is wanted")
        return value

    def _list(self, value: Any, path: KeyPath) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise self._fault(path, 'a list of texts is wanted, ["…", "…"]')
        if len(value) > WORD_LIMIT:
            raise self._fault(path, f"more than {WORD_LIMIT} words")
        return tuple(self._text(item, path) for item in value)

    def _text(self, value: Any, path: KeyPath) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self._fault(path, "a text is wanted")
        if len(value) > LENGTH_LIMIT or clean_line(value) != value.strip():
            raise self._fault(path, f"one line of at most {LENGTH_LIMIT} ordinary characters is wanted")
        return str(clean_line(value))

    def _keys(self, table: Mapping[str, Any], known: tuple[str, ...], path: KeyPath) -> None:
        for key in table:
            if key not in known:
                near = get_close_matches(key, known, n=1)
                hint = f"; did you mean {near[0]}?" if near else f"; keys: {', '.join(known)}"
                raise self._fault((*path, key), f"there is no such key{hint}")

    def _fault(self, path: KeyPath, text: str) -> ConfigError:
        key = ".".join(str(clean_line(str(part), limit=60)) for part in path)
        return ConfigError(f"{key}: {text}", file=self._file, line=line_of(self._lines, path), key=key)
