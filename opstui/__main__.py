"""``python -m opstui``: the same as the console script."""

from __future__ import annotations

import sys

from opstui.cli.main import main

sys.exit(main())
