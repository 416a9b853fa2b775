"""The commented example of a taxonomy, as ``taxonomy.example.toml`` beside the README has it."""

from __future__ import annotations

TEXT = """\
# opstui: the taxonomy. Every line that begins with # says what is possible; nothing here is taken for real.
# It lies beside the config file as taxonomy.toml, or where [taxonomy] path says. `opstui config check` reads it
# strictly and tells what it names and is not there any more.
# Take the # away where there is no blank after it.
#
# The key of a table is the value itself: what triage proposes and what is written to a ticket, unless `names` says
# that a ticket system calls it something else. `aliases` are other names of it, `signs` are words that speak for it
# without naming it. `Orders DB`, `orders_db` and `orders-db` are one word.

# Who looks after services.
#[teams.payments]
#title = "Payments"
#aliases = ["pay-ops", "checkout team"]
#names = { rt = "Payments L2" }  # what a system of [tickets] calls it

#[teams.databases]
#aliases = ["dba"]

# What breaks: its team is where its tickets go, its runbook the page to begin with.
#[services.checkout-api]
#title = "Checkout"
#team = "payments"
#aliases = ["cart"]
#runbook = "runbooks/CheckoutErrorRateHigh"

#[services.orders-db]
#title = "Orders database"
#team = "databases"

# What it is about.
#[categories.database]
#aliases = ["postgres"]
#signs = ["replica lag", "pg_wal"]

#[categories.release]
#aliases = ["deploy", "rollout"]
#signs = ["rolled out"]

# How bad it is: 1 is the worst of four. A sign of something worse than what the ticket has is a reason to propose it.
#[severities.1]
#title = "Critical"
#aliases = ["sev1"]
#signs = ["data loss", "all regions"]

#[severities.2]
#title = "High"
#signs = ["customers cannot pay"]

#[severities.3]
#title = "Medium"

#[severities.4]
#title = "Low"

# What is wanted.
#[request_types.incident]
#signs = ["threshold", "5xx"]

#[request_types.question]
#signs = ["how do i"]

# The custom fields of a ticket that hold them, where your ticket system has some; without one a category is a tag.
#[fields]
#category = "Category"
#service = "Service"
#request_type = "Type"
"""
"""Every value behind a ``#``; without the marks it is a sound file."""
