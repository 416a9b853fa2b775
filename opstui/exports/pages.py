"""A document as one HTML page: no script, nothing from elsewhere, everything in it text. Reads well on paper, too."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from html import escape

from opstui.core.claims import Citation
from opstui.core.render.numbering import Numbering, place
from opstui.core.render.sheets import Item, Marks, Section, Sheet, Strong, words_of
from opstui.core.text import clean

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#5b636d;--line:#d5d9de;--page:#fff;--mark:#0a5bb5}
@media (prefers-color-scheme:dark){:root{--ink:#e3e6ea;--dim:#9aa3ad;--line:#3a4149;--page:#14171a;--mark:#7fb7ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:46rem;margin:0 auto;padding:2rem 1rem}
h1{font-size:1.4rem;margin:0 0 .5rem}
h2{font-size:1.05rem;margin:1.6rem 0 .4rem;padding-top:.6rem;border-top:1px solid var(--line)}
p,li,dd,pre{overflow-wrap:anywhere}
.lead{font-size:1.1rem;margin:0 0 1rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:0}
dt{color:var(--dim)}
dd{margin:0}
ul,ol{margin:0;padding-left:1.3rem}
li{margin:.2rem 0}
pre{white-space:pre-wrap;border-left:3px solid var(--line);margin:.4rem 0;padding:.2rem .8rem;font:.9rem/1.45 monospace}
sup{line-height:0}
sup a{color:var(--mark);text-decoration:none;padding-left:.15em}
q{color:var(--dim)}
footer{margin-top:2rem;padding-top:.6rem;border-top:1px solid var(--line);color:var(--dim);font-size:.9rem}
@media print{:root{--ink:#000;--dim:#444;--line:#999;--page:#fff;--mark:#000}main{max-width:none;padding:0}
h2{break-after:avoid}li,dd,p{break-inside:avoid}}
"""
POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; base-uri 'none'; form-action 'none'"
)
"""What a browser may load for the page: this one style sheet, known by its hash, and nothing else."""


def page(sheet: Sheet) -> bytes:
    """The whole sheet as UTF-8, with the list of its sources and what each of them says at the end."""
    numbers = Numbering()
    body = [f"<h1>{_text(sheet.title)}</h1>"]
    if sheet.lead:
        body.append(f'<p class="lead">{_line(sheet.lead, numbers)}</p>')
    fields = [(name, value) for name, value in sheet.fields if words_of(value).strip()]
    if fields:
        body.append("<dl>")
        body += [f"<dt>{_text(name)}</dt><dd>{_line(value, numbers)}</dd>" for name, value in fields]
        body.append("</dl>")
    for section in sheet.shown():
        body += [f"<h2>{_text(section.title)}</h2>", *_section(section, numbers)]
    cited = numbers.cited()
    if cited:
        body += ["<h2>Sources</h2>", "<ol>"]
        body += [f'<li id="s{number}">{_source(one)}</li>' for number, one in enumerate(cited, start=1)]
        body.append("</ol>")
    if sheet.made:
        body.append(f"<footer>{_text(sheet.made)}</footer>")
    head = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="referrer" content="no-referrer">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{_text(sheet.title)}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        "<main>",
    ]
    return "\n".join([*head, *body, "</main>", "</body>", "</html>", ""]).encode("utf-8")


def _section(section: Section, numbers: Numbering) -> list[str]:
    out: list[str] = []
    if section.items:
        out += ["<ul>", *(f"<li>{_line(item, numbers)}</li>" for item in section.items), "</ul>"]
    if section.block:
        # A newline right after the tag is no part of a pre's text, so one that belongs to it needs another.
        out.append(f"<pre>\n{_text(section.block, lines=True)}</pre>")
    if not out:
        out.append(f"<p>{_text(section.empty)}</p>")
    return out


def _line(item: Item, numbers: Numbering) -> str:
    out: list[str] = []
    for part in item:
        if isinstance(part, Marks):
            found = numbers.numbers(part.citations)
            links = "".join(f'<a href="#s{number}">[{number}]</a>' for number in found)
            out.append(f"<sup>{links}</sup>" if links else "")
        elif isinstance(part, Strong):
            out.append(f"<strong>{_text(part.text)}</strong>")
        else:
            out.append(_text(part))
    return "".join(out).strip()


def _source(citation: Citation) -> str:
    quote = f" <q>{_text(citation.quote)}</q>" if citation.quote else ""
    return f"{_text(place(citation))}{quote}"


def _text(text: str, *, lines: bool = False) -> str:
    """Text and nothing else: cleaned once more, on one line unless its lines are to stay, and escaped."""
    shown = clean(text)
    return escape(shown) if lines else escape(_one_line(shown))


def _one_line(text: str) -> str:
    """On one line; white space at its ends stays as a space, for what stands beside it."""
    before, after = " " if text[:1].isspace() else "", " " if text[-1:].isspace() and text.strip() else ""
    return f"{before}{' '.join(text.split())}{after}"
