"""One value of the config at a time: what it must look like, and what to say when it does not."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from opstui.config.layers import Layer
from opstui.config.lines import KeyPath
from opstui.config.settings import Budget, ProxyUrl, Rate, SecretRef, StoreUrl, Url, Zone
from opstui.core.errors import UsageError
from opstui.core.frozen import dataclass
from opstui.core.money import MICRO
from opstui.core.text import clean, clean_line
from opstui.core.zones import time_zone

SECRET_FORMS = '{ env = "NAME" }, { keyring = "service/name" }, { cmd = ["program", "argument"] } or { file = "path" }'


@dataclass(frozen=True, slots=True)
class Leaf:
    """A checked value, and where it stood."""

    value: Any
    layer: Layer
    path: KeyPath


@dataclass(frozen=True, slots=True)
class Table:
    """A checked table; later layers are laid over it key by key."""

    items: Mapping[str, Node]
    layer: Layer
    path: KeyPath
    kind: Any = None

    def under(self, other: Table) -> Table:
        """This table with ``other`` laid over it."""
        items = dict(self.items)
        for name, node in other.items.items():
            mine = items.get(name)
            items[name] = mine.under(node) if isinstance(mine, Table) and isinstance(node, Table) else node
        return replace(self, items=items) if self.items else replace(other, items=items)


Node = Leaf | Table


@cache
def hints(kind: Any) -> dict[str, Any]:
    """Type of each key of a settings table."""
    return get_type_hints(kind)


def unwrap(kind: Any) -> Any:
    """``X`` of ``X | None``."""
    if get_origin(kind) in (Union, types.UnionType):
        return next(option for option in get_args(kind) if option is not type(None))
    return kind


def of_mapping(kind: Any) -> Any:
    """``X`` of ``Mapping[str, X]``, else None."""
    return get_args(kind)[1] if get_origin(kind) is Mapping else None


def read_table(kind: Any, raw: Any, layer: Layer, path: KeyPath) -> Table:
    """Check a table key by key. Raises ConfigError for unknown keys and for values of the wrong kind."""
    if not isinstance(raw, Mapping):
        raise layer.error(path, f"wants a table, this is {_what(raw)}")
    entry = of_mapping(kind)
    known = {} if entry is not None else hints(kind)
    limits = {} if entry is not None else {item.name: item.metadata for item in fields(kind)}
    items: dict[str, Node] = {}
    for name, value in raw.items():
        here = (*path, name)
        if entry is None and name not in known:
            raise layer.error(here, unknown_key(name, list(known), path))
        inner = entry if entry is not None else unwrap(known[name])
        if entry is str and isinstance(value, Mapping):
            raise layer.error(here, 'a name with a dot needs quotes: "session.interrupt" = "i"')
        items[name] = _read(inner, value, layer, here, limits.get(name, {}))
    return Table(items, layer, path, kind)


def _read(kind: Any, raw: Any, layer: Layer, path: KeyPath, limits: Mapping[str, Any]) -> Node:
    if kind is SecretRef:
        return Leaf(_secret(raw, layer, path), layer, path)
    if is_dataclass(kind) or of_mapping(kind) is not None:
        return read_table(kind, raw, layer, path)
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        if not isinstance(raw, list):
            form = f"[[{path[0]}]] tables" if is_dataclass(inner) else "a list: [ … ]"
            raise layer.error(path, f"wants {form}, this is {_what(raw)}")
        if is_dataclass(inner):
            return Leaf(tuple(read_table(inner, item, layer, (*path, at)) for at, item in enumerate(raw)), layer, path)
        return Leaf(tuple(_value(inner, item, layer, path, limits) for item in raw), layer, path)
    return Leaf(_value(kind, raw, layer, path, limits), layer, path)


def _value(kind: Any, raw: Any, layer: Layer, path: KeyPath, limits: Mapping[str, Any]) -> Any:
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        if raw not in choices or not isinstance(raw, str):
            problem = f"this is {_what(raw)}"
            if isinstance(raw, str):
                problem = f"{clean_line(raw, limit=40)!r} is none of them{_near(raw, choices)}"
            raise layer.error(path, f"wants one of {', '.join(choices)}; {problem}")
        return raw
    if kind is int:
        if not isinstance(raw, int) or isinstance(raw, bool):
            raise layer.error(path, f"wants a whole number, this is {_what(raw)}")
        least, most = limits.get("least", 0), limits.get("most", 2**31)
        if not least <= raw <= most:
            raise layer.error(path, f"wants a number from {least} to {most}")
        return raw
    if kind is bool:
        if not isinstance(raw, bool):
            raise layer.error(path, f"wants true or false, this is {_what(raw)}")
        return raw
    if kind is time:
        return _time(raw, layer, path)
    if kind is date:
        return _date(raw, layer, path)
    wanted, convert = _TEXTS[kind]
    if not isinstance(raw, str):
        raise layer.error(path, f"wants {wanted}, this is {_what(raw)}")
    if clean(raw) != raw:
        raise layer.error(path, "holds control or invisible characters")
    try:
        return convert(raw, layer)
    except ValueError as error:
        raise layer.error(path, str(error) or f"wants {wanted}") from None


def read_text(kind: Any, raw: str) -> Any:
    """What a variable's text means for a plain value of this kind; None for kinds that no variable can set.

    It is checked like a value of a file afterwards.
    """
    if kind is int:
        return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 12 else raw
    return raw if kind in _TEXTS or get_origin(kind) is Literal else None


def unknown_key(name: str, known: list[str], path: KeyPath) -> str:
    """What to say about a key that does not exist."""
    shown = clean_line(name, limit=60)
    message = f"there is no key {shown!r} here" if path else f"there is no table {shown!r}"
    return message + (_near(name, known) or f"; there are: {', '.join(known)}")


def _near(word: str, known: Iterable[str]) -> str:
    import difflib

    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {found[0]!r}?" if found else ""


def _what(raw: Any) -> str:
    if isinstance(raw, bool):
        return "true or false"
    for kind, word in ((str, "a string"), (int, "a number"), (float, "a number with a point"), (list, "a list")):
        if isinstance(raw, kind):
            return word
    return "a table" if isinstance(raw, Mapping) else "a date or time"


def _secret(raw: Any, layer: Layer, path: KeyPath) -> SecretRef:
    if isinstance(raw, str):
        # never repeat the value: it is the secret
        raise layer.error(path, f"a secret must not stand in this file; refer to it: {SECRET_FORMS}")
    if not isinstance(raw, Mapping):
        raise layer.error(path, f"wants a reference to a secret: {SECRET_FORMS}")
    kinds = ("env", "keyring", "cmd", "file")
    for name in raw:
        if name not in kinds:
            raise layer.error(path, unknown_key(name, list(kinds), path))
    if len(raw) != 1:
        raise layer.error(path, f"wants exactly one of {SECRET_FORMS}")
    [(kind, value)] = raw.items()
    if kind == "cmd":
        if not isinstance(value, list) or not value or not all(isinstance(word, str) and word for word in value):
            raise layer.error(
                path, 'cmd wants a list of words, run without a shell: ["op", "read", "op://ops/rt/token"]'
            )
        words = tuple(value)
    elif not isinstance(value, str) or not value:
        raise layer.error(path, f"{kind} wants a string")
    else:
        words = (value,)
    if any(clean_line(word, limit=2000) != word for word in words):
        raise layer.error(path, "holds control or invisible characters")
    if kind == "file":
        words = (str(_path(words[0], layer)),)
    if kind == "env" and not words[0].replace("_", "a").isalnum():
        raise layer.error(path, "env wants the name of a variable, not its value")
    if kind == "keyring" and not all(words[0].rpartition("/")[::2]):
        raise layer.error(path, 'keyring wants "service/name"')
    return SecretRef(kind, words)


def _time(raw: Any, layer: Layer, path: KeyPath) -> time:
    if isinstance(raw, str):
        try:
            raw = time.fromisoformat(raw)
        except ValueError:
            raw = None
    if not isinstance(raw, time) or raw.tzinfo is not None:
        raise layer.error(path, 'wants times of day like "08:00"')
    return raw


def _date(raw: Any, layer: Layer, path: KeyPath) -> date:
    if isinstance(raw, str):
        try:
            raw = date.fromisoformat(raw)
        except ValueError:
            raw = None
    if not isinstance(raw, date) or isinstance(raw, datetime):
        raise layer.error(path, 'wants a day like "2027-06-30"')
    return raw


def _text(raw: str, layer: Layer) -> str:
    return raw


def _path(raw: str, layer: Layer) -> Path:
    if not raw:
        raise ValueError("wants a path")
    try:
        path = Path(raw).expanduser()
    except RuntimeError:
        raise ValueError("there is no such user's home folder") from None
    if path.is_absolute():
        return path
    if layer.file is None:
        raise ValueError("wants an absolute path")
    return layer.file.parent / path


def _split(raw: str, schemes: tuple[str, ...], wanted: str) -> tuple[str, str]:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(raw)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"is no address; {wanted}") from None
    if parts.scheme not in schemes or not host or any(char.isspace() for char in raw):
        raise ValueError(f"is no address; {wanted}")
    if parts.password is not None or (parts.username is not None and "http" in parts.scheme):
        raise ValueError("a name or secret must not stand in an address; use the keys for it")
    return parts.scheme, host


def _url(raw: str, layer: Layer) -> Url:
    from opstui.core.hosts import is_loopback

    scheme, host = _split(raw, ("https", "http"), "write https://host")
    if scheme == "http" and not is_loopback(host):
        raise ValueError("must be https; http is for addresses of this machine only")
    if "?" in raw or "#" in raw:
        raise ValueError("wants the address alone, without ? and #")
    return Url(raw.rstrip("/"))


def _proxy(raw: str, layer: Layer) -> ProxyUrl:
    _split(raw, ("http", "https"), "write http://host:port")
    return ProxyUrl(raw.rstrip("/"))


def _store(raw: str, layer: Layer) -> StoreUrl:
    if raw != "sqlite":
        _split(raw, ("postgresql", "postgres"), "write sqlite or postgresql://user@host/database")
        if "password" in raw.partition("?")[2]:
            raise ValueError("a secret must not stand in an address; use the key password")
    return StoreUrl(raw)


def _decimal(raw: str) -> Decimal:
    try:
        value = Decimal(raw)
    except InvalidOperation:
        raise ValueError('wants dollars like "0.50"') from None
    if not value.is_finite() or not 0 <= value <= 1_000_000:
        raise ValueError("wants dollars from 0 to 1,000,000")
    return value


def _budget(raw: str, layer: Layer) -> Budget:
    value = _decimal(raw)
    if value * 100 != (value * 100).to_integral_value():
        raise ValueError('wants whole cents like "0.50"')
    return Budget(int(value * MICRO))


def _rate(raw: str, layer: Layer) -> Rate:
    return Rate(_decimal(raw))


def is_zone(name: str) -> bool:
    """Whether this machine knows the time zone."""
    try:
        time_zone(name)
    except UsageError:
        return False
    return True


def _zone(raw: str, layer: Layer) -> Zone:
    if not is_zone(raw):
        raise ValueError(f"{clean_line(raw, limit=40)!r} is no time zone; write an IANA name like Europe/Berlin")
    return Zone(raw)


_TEXTS: dict[Any, tuple[str, Callable[[str, Layer], Any]]] = {
    str: ("a string", _text),
    Path: ("a path", _path),
    Url: ("an address like https://host", _url),
    ProxyUrl: ("an address like http://host:port", _proxy),
    StoreUrl: ("sqlite or postgresql://…", _store),
    Budget: ('dollars in quotes, like "0.50"', _budget),
    Rate: ('dollars in quotes, like "2.50"', _rate),
    Zone: ("an IANA time zone", _zone),
}
