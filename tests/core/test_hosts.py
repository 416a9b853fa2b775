"""Addresses of this machine."""

from __future__ import annotations

import pytest

from opstui.core.hosts import leads_here


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:1234", True),
        ("http://LOCALHOST", True),
        ("http://api.localhost/v1", True),
        ("http://127.9.9.9:80", True),
        ("http://[::1]:8080/", True),
        ("https://localhost.example.org", False),
        ("https://10.0.0.1", False),
        ("http://[not an address", False),
        ("http://127.example.org", False),
        ("", False),
    ],
)
def test_an_address_of_this_machine_is_known_by_what_it_says(url: str, local: bool) -> None:
    assert leads_here(url) is local
