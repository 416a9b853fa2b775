"""Approval: the bytes say everything, nothing else is sent, and they are good for a quarter of an hour, once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from opstui.core import approval
from opstui.core.canonical import canonical, fingerprint
from opstui.core.drafts import DraftOp, OpKind
from opstui.core.errors import Refused, UsageError
from opstui.core.tickets import TicketRef, Visibility
from tests.core.building import NOW, REF, Dice, attachment, comment, draft, entry, set_op, ticket

LOG = b"03:14 disk full\n"
FILES = {fingerprint(LOG): LOG}
FULL = draft(
    set_op("/status", "open", "waiting"),
    set_op("/assignee", [], ["alex", "dana"]),
    DraftOp(op=OpKind.ADD, path="/tags", before=["old"], to="dns"),
    DraftOp(op=OpKind.REMOVE, path="/tags", before=["old"], to="old"),
    comment("Looking – since 03:14 ✓", Visibility.PUBLIC),
    attachment("log.txt", LOG),
    on=ticket(tags=["old"], timeline=[entry(1), entry(2)]),
)


def approved(*ops: DraftOp) -> approval.Approved:
    """What the bytes of a draft with these operations say."""
    return approval.read_payload(approval.payload(draft(*ops), origin="local:desk", files=FILES))


def test_the_bytes_are_canonical_json_of_all_that_is_sent() -> None:
    content = approval.payload(FULL, origin="local:desk", files=FILES)
    data = json.loads(content)
    assert canonical(data) == content
    assert data["system"] == "local"
    assert data["origin"] == "local:desk"
    assert data["ticket"] == "local:INC-1042"
    assert data["base_version"] == "1"
    assert data["op_id"] == "01JOPID"
    assert data["operations"] == [
        {"op": "set", "path": "/status", "from": "open", "to": "waiting"},
        {"op": "set", "path": "/assignee", "from": [], "to": ["alex", "dana"]},
        {"op": "add", "path": "/tags", "from": ["old"], "to": "dns"},
        {"op": "remove", "path": "/tags", "from": ["old"], "to": "old"},
        {"op": "comment", "path": "/comment", "from": None, "to": "Looking – since 03:14 ✓", "visibility": "public"},
        {
            "op": "attach",
            "path": "/attachments",
            "to": {"name": "log.txt", "size": len(LOG), "sha256": fingerprint(LOG)},
        },
    ]


def test_what_is_sent_comes_out_of_the_bytes() -> None:
    said = approval.read_payload(approval.payload(FULL, origin="local:desk", files=FILES))
    update = approval.to_update(said, expected_version="5", files=FILES)
    assert update.fields == {"/status": "waiting", "/assignee": ["alex", "dana"]}
    assert (update.add_tags, update.remove_tags) == (("dns",), ("old",))
    assert (update.comment, update.public) == ("Looking – since 03:14 ✓", True)
    assert update.attachments == (("log.txt", LOG),)
    assert (update.op_id, update.ticket, update.expected_version, update.author) == ("01JOPID", REF, "5", "alex")
    assert said.base_entries == 2


def test_what_somebody_else_did_meanwhile_is_not_sent_again() -> None:
    said = approval.read_payload(approval.payload(FULL, origin="local:desk", files=FILES))
    update = approval.to_update(said, expected_version="5", files=FILES, done=(0, 2))
    assert update.fields == {"/assignee": ["alex", "dana"]}
    assert update.add_tags == ()


def test_reading_and_making_the_bytes_are_each_others_opposite() -> None:
    content = approval.payload(FULL, origin="o", files=FILES)
    said = approval.read_payload(content)
    again = replace(
        FULL, ops=said.operations, base={"#entries": said.base_entries}, op_id=said.op_id, operator=said.operator
    )
    assert approval.payload(again, origin="o", files=FILES) == content


@pytest.mark.parametrize(
    "other",
    [
        replace(FULL, op_id="other"),
        replace(FULL, base_version="2"),
        replace(FULL, ticket=TicketRef("local", "INC-1043")),
        replace(FULL, operator="dana"),
        replace(FULL, ops=FULL.ops[:-1]),
        replace(FULL, ops=(*FULL.ops[:4], replace(FULL.ops[4], visibility=Visibility.INTERNAL), FULL.ops[5])),
        replace(FULL, ops=(*FULL.ops[:4], replace(FULL.ops[4], to="Looking – since 03:14 ✓ "), FULL.ops[5])),
    ],
)
def test_anything_different_has_another_fingerprint(other: object) -> None:
    first = approval.payload(FULL, origin="o", files=FILES)
    assert fingerprint(approval.payload(other, origin="o", files=FILES)) != fingerprint(first)  # type: ignore[arg-type]


def test_an_attached_file_that_changed_or_went_voids_the_approval() -> None:
    content = approval.payload(FULL, origin="o", files=FILES)
    said = approval.read_payload(content)
    for files in ({}, {fingerprint(LOG): LOG + b"!"}):
        with pytest.raises(Refused):
            approval.payload(FULL, origin="o", files=files)
        with pytest.raises(Refused):
            approval.to_update(said, expected_version="1", files=files)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"nonsense", b"\xff", b'{"system":"local"}', b"[" * 100_000])
def test_other_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(UsageError):
        approval.read_payload(content)


@given(st.integers(0, 400), st.integers(0, 255))
def test_bytes_in_which_anything_was_changed_are_refused_or_say_something_else(at: int, byte: int) -> None:
    content = bytearray(approval.payload(FULL, origin="o", files=FILES))
    at %= len(content)
    if content[at] == byte:
        return
    content[at] = byte
    try:
        said = approval.read_payload(bytes(content))
    except UsageError:
        return
    assert said != approval.read_payload(approval.payload(FULL, origin="o", files=FILES))


def test_spaces_or_another_order_are_not_the_approved_bytes() -> None:
    data = json.loads(approval.payload(FULL, origin="o", files=FILES))
    with pytest.raises(UsageError):
        approval.read_payload(json.dumps(data, sort_keys=True, ensure_ascii=False).encode())


def test_a_wrong_or_shortened_fingerprint_is_refused() -> None:
    right = fingerprint(b"x")
    assert approval.check_fingerprint(right.upper() + "\n", b"x") == right
    for wrong in (right[:12], "", fingerprint(b"y")):
        with pytest.raises(Refused):
            approval.check_fingerprint(wrong, b"x")


def test_an_approval_lives_fifteen_minutes() -> None:
    assert not approval.expired(NOW, NOW)
    assert not approval.expired(NOW, NOW + timedelta(minutes=14, seconds=59))
    assert approval.expired(NOW, NOW + timedelta(minutes=15))


def test_an_approval_from_the_future_is_not_believed() -> None:
    assert not approval.expired(NOW, NOW - timedelta(seconds=30))
    assert approval.expired(NOW, NOW - timedelta(hours=1))


def test_confirm_shows_fields_as_the_bytes_have_them() -> None:
    said = approval.read_payload(approval.payload(FULL, origin="o", files=FILES))
    assert approval.rows(said) == (
        ("status", "open", "waiting"),
        ("assignee", "–", "alex, dana"),
        ("tags", "", "+ dns"),
        ("tags", "- old", ""),
    )


def test_a_value_of_many_lines_stays_in_its_row() -> None:
    said = approved(set_op("/fields/cause", None, "disk full \nno alert"), set_op("/team", "x", ""))
    assert approval.rows(said) == (("fields/cause", "–", "disk full·⏎no alert"), ("team", "x", "–"))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain\ntext", "plain\ntext"),
        ("trail  \nend ", "trail··\nend·"),
        ("a\tb", "a␉b"),
        ("a\r\nb", "a␍\nb"),
        ("a\u200bb\u00a0c\u202ed", "a⟨200B⟩b⟨00A0⟩c⟨202E⟩d"),
        ("\x1b[2J", "␛[2J"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
        ("e\u0301\u0301\u0301", "e\u0301\u0301⟨0301⟩"),
    ],
)
def test_what_can_not_be_seen_is_shown_as_a_glyph(text: str, seen: str) -> None:
    assert approval.shown(text) == seen


@given(st.text(max_size=50))
def test_nothing_shown_is_cut_off(text: str) -> None:
    said = approval.shown(text)
    assert "… cut" not in said
    assert len(said) >= len(text) - text.count("\r\n")


def test_the_letters_differ_from_each_other_and_from_any_key_that_means_something() -> None:
    pairs = {approval.prompt_letters(Dice(seed).choice) for seed in range(3000)}
    assert all(len(pair) == 2 and pair[0] != pair[1] for pair in pairs)
    assert len(pairs) == len(approval.LETTERS) * (len(approval.LETTERS) - 1)
    assert not set("".join(pairs)) & set("qynceEtmupilo01")


def test_a_public_comment_and_a_sev_one_ask_for_the_end_of_the_key() -> None:
    assert approval.needs_key_suffix(approved(comment(visibility=Visibility.PUBLIC)), "3")
    assert approval.needs_key_suffix(approved(comment(visibility=Visibility.UNKNOWN)), "3")
    assert approval.needs_key_suffix(approved(comment()), "1")
    assert not approval.needs_key_suffix(approved(comment()), "2")
    assert not approval.needs_key_suffix(approved(set_op("/team", None, "db")), None)
    assert approval.key_suffix(REF) == "1042"
    assert approval.key_suffix(TicketRef("rt", "12")) == "12"
