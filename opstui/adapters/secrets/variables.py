"""The variables in which the SDK itself looks for secrets. Loads nothing: every start looks for them."""

from __future__ import annotations

SDK_VARIABLES = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
"""Where the anthropic SDK looks for a key first, in this order. Both go out as the same bearer header, so either can be
handed over as the key (``static_credential_from_env`` and ``_bearer_auth`` of anthropic 2.10.0)."""
OTHER_VARIABLES = ("ANTHROPIC_IDENTITY_TOKEN", "ANTHROPIC_ENVIRONMENT_KEY", "ANTHROPIC_WEBHOOK_SIGNING_KEY")
"""More secrets of the SDK's. They stay where they are, since its own chain reads them there; helpers don't get them."""
