"""What the config knows of each kind is what its connector does."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from opstui.config.kinds import KINDS, missing
from opstui.config.settings import TicketSettings, Url
from opstui.core.connections import Connection
from opstui.testing.builders import OwnClock, OwnRandomness
from opstui.wired.tickets import OURS

CONNECTORS = Path(__file__).resolve().parents[2] / "opstui" / "adapters" / "tickets"


def test_every_connector_of_ours_is_a_kind_of_the_config() -> None:
    assert set(KINDS) == set(OURS) | {"local"}


@pytest.mark.parametrize("kind", OURS)
def test_a_kinds_options_are_those_that_its_connector_asks_for(kind: str) -> None:
    code = "".join(path.read_text() for path in CONNECTORS.glob(f"{kind}*.py"))
    asked = set(re.findall(r'options(?:\.get\(|\[)"(\w+)"', code))
    assert asked <= set(KINDS[kind].options)
    for option in KINDS[kind].options:
        assert f'"{option}"' in code


@pytest.mark.parametrize("kind", OURS)
def test_what_a_kind_needs_is_enough_to_make_its_connector(kind: str) -> None:
    """No network, and no error: what is missing in a sound config is only the token."""
    url = KINDS[kind].url or Url("https://tickets.example.com")
    needs = KINDS[kind].needs
    connection = Connection(
        name="it", kind=kind, url=url, user="alex@example.com" if "user" in needs else "",
        clock=OwnClock(), randomness=OwnRandomness(),
    )  # fmt: skip
    system = import_module(OURS[kind]).connect(connection)
    assert system.name == "it"
    assert system.origin.startswith("https://")
    system.close()


def test_a_token_that_is_missing_is_told_of_those_that_need_one() -> None:
    assert missing(TicketSettings(kind="rt", url=Url("https://x.example"))) == ("token",)
    assert missing(TicketSettings(kind="alertmanager", url=Url("https://x.example"))) == ()
    assert missing(TicketSettings(kind="local")) == ()
