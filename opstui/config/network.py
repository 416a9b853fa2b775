"""What ``doctor`` says of the network settings, without using the network."""

from __future__ import annotations

import os

from opstui.config.settings import NetworkSettings
from opstui.core.ports import Probe
from opstui.core.text import clean_line

IGNORED = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
"""What other programs take from the environment and this one does not."""


def probe(network: NetworkSettings) -> list[Probe]:
    """One line, or one for each part that can't be used."""
    problem = _certificates(network)
    if problem:
        fix = "network.ca_file: name a PEM file with the certificates to trust"
        return [Probe("network", "fail", problem, fix)]
    parts = [f"proxy {clean_line(network.proxy, limit=100)}" if network.proxy else "no proxy"]
    parts.append(f"certificates of {network.ca_file}" if network.ca_file else "the system's certificates")
    found = [Probe("network", "pass", ", ".join(parts))]
    if network.proxy is None:
        names = [name for name in IGNORED if os.environ.get(name)]
        if names:
            text = f"{', '.join(names)} in the environment: not used, since an environment must not move your data"
            found.append(Probe("network", "warn", text, "network.proxy and network.ca_file in the config are used"))
    return found


def _certificates(network: NetworkSettings) -> str:
    if network.ca_file is None:
        return ""
    import ssl

    name = clean_line(str(network.ca_file), limit=200)
    try:
        ssl.create_default_context(cafile=str(network.ca_file))
    except ssl.SSLError:
        return f"{name}: holds no certificate that can be read"
    except OSError as error:
        return f"{name}: can't be read ({error.strerror})"
    return ""
