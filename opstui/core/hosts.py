"""Whether an address leads to this machine, by what it says: no name is looked up."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def leads_here(url: str) -> bool:
    """The same of a whole address; False for what is none."""
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False
