"""A desk whose ticket system is a stand-in, with the real store, publisher and HTTP client between."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from opstui.config.settings import QueueSettings, Settings, TicketSettings, Url
from opstui.core.desk import ApproveDraft, DraftReview, NewDraft, PushApproved, RefreshTicket
from opstui.core.drafts import Draft, DraftChanges, PushRecord
from opstui.core.secrets import SecretRef
from opstui.core.tickets import Ticket, TicketRef
from tests.adapters.tickets.stand_in import SECRET, StandIn
from tests.services.building import MovableClock, Place

TOKEN = "STAND_IN_TOKEN"


class PassingClock(MovableClock):
    """Passes while somebody waits by it, and can be moved on besides."""

    def __init__(self) -> None:
        super().__init__()
        self._began = time.monotonic()

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=time.monotonic() - self._began)

    def monotonic(self) -> float:
        return super().monotonic() + time.monotonic() - self._began


class DeskOn(Place):
    """An operator's desk; ``name`` is what the config calls the system."""

    def __init__(
        self, home: Path, service: StandIn, *, name: str, kind: str, user: str | None = "ana@example.com",
        query: str = "", settle: float = 0.0, **more: Any,
    ) -> None:  # fmt: skip
        self.name = name
        system = TicketSettings(
            kind=kind,
            url=Url(service.url),
            user=user,
            token=SecretRef("env", (TOKEN,)),
            **more,
        )
        settings = Settings(
            tickets={"local": TicketSettings(kind="local"), name: system},
            queues=(QueueSettings(name="open", system=name, query=query),),
        )
        super().__init__(home, settings=settings, secrets={TOKEN: SECRET}, clock=PassingClock())
        object.__setattr__(self.setup, "settle_seconds", settle)

    def read(self, key: str) -> Ticket:
        """The ticket as it is now."""
        return self.desk.do(RefreshTicket(TicketRef(self.name, key))).unwrap()

    def approved(self, key: str, **changes: Any) -> Draft:
        """A draft with these changes, approved."""
        self.read(key)
        ref = TicketRef(self.name, key)
        draft = self.desk.do(NewDraft(ticket=ref, changes=DraftChanges(**changes))).unwrap()
        fingerprint = self.desk.ask(DraftReview(draft.id)).fingerprint
        assert fingerprint is not None
        return self.desk.do(ApproveDraft(id=draft.id, fingerprint=fingerprint, here=True)).unwrap()

    def push(self) -> tuple[PushRecord, ...]:
        """Send all that is approved, as far as it goes."""
        return self.desk.do(PushApproved()).unwrap()

    def draft(self, draft: Draft) -> Draft:
        """How a draft stands now."""
        return self.desk.ask(DraftReview(draft.id)).draft
