"""Links in foreign text."""

from __future__ import annotations

import pytest

from opstui.tui.terminal.links import first_link, true_host


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("see https://grafana.example/d/checkout.", "https://grafana.example/d/checkout"),
        ("(https://wiki.example/a_(b))", "https://wiki.example/a_(b)"),
        ("[x](https://wiki.example/a), then", "https://wiki.example/a"),
        ("http://plain.example javascript:alert(1) file:///etc/passwd", None),
        ("https:// https:///nohost", None),
        ("first http://no.example then https://yes.example/?q=1&b=2!", "https://yes.example/?q=1&b=2"),
    ],
)
def test_the_first_https_link_is_found_without_what_follows_it(text: str, link: str | None) -> None:
    assert first_link(text) == link


@pytest.mark.parametrize(
    ("link", "host"),
    [
        ("https://good.example@evil.example/x", "evil.example"),
        ("https://p\u0430ypal.example/", "xn--pypal-4ve.example"),
        ("https://HOST.example:8443/", "host.example"),
        ("https://[::1", None),
        ("ssh://host.example", None),
    ],
)
def test_the_host_that_is_shown_is_the_one_it_leads_to(link: str, host: str | None) -> None:
    assert true_host(link) == host
