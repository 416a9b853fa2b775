"""What the program stores it reads back as it was: every stored dataclass, through real JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from opstui.core import audit, codec, documents, drafts, knowledge, ports, queues, sessions, tickets
from opstui.core.codec import decode, encode, moment, timestamp
from opstui.core.ids import CROCKFORD, new_id, ulid
from opstui.core.text import SafeText
from opstui.core.tickets import Ticket, TicketRef
from tests.core.building import NOW, Dice

KINDS = sorted(
    {
        kind
        for module in (audit, documents, drafts, knowledge, queues, sessions, tickets)
        for kind in vars(module).values()
        if isinstance(kind, type) and is_dataclass(kind) and kind.__module__ == module.__name__
    }
    | {ports.LedgerRow, ports.Request, ports.Editing, ports.Probe, ports.Cursor, ports.Changes, ports.Ring},
    key=lambda kind: kind.__name__,
)

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=4)
json_values = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | texts | st.lists(texts, max_size=2)
times = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  (Hypothesis wants naive bounds)
CLEAN = {
    str: texts,
    SafeText: texts.map(SafeText),
    datetime: times,
    date: st.dates(date(1970, 1, 1)),
    bytes: st.binary(max_size=4),
    float: st.floats(allow_nan=False, allow_infinity=False),
    TicketRef: st.builds(TicketRef, st.sampled_from(("local", "rt")), st.sampled_from(("INC-1", "acme/ops#12"))),
    Any: json_values,
}


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of an annotation, dataclasses field by field."""
    if annotation in CLEAN:
        return CLEAN[annotation]
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return st.one_of(*(st.none() if part is NoneType else values(part) for part in parts))
    if origin is tuple and parts[-1] is Ellipsis:
        return st.lists(values(parts[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*map(values, parts))
    if origin is list:
        return st.lists(values(parts[0]), max_size=2)
    if origin is Mapping:
        return st.dictionaries(texts, values(parts[1]), max_size=2)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(annotation)
    if is_dataclass(annotation):
        hints = get_type_hints(annotation)
        return st.builds(annotation, **{name: st.deferred(lambda h=hint: values(h)) for name, hint in hints.items()})  # type: ignore[misc]
    return st.from_type(annotation)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_stored_kind_comes_back_as_it_was(kind: type) -> None:
    @given(values(kind))
    @settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None)
    def comes_back(value: Any) -> None:
        again = decode(kind, json.loads(json.dumps(encode(value))))
        assert again == value
        assert type(again) is type(value)

    comes_back()


def test_newer_files_with_more_keys_can_be_read() -> None:
    data = {**encode(sessions.Usage(input_tokens=1)), "thinking_tokens": 5}
    assert decode(sessions.Usage, data) == sessions.Usage(input_tokens=1)


def test_a_missing_key_without_a_default_is_an_error() -> None:
    with pytest.raises(KeyError):
        decode(Ticket, {"ref": "local:1"})


def test_what_has_no_json_form_is_an_error() -> None:
    with pytest.raises(TypeError):
        encode(object())


@given(times)
def test_a_time_is_rfc_3339_in_utc_and_comes_back(at: datetime) -> None:
    assert timestamp(at).endswith("Z")
    assert moment(timestamp(at)) == at


def test_a_time_of_another_zone_is_turned_into_utc() -> None:
    at = datetime(2026, 11, 20, 4, 14, 9, 500_000, tzinfo=timezone(timedelta(hours=1)))
    assert timestamp(at) == "2026-11-20T03:14:09.5Z"
    assert codec.moment("2026-11-20T03:14:09") == NOW


@given(st.lists(times, min_size=2, max_size=5))
def test_ids_sort_by_the_time_they_were_made(some: list[datetime]) -> None:
    dice = Dice()
    some = sorted({at.replace(microsecond=at.microsecond // 1000 * 1000) for at in some})
    ids = [ulid(at, dice.bytes(10)) for at in some]
    assert sorted(ids) == ids
    assert all(len(one) == 26 and set(one) <= set(CROCKFORD) for one in ids)


def test_two_ids_of_one_moment_differ() -> None:
    class Still:
        def now(self) -> datetime:
            return NOW

        def monotonic(self) -> float:
            return 0.0

    dice = Dice()
    assert len({new_id(Still(), dice) for _ in range(1000)}) == 1000
