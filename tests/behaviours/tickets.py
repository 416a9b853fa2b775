"""Tickets of an ordinary look, without anything that has to be hidden."""

from __future__ import annotations

from typing import Any

TICKETS: list[dict[str, Any]] = [
    {
        "key": "INC-1",
        "title": "Checkout fails for card payments in eu-west",
        "body": "Since 09:14 UTC about a third of card payments fail with error PAY-502 in region eu-west.\n"
        "Service payments-api returns 502 to checkout-web. Other regions are fine.",
        "severity": "2",
        "status": "open",
        "assignee": "alex",
        "services": ["payments-api"],
        "created_at": "2026-11-20T09:20:00Z",
        "updated_at": "2026-11-20T10:02:00Z",
        "timeline": [
            {
                "at": "2026-11-20T09:31:00Z", "author": "mira", "kind": "comment",
                "text": "Error rate of payments-api rose from 0.2 % to 31 % at 09:14 UTC, right after deploy 4711.",
            },
            {
                "at": "2026-11-20T09:40:00Z", "author": "sam", "kind": "comment",
                "text": "Connection pool of payments-db-2 is at its limit of 200. Deploy 4711 may have doubled it.",
            },
            {
                "at": "2026-11-20T10:02:00Z", "author": "mira", "kind": "comment",
                "text": "Rolled back deploy 4711 at 09:58 UTC. Error rate is down to 4 % and falling.",
            },
        ],
    },
    {
        "key": "INC-2",
        "title": "Replica lag on orders-db",
        "body": "Replica orders-db-3 is 900 s behind since 08:00 UTC. Reports of yesterday are incomplete.",
        "severity": "3",
        "status": "open",
        "services": ["orders-db"],
        "created_at": "2026-11-20T08:10:00Z",
        "updated_at": "2026-11-20T08:30:00Z",
        "timeline": [
            {
                "at": "2026-11-20T08:30:00Z", "author": "sam", "kind": "comment",
                "text": "A backup job started at 07:55 UTC and still runs.",
            },
        ],
    },
]  # fmt: skip
