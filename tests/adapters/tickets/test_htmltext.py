"""HTML as people read it."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from opstui.adapters.tickets.htmltext import text_of


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain", "plain"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<p>Hello <b>you</b>,\n  there</p>", "Hello you, there"),
        ("<ul><li>one</li><li>two</li></ul>", "* one\n* two"),
        ("<pre>  a\n    b</pre>", "  a\n    b"),
        ("a &lt;b&gt; &amp; &eacute;&nbsp;c", "a <b> & é\u00a0c"),
        ("<style>p {}</style><script>alert(1)</script><title>x</title>seen", "seen"),
        ('<a href="https://a.example/x">here</a>', "here <https://a.example/x>"),
        ('<a href="https://a.example/x">https://a.example/x</a>', "https://a.example/x"),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<p>a</p>\n\n\n<p></p><p>b</p>", "a\n\nb"),
        ('<img src="https://track.example/x.gif">', ""),
        ("</p></a></pre></script>left <b>open", "left open"),
        ("a < b and c > d", "a < b and c > d"),
        ("<!DOCTYPE html><?xml x?><o:p>x</o:p>", "x"),
        ("seen<!-- not <b> seen --> too", "seen too"),
        ("seen<!-- not closed <p>x</p>", "seen"),
        ("<STYLE>a</STYLE><P>Seen</P>", "Seen"),
        ("&#" + "9" * 5000 + ";x", "&#" + "9" * 5000 + ";x"),
        ("&#x1b;[31m", "[31m"),
    ],
)
def test_html_is_read_as_text(html: str, text: str) -> None:
    assert text_of(html) == text


@given(st.text(alphabet="<>/abp &;#x=\"' \n!-prescriptli"))
def test_no_html_breaks_it(html: str) -> None:
    assert "\n\n\n" not in text_of(html)


@pytest.mark.parametrize(
    "piece",
    ["<", "<!--", "<a", "<a href=", "<a x='", "</", "<?", "&", "&#", "<p", "<pre>", "<a b ", "<a =", "<b>x", "a>", " ",
     "\n", "<td>", "<!-->", "<a href='http://x'>", "<script>"],
)  # fmt: skip
def test_hostile_html_of_any_length_is_read_at_once(piece: str) -> None:
    """The standard library's parser takes minutes for some of these; the time limit of a test would end them."""
    text_of(piece * (1_000_000 // len(piece)))
