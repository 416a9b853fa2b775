"""Documents as files: the same words in Markdown, plain text and HTML, and foreign text is text in each."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from dataclasses import replace
from html.parser import HTMLParser
from itertools import islice
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from opstui.core.documents import DOCUMENTS, Document, EscalationPackage, claims_of
from opstui.core.extract.registry import RULES
from opstui.core.render.registry import SHEETS, as_comment, as_markdown, as_plain, sheet_of
from opstui.core.text import clean
from opstui.core.tickets import Ticket
from opstui.exports.pages import POLICY, STYLE, page
from tests.behaviours.hostile import TEXTS
from tests.core.real_input import build, given, hostile
from tests.core.test_extract_closure import ROLLBACK
from tests.core.test_extract_escalation import QUEUE

KINDS = ("IncidentSummary", "EscalationPackage", "Reply", "ResolutionNotes")
CLOSED = build("Checkout returns 5xx", "Customers cannot pay by card.", ROLLBACK, severity="2")
TAGS = frozenset("html head meta title style body main h1 h2 p dl dt dd ul ol li pre sup a strong q footer".split())
ATTRIBUTES = frozenset("lang charset http-equiv content name class id href".split())


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, content: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.style = ""
        self._inside = ""
        self.feed(content.decode("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self.style += data
        else:
            self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.tags.append("comment")

    def handle_pi(self, data: str) -> None:
        self.tags.append("instruction")

    @property
    def words(self) -> str:
        """Everything a reader sees, with single spaces."""
        return " ".join("".join(self.texts).split())


def document(kind: str, of: Ticket = CLOSED) -> Document:
    return RULES[kind].extract(given(of))


def shown(markdown: str) -> tuple[str, set[str]]:
    """What a reader of rendered Markdown sees, and the kinds of markup in it."""
    seen: list[str] = []
    kinds: set[str] = set()
    for block in MarkdownIt("commonmark").enable("strikethrough").parse(markdown):
        kinds.add(block.type)
        seen += [block.content] if block.type in ("code_block", "fence", "html_block") else []
        for token in block.children or ():
            kinds.add(token.type)
            seen.append(token.content or " ")
    return " ".join("".join(seen).split()), kinds


def test_every_kind_of_document_has_a_sheet() -> None:
    assert set(SHEETS) == set(DOCUMENTS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_claim_stands_in_all_three_formats(kind: str) -> None:
    found = document(kind)
    markdown, _ = shown(as_markdown(found))
    plain, web = " ".join(as_plain(found).split()), Seen(page(sheet_of(found))).words
    assert claims_of(found)
    for claim in claims_of(found):
        for text in (markdown, plain, web):
            assert " ".join(claim.text.split()) in text


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_loads_nothing_runs_nothing_and_links_only_to_itself(kind: str) -> None:
    seen = Seen(page(sheet_of(document(kind))))
    assert set(seen.tags) <= TAGS
    assert {name for name, _ in seen.attributes} <= ATTRIBUTES
    assert all(value.startswith("#s") for name, value in seen.attributes if name == "href")
    assert ("content", POLICY) in seen.attributes
    assert "script" not in POLICY
    assert POLICY.startswith("default-src 'none'; ")
    digest = b64encode(hashlib.sha256(seen.style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in POLICY
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    targets = {f"#{value}" for name, value in seen.attributes if name == "id"}
    assert {value for name, value in seen.attributes if name == "href"} <= targets
    assert "prefers-color-scheme:dark" in STYLE
    assert "@media print" in STYLE


def test_the_policy_comes_before_anything_it_is_about() -> None:
    text = page(sheet_of(document("Reply"))).decode()
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_a_package_shows_preflight_ledger_and_clock_in_all_three() -> None:
    found = document("EscalationPackage", QUEUE)
    assert isinstance(found, EscalationPackage)
    for text in (shown(as_markdown(found))[0], as_plain(found), Seen(page(sheet_of(found))).words):
        assert f"{found.preflight.score} of 100" in text
        for question in found.preflight.missing:
            assert question in text
        assert "Restarted all workers, no change." in text
        assert "no finding" in text
        assert "due 2026-11-20 10:20 UTC, 50 min left at 2026-11-20 09:30 UTC" in text
        assert "Checked and done" in text


def test_a_reply_s_file_holds_the_text_as_it_is_sent() -> None:
    found = document("Reply")
    sent = as_comment(found)
    assert "Status: identified." in sent
    assert sent in as_markdown(found)
    assert sent in "".join(Seen(page(sheet_of(found))).texts)
    assert sent in as_plain(found).replace("\n    ", "\n")


def holds(text: str, kind: str) -> None:
    """Foreign text in every place of a ticket: no format takes any of it for markup, or lets a control through."""
    entries = (("alex", "comment", f"Checked {text}, no change."), ("bo", "reply", text), (text[:80], "alert", text))
    found = document(kind, build(text or "x", text, entries, severity="2"))
    calm = document(kind, build("x", "", ()))
    content = page(sheet_of(found))
    seen = Seen(content)
    assert set(seen.tags) <= TAGS
    assert {name for name, _ in seen.attributes} <= ATTRIBUTES
    assert all(value.startswith("#s") for name, value in seen.attributes if name == "href")
    assert seen.style == STYLE
    kinds = shown(as_markdown(found))[1] - shown(as_markdown(calm))[1]
    assert not kinds & {"html_block", "html_inline", "link_open", "image", "code_inline", "em_open", "s_open", "hr"}
    for form in (content.decode(), as_markdown(found), as_plain(found)):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", form)
        assert clean(form) == form


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_text_stays_text_in_all_three(kind: str) -> None:
    for text in TEXTS:
        holds(text, kind)
    for text in ("</pre></main><script>alert(1)</script>", "--><img src=x onerror=1>", '" onload="x', "&lt;b&gt;"):
        holds(text, kind)
        words = Seen(page(sheet_of(document(kind, build(text, text))))).words
        if kind != "Reply":  # which quotes only what customers may read
            assert " ".join(text.split()) in words


@pytest.mark.parametrize("kind", ["EscalationPackage", "ResolutionNotes"])
def test_the_corpus_of_hostile_strings_stays_text_too(shared_data: Path, kind: str) -> None:
    for _, text in islice(hostile(shared_data), 0, None, 23):
        holds(str(clean(text[:2_000])), kind)


def test_a_block_keeps_its_lines_and_can_not_be_closed_from_inside() -> None:
    sheet = sheet_of(document("Reply"))
    block = "a\n```\n  b\n</pre><b>c</b>\n````\n"
    sheet = replace(sheet, sections=tuple(replace(one, block=block if one.block else "") for one in sheet.sections))
    seen = Seen(page(sheet))
    assert block in "".join(seen.texts)
    assert "b" not in seen.tags
    from opstui.core.render.markdown import markdown

    assert block.rstrip("\n") in "".join(
        token.content for token in MarkdownIt("commonmark").parse(markdown(sheet)) if token.type == "fence"
    )
