"""A link that somebody pastes names a ticket of the system whose address it begins with, and nothing else does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opstui.cli.links import ref_of_link
from opstui.config.kinds import KINDS
from opstui.config.settings import TicketSettings, Url
from opstui.core.errors import UsageError


def system(kind: str, url: str | None = None) -> TicketSettings:
    found = TicketSettings(kind=kind, url=KINDS[kind].url if kind in KINDS else None)
    return replace(found, url=Url(url)) if url else found


SYSTEMS = {
    "local": system("local"),
    "rt": system("rt", "https://rt.example.com"),
    "old": system("rt", "https://desk.example.com/rt"),
    "lab": system("rt", "http://127.0.0.1:8081"),
    "rm": system("redmine", "https://desk.example.com"),
    "sub": system("redmine", "https://desk.example.com/redmine"),
    "pd": system("pagerduty"),
    "eu": system("pagerduty", "https://api.eu.pagerduty.com"),
    "jira": system("jira", "https://acme.atlassian.net"),
    "sn": system("servicenow", "https://acme.service-now.com"),
    "gh": system("github"),
    "ghe": system("github", "https://git.example.com/api/v3"),
    "ghr": system("github", "https://api.acme.ghe.com"),
    "zd": system("zendesk", "https://acme.zendesk.com"),
    "am": system("alertmanager", "https://alerts.example.com"),
    "acme": system("acme", "https://acme.example.com"),
}


@pytest.mark.parametrize(
    ("link", "ref"),
    [
        ("https://rt.example.com/Ticket/Display.html?id=12", "rt:12"),
        ("https://rt.example.com/Ticket/Display.html?id=12#txn-99", "rt:12"),
        ("https://rt.example.com/Ticket/Update.html?Action=Comment&id=12", "rt:12"),
        ("https://rt.example.com/SelfService/Display.html?id=12", "rt:12"),
        ("https://rt.example.com/m/ticket/show/?id=12", "rt:12"),
        ("https://rt.example.com/REST/2.0/ticket/12", "rt:12"),
        ("https://RT.example.com:443/Ticket/Display.html?id=12", "rt:12"),
        ("https://desk.example.com/rt/Ticket/Display.html?id=7", "old:7"),
        ("http://127.0.0.1:8081/Ticket/Display.html?id=3", "lab:3"),
        ("https://desk.example.com/issues/34", "rm:34"),
        ("https://desk.example.com/redmine/issues/34#note-2", "sub:34"),
        ("https://desk.example.com/redmine/issues/34.json", "sub:34"),
        ("https://acme.pagerduty.com/incidents/Q1W2E3", "pd:Q1W2E3"),
        ("https://acme.pagerduty.com/incidents/Q1W2E3/timeline", "pd:Q1W2E3"),
        ("https://acme.eu.pagerduty.com/incidents/Q1W2E3", "eu:Q1W2E3"),
        ("https://acme.atlassian.net/browse/OPS-12?x=1", "jira:OPS-12"),
        ("https://acme.atlassian.net/jira/servicedesk/projects/OPS/queues/custom/1/OPS-12", "jira:OPS-12"),
        ("https://acme.atlassian.net/servicedesk/customer/portal/3/OPS-12", "jira:OPS-12"),
        ("https://acme.atlassian.net/jira/software/projects/OPS/boards/1?selectedIssue=OPS-12", "jira:OPS-12"),
        ("https://acme.service-now.com/incident.do?sysparm_query=number=INC0010001", "sn:INC0010001"),
        (
            "https://acme.service-now.com/nav_to.do?uri=incident.do%3Fsysparm_query%3Dnumber%3DINC0010001",
            "sn:INC0010001",
        ),
        (
            "https://acme.service-now.com/now/nav/ui/classic/params/target/incident.do%3Fsysparm_query%3Dnumber%3DINC0010001",
            "sn:INC0010001",
        ),
        ("https://github.com/acme/ops/issues/12", "gh:acme/ops#12"),
        ("https://github.com/acme/ops/issues/12#issuecomment-99", "gh:acme/ops#12"),
        ("https://git.example.com/acme/ops/issues/12", "ghe:acme/ops#12"),
        ("https://acme.ghe.com/acme/ops/issues/12", "ghr:acme/ops#12"),
        ("https://acme.zendesk.com/agent/tickets/35", "zd:35"),
        ("https://acme.zendesk.com/hc/en-us/requests/35", "zd:35"),
        ("https://acme.zendesk.com/requests/35", "zd:35"),
    ],
)
def test_a_link_to_a_configured_system_names_its_ticket(link: str, ref: str) -> None:
    assert str(ref_of_link(link, SYSTEMS)) == ref


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/issues/34",
        "https://rt.example.com/",
        "https://rt.example.com/Ticket/Display.html?id=12%20OR%201",
        "https://rt.example.com/Search/Results.html?id=12",
        "https://rt.example.com:8443/Ticket/Display.html?id=12",
        "https://rt.example.com.evil.example/Ticket/Display.html?id=12",
        "https://rt.example.com@evil.example/Ticket/Display.html?id=12",
        "https://desk.example.com/rtx/Ticket/Display.html?id=7",
        "https://evilpagerduty.com/incidents/Q1W2E3",
        "https://acme.pagerduty.com.evil.example/incidents/Q1W2E3",
        "https://github.com/acme/ops/pull/12",
        "https://github.com/acme/ops/issues/new",
        "https://alerts.example.com/#/alerts?filter=x",
        "https://acme.example.com/tickets/1",
        "ftp://rt.example.com/Ticket/Display.html?id=12",
        "http://[",
        "https://rt.example.com:port/Ticket/Display.html?id=12",
        "x://",
        "",
    ],
)
def test_any_other_link_is_refused(link: str) -> None:
    with pytest.raises(UsageError):
        ref_of_link(link, SYSTEMS)
