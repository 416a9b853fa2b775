"""The demo's runbooks in a folder of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from opstui.adapters.knowledge.folder import FolderSource
from opstui.core.knowledge import PageState
from opstui.demo.shelf import stock
from opstui.demo.story import RUNBOOKS

MOMENT = datetime(2026, 11, 20, 3, 14, tzinfo=UTC)


def test_each_runbook_is_as_old_as_it_should_be_and_says_whose_it_is(tmp_path: Path) -> None:
    stock(tmp_path / "runbooks", MOMENT)
    pages, gone = FolderSource("runbooks", tmp_path / "runbooks").pages({})
    by_name = {page.doc.removeprefix("runbooks/"): page for page in pages}
    assert set(by_name) == {path.stem for path in RUNBOOKS.glob("*.md")}
    assert not gone
    assert all(page.facts.owner for page in pages)
    dns, old = by_name["DnsTimeouts"], by_name["ResolverCacheRestart"]
    assert dns.changed_at == MOMENT - timedelta(days=48)
    assert dns.facts.review_by == (MOMENT + timedelta(days=60)).date()
    assert (old.facts.state, old.facts.superseded_by) == (PageState.SUPERSEDED, "runbooks/DnsTimeouts")
    assert by_name["LabelPrinterOffline"].facts.state is PageState.DRAFT
    assert by_name["FaxGatewayDown"].facts.state is PageState.ARCHIVED
