"""Frozen dataclasses to JSON values and back, by their annotations.

Times are RFC 3339 in UTC with ``Z``, enumerations their values, tuples lists, refs ``SYSTEM:KEY``. Decoding is for
what this program stored itself; what agents submit is validated in ``services/documents.py``.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from opstui.core.text import SafeText
from opstui.core.tickets import TicketRef

T = TypeVar("T")


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC; fractions only where there are some."""
    moment = moment.astimezone(UTC)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S") if moment.year >= 1000 else moment.isoformat()[:19]
    return text + (f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else "") + "Z"


def moment(text: str) -> datetime:
    """An aware UTC time from RFC 3339; a time without a zone is taken as UTC. Raises ValueError."""
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def encode(value: Any) -> Any:
    """The JSON value of a dataclass, or of any part of one."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, TicketRef):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (tuple, list, frozenset)):
        return [encode(item) for item in value]
    if is_dataclass(value):
        return {item.name: encode(getattr(value, item.name)) for item in fields(value)}
    raise TypeError(f"{type(value).__name__} has no JSON form")


def decode(kind: type[T], value: Any) -> T:
    """A ``kind`` from what :func:`encode` made. Unknown keys are ignored, so that newer files can be read.

    Raises ValueError, KeyError or TypeError for anything else.
    """
    return _decode(kind, value)  # type: ignore[no-any-return]


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if kind is Any:
        return value
    if origin is Union or origin is types.UnionType:
        options = get_args(kind)
        if value is None and type(None) in options:
            return None
        return _decode(next(option for option in options if option is not type(None)), value)
    if origin is tuple:
        parts = get_args(kind)
        if len(parts) == 2 and parts[1] is Ellipsis:
            return tuple(_decode(parts[0], item) for item in value)
        return tuple(_decode(part, item) for part, item in zip(parts, value, strict=True))
    if origin is list:
        return [_decode(get_args(kind)[0], item) for item in value]
    if origin in (dict, Mapping) or (origin is not None and isinstance(origin, type) and issubclass(origin, Mapping)):
        return {key: _decode(get_args(kind)[1], item) for key, item in value.items()}
    if kind is datetime:
        return moment(value)
    if kind is date:
        return date.fromisoformat(value)
    if kind is bytes:
        return bytes.fromhex(value)
    if kind is TicketRef:
        return TicketRef.parse(value)
    if kind is SafeText:
        return SafeText(value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if is_dataclass(kind):
        hints = _hints(kind)  # type: ignore[arg-type]
        given = {}
        for item in fields(kind):
            if item.name in value:
                given[item.name] = _decode(hints[item.name], value[item.name])
            elif item.default is MISSING and item.default_factory is MISSING:
                raise KeyError(item.name)
        return kind(**given)  # type: ignore[operator]
    if kind in (str, int, float, bool):
        return kind(value) if not isinstance(value, kind) else value
    raise TypeError(f"no way to read a {kind}")
