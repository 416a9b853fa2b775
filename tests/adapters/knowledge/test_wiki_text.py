"""Wikitext and Confluence's storage format as plain text."""

from __future__ import annotations

import time

import pytest

from opstui.adapters.knowledge.storageformat import read_storage
from opstui.adapters.knowledge.wikitext import read_wikitext


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("== Steps ==\ntext", "## Steps\n\ntext"),
        ("=Top=", "# Top"),
        ("'''bold''' and ''it''", "bold and it"),
        ("# a\n## b\n## c\n# d\n#: more\n# e", "1. a\n  1. b\n  2. c\n2. d\n    more\n3. e"),
        ("* a\n** b\n* c", "- a\n  - b\n- c"),
        ("# a\n\n# b", "1. a\n\n1. b"),
        ("; term : meaning\n: indented", "term: meaning\n  indented"),
        ("[[Page]] [[Page|label]] [[#Part]] [[:Category:X]]", "Page label § Part Category:X"),
        ("[https://x.example/a words] [https://x.example/b]", "words <https://x.example/a> <https://x.example/b>"),
        ("ssh <host> -p <port>", "ssh <host> -p <port>"),
        ("a<br/>b <span style='x'>c</span> <s>old</s> <code>d</code>", "a\nb c ~~old~~ `d`"),
        ("x<ref>note</ref><ref name='a'/>", "x (note)"),
        ("<!-- no -->yes<!-- never closed", "yes"),
        ("<nowiki>[[x]] '''y'''</nowiki>", "[[x]] '''y'''"),
        (" one\n  two\nthree", "```\none\n two\n```\nthree"),
        ("<pre>\na &lt;b&gt;\n  c\n</pre>", "```\na <b>\n  c\n```"),
        ("<syntaxhighlight lang='sh'>\nx {{y}} [[z]] &amp;\n</syntaxhighlight>", "```\nx {{y}} [[z]] &amp;\n```"),
        ("<pre>\n```\n</pre>", "~~~\n```\n~~~"),
        ("{{Warning|Do not restart}} now", "Warning: Do not restart now"),
        ("{{cmd|df -h}}", "`df -h`"),
        ("{{Box|a=1|b=2|c=3}}", "Box:\na: 1\nb: 2\nc: 3"),
        ("{{a|{{b|c}}}}", "a: b: c"),
        ("{{DISPLAYTITLE:x}}__NOTOC__text", "text"),
        ("{| class='x'\n! A !! B\n|-\n| style='y' | 1 || 2\n|-\n| 3\n| 4\n|}", "| A | B |\n| 1 | 2 |\n| 3 | 4 |"),
        ("[[File:x.png|thumb|A picture]][[Category:Runbooks]]", "(picture: A picture)"),
        ("{{ open [[ and }} closed ]]", "open [[ and closed ]]"),
        ("&amp;&#x41;&#" + "9" * 5000 + ";", "&amp;&#x41;&#" + "9" * 5000 + ";"),
        ("----\na", "***\na"),
    ],
    ids=lambda text: text[:16],
)  # fmt: skip
def test_wikitext_becomes_lines(source: str, text: str) -> None:
    assert read_wikitext(source).text == text


def test_what_stands_beside_the_text_is_told() -> None:
    found = read_wikitext("{{Runbook\n| owner = ops\n}}\n\ntext {{inline}}\n[[Category:A]]\n{{Superseded|B}}")
    assert [(one.name, one.values, dict(one.named), one.line) for one in found.templates] == [
        ("Runbook", (), {"owner": "ops"}, 0), ("inline", (), {}, -1), ("Superseded", ("B",), {}, 6),
    ]  # fmt: skip
    assert found.categories == ["A"]


def macro(name: str, inside: str) -> str:
    return f'<ac:structured-macro ac:name="{name}">{inside}</ac:structured-macro>'


def cdata(kind: str, text: str) -> str:
    return f"<ac:plain-text-{kind}><![CDATA[{text}]]></ac:plain-text-{kind}>"


def task(status: str, text: str) -> str:
    body = f"<ac:task-id>7</ac:task-id><ac:task-status>{status}</ac:task-status><ac:task-body>{text}</ac:task-body>"
    return f"<ac:task-list><ac:task>{body}</ac:task></ac:task-list>"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<h2>A &amp; B</h2><p>one<br/>two</p>", "## A & B\n\none\ntwo"),
        ("<ol><li><p>a</p><ul><li>b</li></ul></li><li>c</li></ol>", "1. a\n  - b\n2. c"),
        ("<table><tr><th><p>Owner</p></th><td><p>ops</p><p>team</p></td></tr></table>", "| Owner | ops team |"),
        ("<p>a <a href='https://x.example'>b</a></p>", "a b <https://x.example>"),
        ("<p><s>old</s> <code>new</code> &nbsp;x</p>", "~~old~~ `new` x"),
        ('<ac:link><ri:page ri:content-title="T"/></ac:link>', "T"),
        (f'<ac:link><ri:page ri:content-title="T"/>{cdata("link-body", "w")}</ac:link>', "w (T)"),
        (macro("info", "<ac:rich-text-body><p>x</p></ac:rich-text-body>"), "Info: x"),
        (macro("status", '<ac:parameter ac:name="title">DRAFT</ac:parameter>'), "[DRAFT]"),
        (macro("noformat", cdata("body", "a\n  <b>")), "```\na\n  <b>\n```"),
        (macro("toc", '<ac:parameter ac:name="x">y</ac:parameter>') + "a", "a"),
        (task("incomplete", "do") + task("complete", "done"), "- [ ] do\n\n- [x] done"),
        ('<ac:image><ri:attachment ri:filename="a.png"/></ac:image>', "(picture: a.png)"),
        ('<p>on <time datetime="2027-01-02" /></p>', "on 2027-01-02"),
        ("<script>x</script><ac:placeholder>hint</ac:placeholder>a", "a"),
        ("<pre>a\n  b</pre>", "```\na\n  b\n```"),
        ("a < b and <never closed", "a < b and <never closed"),
        ("<![CDATA[never closed", "never closed"),
    ],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_storage_format_becomes_lines(source: str, text: str) -> None:
    assert read_storage(source) == text


UNITS = [
    "<pre>", "{{", "[[", "{{a|", "[[a|", "<!--", "}}", "]]", "{{{", "[http://", "[http://x ", "'", "=", "*", "{|", "|",
    "<ref>", "&#", "<code", "{{a}}", "[[{{", "\n=", "\n*#", "\n {|", "<nowiki>x</nowiki>", "<a b ", "<", "<![CDATA[",
    "<ul>", '<ac:structured-macro ac:name="info">', "</ac:structured-macro>", "<td>", "<tr>", '<a href="x">', '="',
    '<ac:parameter ac:name="x">y', "<li>", "<ac:link>", "</ac:link>", "\n" + " " * 50,
]  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_hostile_text_takes_time_that_grows_as_it_does(unit: str) -> None:
    """Quadratic ones take minutes for these."""
    text = unit * (60_000 // len(unit))
    before = time.process_time()
    read_wikitext(text)
    read_storage(text)
    assert time.process_time() - before < 10
