"""What ``doctor`` says of a Messages endpoint."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from opstui.adapters.runtimes.anthropic_client import Endpoint, open_client, stream_limits
from opstui.adapters.runtimes.anthropic_errors import translated
from opstui.core.errors import CredentialsRefused, OpstuiError, Unreachable
from opstui.core.ports import Probe
from opstui.core.text import clean_line

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

READ_SECONDS = 4.0
"""With five to connect the whole stays within ten."""


def probe(endpoint: Endpoint, model: str, *, theirs: bool) -> Probe:
    """Ask for the list of models: costs nothing, and whoever has none answers all the same. Never in an event loop."""
    check = f"runtime {endpoint.name}"
    try:
        return asyncio.run(_asked(check, endpoint, model, theirs))
    except OpstuiError as error:
        return Probe(check, "fail", error.message, _fix(error))


async def _asked(check: str, endpoint: Endpoint, model: str, theirs: bool) -> Probe:
    import anthropic
    import httpx2

    host = endpoint.host
    async with open_client(endpoint, own_chain=theirs) as client:
        try:
            names = await _models(client)
        except (anthropic.AnthropicError, httpx2.HTTPError, OSError, TypeError, ValueError, AttributeError) as error:
            ours = translated(error, endpoint)
            if isinstance(ours, CredentialsRefused):
                raise ours from None
            if isinstance(ours, Unreachable) and _answered(error) not in range(400, 500):
                raise ours from None
            # Local servers often have no such list; that they answer is what was asked.
            return Probe(check, "pass", f"{host} answers")
    if names and model not in names and not any(name.startswith(f"{model}-") for name in names):
        shown = clean_line(", ".join(names[:4]), limit=120)
        return Probe(
            check, "warn", f"{host} answers, but does not list the model {model} (it has {shown})", "see model"
        )
    return Probe(check, "pass", f"{host} answers" + (f", takes the key and has {model}" if names else ""))


async def _models(client: AsyncAnthropic) -> list[str]:
    """Ids on the first page; empty where there are more pages, so that nothing is said to be missing."""
    page: Any = await client.models.list(limit=1000, timeout=stream_limits(READ_SECONDS))
    if getattr(page, "has_more", False):
        return []
    return [str(one.id) for one in getattr(page, "data", None) or [] if getattr(one, "id", None)]


def _answered(error: BaseException) -> int:
    """The status of the answer; 0 if there was none."""
    status = getattr(error, "status_code", 0)
    return status if isinstance(status, int) else 0


def _fix(error: OpstuiError) -> str:
    if isinstance(error, CredentialsRefused):
        return "opstui config secret set NAME stores a key; api_key in the config refers to it"
    return "see base_url, network.proxy and network.ca_file" if isinstance(error, Unreachable) else "see the config"
