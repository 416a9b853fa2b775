"""Checks of what documents and comments say: M1 citations, M2 atoms, M4 state and polarity, the outward gate."""

from opstui.core.checks.comment import check_comment
from opstui.core.checks.document import check_document, with_confidence
from opstui.core.checks.outward import check_outward
from opstui.core.checks.preflight import preflight

__all__ = ["check_comment", "check_document", "check_outward", "preflight", "with_confidence"]
