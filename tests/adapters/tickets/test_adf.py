"""Text to the Atlassian Document Format and back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from opstui.adapters.tickets.adf import to_adf, to_text
from tests.adapters.tickets.adf_rules import CHILDREN, complain


@pytest.mark.parametrize(
    "text",
    [
        "one line",
        "line one\n\n  indented, with `code` and ünïcode 日本\n[/] not markup, <b>nor</b> & this",
        "# What happened\n\nDisk full on **db-3** since 09:00.\n\n## Next\n\n- free space\n- ask `dba`\n\nDone.",
        "- one\n  - two\n    - three\n- four",
        "1. first\n2. second\n   - detail\n3. third",
        "7. seventh\n8. eighth",
        "7. seventh\n\n3. third",
        "```sql\nSELECT *\n\n  FROM t; -- **not bold**\n```",
        "````\n```\ninner\n```\n````",
        "> quoted\n>\n> - and a list\n\nnot quoted",
        "See [the runbook](https://wiki.example/x?a=1&b=2#c) or https://status.example/.",
        "| host | state |\n|---|---|\n| db-3 | full |\n| db-4 | fine |",
        "before\n\n---\n\nafter",
        "a ** b ** c, 2*3*4, snake_case_name, __init__, ~/x and C:\\dir",
        "* not closed **either\n",
        "``` never closed\nmore",
        "[https://a.example](https://a.example)",
        "-no item\n#no heading\n1.no number",
        "tabs\tand  two  spaces  ",
    ],
)
def test_what_was_written_is_read_again(text: str) -> None:
    document = to_adf(text)
    complain(document)
    expected = text.rstrip("\n") if not text.startswith("* ") else "- not closed **either"
    assert to_text(document) == expected


def test_markdown_becomes_structure() -> None:
    kinds = [
        node["type"] for node in to_adf("# a\n\nb\n\n- c\n\n1. d\n\n> e\n\n```\nf\n```\n\n---\n\n|g|\n|-|")["content"]
    ]
    assert kinds == [
        "heading", "paragraph", "bulletList", "orderedList", "blockquote", "codeBlock", "rule", "table",
    ]  # fmt: skip


def test_inline_markdown_becomes_marks() -> None:
    content = to_adf("a **b** `c` [d](https://e.example) https://f.example.")["content"][0]["content"]
    marks = [(one["text"], [mark["type"] for mark in one.get("marks", ())]) for one in content]
    assert marks == [
        ("a ", []), ("b", ["strong"]), (" ", []), ("c", ["code"]), (" ", []), ("d", ["link"]), (" ", []),
        ("https://f.example", ["link"]), (".", []),
    ]  # fmt: skip


@pytest.mark.parametrize("href", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "//evil.example"])
def test_only_web_addresses_become_links(href: str) -> None:
    assert "link" not in str(to_adf(f"[click]({href})"))


PIECES = st.sampled_from(
    ["- ", "* ", "1. ", "2) ", "# ", "> ", "```", "~~~", "`", "**", "[", "](", "https://x.example/a", ")", "|", "|-|",
     "---", "\n", "\n\n", "  ", "    ", "\t", "word", "Ünï", "日本", "07", "12", "<b>", "\\"]
)  # fmt: skip
TEXTS = st.one_of(st.lists(PIECES, max_size=40).map("".join), st.text(max_size=200))


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_no_word_is_lost_or_changed_on_the_way_out_and_back(text: str) -> None:
    document = to_adf(text)
    complain(document)
    assert words(to_text(document)) == words(text)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_what_is_read_is_written_and_read_the_same(text: str) -> None:
    once = to_text(to_adf(text))
    assert words(to_text(to_adf(once))) == words(once)


NODES = st.recursive(
    st.one_of(
        st.none(), st.integers(), st.text(max_size=5),
        st.fixed_dictionaries({"type": st.just("text"), "text": st.text(min_size=1, max_size=8)}),
    ),
    lambda inner: st.fixed_dictionaries(
        {"type": st.sampled_from([*CHILDREN, "panel", "mention", "media", "taskList", "taskItem", "nobodyKnows",
                                  "expand", "status", "date", "emoji", "inlineCard", "layoutSection"])},
        optional={
            "content": st.one_of(st.lists(inner, max_size=4), st.integers()),
            "attrs": st.one_of(st.dictionaries(st.sampled_from(["text", "level", "order", "url", "title", "timestamp"]),
                                               st.one_of(st.text(max_size=5), st.integers(), st.none())), st.text()),
            "marks": st.lists(st.one_of(st.none(), st.fixed_dictionaries({"type": st.sampled_from(["code", "link"])}))),
        },
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(NODES)
def test_no_document_is_too_broken_to_be_read(node: Any) -> None:
    assert isinstance(to_text({"type": "doc", "content": [node]}), str)
    assert isinstance(to_text(node), str)


def within(kind: str, *content: dict[str, Any], **attrs: Any) -> dict[str, Any]:
    return {"type": kind, "content": list(content), "attrs": attrs}


def said(text: str, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": text, "marks": list(marks)}


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (within("mention", text="@Bo", id="5b1"), "@Bo"),
        (within("mention", id="5b1"), "@5b1"),
        (within("emoji", shortName=":fire:", text="🔥"), "🔥"),
        (within("emoji", shortName=":acme:"), ":acme:"),
        (within("date", timestamp="1763596800000"), "2025-11-20"),
        (within("date", timestamp="x"), "x"),
        (within("status", text="IN PROGRESS"), "[IN PROGRESS]"),
        (within("inlineCard", url="https://a.example/1"), "https://a.example/1"),
        (said("x", {"type": "em"}), "*x*"),
        (said(" x ", {"type": "strong"}), " **x** "),
        (said("x", {"type": "strike"}), "~~x~~"),
        (said("mail", {"type": "link", "attrs": {"href": "mailto:a@b.example"}}), "[mail](mailto:a@b.example)"),
        (said("a`b", {"type": "code"}), "`` a`b ``"),
        (said("under", {"type": "underline"}), "under"),
    ],
)
def test_words_of_other_kinds_are_read(node: dict[str, Any], text: str) -> None:
    assert to_text(within("doc", within("paragraph", node))) == text


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (within("panel", within("paragraph", said("careful")), panelType="warning"), "careful"),
        (within("mediaSingle", within("media", id="f1", alt="graph.png")), "[file: graph.png]"),
        (within("expand", within("paragraph", said("more")), title="Details"), "Details\n\nmore"),
        (within("taskList", within("taskItem", said("a"), state="DONE"), within("taskItem", said("b"))),
         "- [x] a\n- [ ] b"),
        (within("decisionList", within("decisionItem", said("we roll back"))), "- we roll back"),
        (within("blockCard", url="https://a.example"), "https://a.example"),
        (within("bodiedExtension", within("paragraph", said("kept"))), "kept"),
        (within("fromTheFuture", within("alsoNew", said("still read"))), "still read"),
        (within("fromTheFuture", text="in an attribute"), "in an attribute"),
        (within("bulletList", within("listItem", within("paragraph", said("a")), within("codeBlock", said("x\ny")))),
         "- a\n\n  ```\n  x\n  y\n  ```"),
    ],
)  # fmt: skip
def test_blocks_of_other_kinds_are_read(node: dict[str, Any], text: str) -> None:
    assert to_text(within("doc", node)) == text


def test_a_document_of_any_depth_is_read_to_its_last_word() -> None:
    node = within("paragraph", said("bottom"))
    for _ in range(20_000):
        node = within("bulletList", within("listItem", node))
    assert "bottom" in to_text(within("doc", node))
    while node.get("content"):
        node = node["content"].pop()  # or freeing it recurses


@pytest.mark.parametrize(
    "piece", ["**", "**a ", "`", "[", "[a](", "```py\n", "~~~x\n", "- ", "> ", "> > ", "|a|\n", "  - x\n"]
)
def test_openings_without_an_end_take_no_time(piece: str) -> None:
    text = piece * (32_000 // len(piece))
    assert words(to_text(to_adf(text))) == words(text)


@pytest.mark.parametrize("nothing", [None, 7, [], {}, "", {"type": "doc"}, {"type": "doc", "content": [None]}])
def test_nothing_reads_as_nothing(nothing: Any) -> None:
    assert to_text(nothing) == ""
