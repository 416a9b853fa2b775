"""What Jira takes within what, of the nodes that we write."""

from __future__ import annotations

from typing import Any

CHILDREN = {
    "doc": {"paragraph", "heading", "bulletList", "orderedList", "codeBlock", "blockquote", "rule", "table"},
    "blockquote": {"paragraph", "bulletList", "orderedList", "codeBlock"},
    "listItem": {"paragraph", "bulletList", "orderedList", "codeBlock"},
    "bulletList": {"listItem"},
    "orderedList": {"listItem"},
    "table": {"tableRow"},
    "tableRow": {"tableHeader", "tableCell"},
    "tableHeader": {"paragraph"},
    "tableCell": {"paragraph"},
    "paragraph": {"text", "hardBreak"},
    "heading": {"text", "hardBreak"},
    "codeBlock": {"text"},
}
"""Anything else is a 400 (INVALID_INPUT)."""
NOT_EMPTY = ("listItem", "blockquote", "bulletList", "orderedList", "table", "tableRow", "doc")


def complain(node: dict[str, Any]) -> None:
    """Raises AssertionError where Jira would refuse the document."""
    kind = node["type"]
    if kind == "text":
        assert node["text"], "an empty text"
        kinds = {mark["type"] for mark in node.get("marks", ())}
        assert kinds <= {"link"} or len(kinds) == 1, kinds
        return
    content = node.get("content", [])
    for child in content:
        assert child["type"] in CHILDREN[kind], f"a {child['type']} in a {kind}"
        complain(child)
    assert content or kind not in NOT_EMPTY, f"an empty {kind}"
    if kind == "listItem":
        assert content[0]["type"] in ("paragraph", "codeBlock"), "a list item that begins with a list"
    if kind == "doc":
        assert node["version"] == 1


def letters(node: Any) -> int:
    """How long the text in a document is."""
    if node.get("type") == "text":
        return len(node["text"])
    return (node.get("type") == "hardBreak") + sum(letters(child) for child in node.get("content", ()))
