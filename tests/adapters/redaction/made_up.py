"""Tokens in the formats of their makers, put together when a test runs, so that no scanner takes them for real."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

HEX = "0123456789abcdef"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
MIXED = LETTERS + "0123456789"


def made(alphabet: str, count: int, number: int) -> str:
    """``count`` letters that look random and are the same each time."""
    out = ""
    block = 0
    while len(out) < count:
        digest = sha256(f"{alphabet}:{count}:{number}:{block}".encode()).digest()
        out += "".join(alphabet[byte % len(alphabet)] for byte in digest)
        block += 1
    return out[:count]


def _of(prefix: str, alphabet: str, count: int, suffix: str = "") -> Callable[[int], str]:
    return lambda number: prefix + made(alphabet, count, number) + suffix


def _lines(begin: str, end: str) -> Callable[[int], str]:
    return lambda number: "\n".join([begin, *(made(MIXED, 64, number * 9 + line) for line in range(6)), end])


def _marks(kind: str) -> Callable[[int], str]:
    return _lines("-----" + f"BEGIN {kind}PRIVATE KEY-----", "-----" + f"END {kind}PRIVATE KEY-----")


SECRETS: dict[str, Callable[[int], str]] = {
    "aws id": _of("AKIA", UPPER, 16),
    "aws temporary id": _of("ASIA", UPPER, 16),
    "google key": _of("AIza", MIXED, 35),
    "google token": _of("ya29" + ".", MIXED, 60),
    "azure secret": lambda number: made(MIXED, 3, number) + "8Q~" + made(MIXED, 34, number),
    "github": _of("ghp" + "_", MIXED, 36),
    "github app": _of("ghs" + "_", MIXED, 36),
    "github fine": lambda number: "github_pat" + "_" + made(MIXED, 22, number) + "_" + made(MIXED, 59, number),
    "gitlab": _of("glpat" + "-", MIXED, 20),
    "slack bot": lambda number: (
        f"xoxb-{made('123456789', 12, number)}-{made('123456789', 13, number)}-" + made(MIXED, 24, number)
    ),
    "slack hook": lambda number: (
        "https://hooks."
        "slack.com/services/T" + made(UPPER, 8, number) + "/B" + made(UPPER, 10, number) + "/" + made(MIXED, 24, number)
    ),
    "stripe": _of("sk_" + "live_", MIXED, 24),
    "twilio": _of("SK", HEX, 32),
    "sendgrid": lambda number: "SG" + "." + made(MIXED, 22, number) + "." + made(MIXED, 43, number),
    "npm": _of("npm" + "_", MIXED, 36),
    "pypi": _of("pypi-" + "AgEIcHlwaS5vcmc", MIXED, 80),
    "docker": _of("dckr_" + "pat_", MIXED, 27),
    "hugging face": _of("hf" + "_", LETTERS, 34),
    "openai": lambda number: "sk-" + "proj-" + made(MIXED, 58, number) + "T3BlbkFJ" + made(MIXED, 60, number),
    "anthropic": _of("sk-" + "ant-api03-", MIXED, 93),
    "digitalocean": _of("dop_" + "v1_", HEX, 64),
    "atlassian": _of("ATATT3" + "xFfGF0", MIXED, 130),
    "grafana": lambda number: "glsa" + "_" + made(MIXED, 32, number) + "_" + made(HEX, 8, number),
    "vault": _of("hvs" + ".", MIXED, 90),
    "terraform": lambda number: made(MIXED, 14, number) + ".atlas" + "v1." + made(MIXED, 66, number),
    "databricks": _of("dapi", HEX, 32),
    "telegram": lambda number: made("123456789", 9, number) + ":AA" + made(MIXED, 33, number),
    "discord": lambda number: (
        "M" + made(MIXED, 23, number) + "." + made(MIXED, 6, number) + "." + made(MIXED, 38, number)
    ),
    "mailgun": _of("key-", HEX, 32),
    "mailchimp": _of("", HEX, 32, "-us14"),
    "shopify": _of("shpat" + "_", HEX, 32),
    "square": _of("sq0" + "csp-", MIXED, 43),
    "notion": _of("ntn" + "_", MIXED, 46),
    "linear": _of("lin_" + "api_", MIXED, 40),
    "sentry": _of("sntryu" + "_", HEX, 64),
    "new relic": _of("NRAK" + "-", UPPER, 27),
    "fly": _of("fo1" + "_", MIXED, 43),
    "heroku": _of("HRKU" + "-", MIXED, 60),
    "age": _of("AGE-" + "SECRET-KEY-1", UPPER, 58),
    "artifactory": _of("AKCp", MIXED, 69),
    "jwt": lambda number: "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + made(MIXED, 60, number) + "." + made(MIXED, 43, number),
    "key": _marks(""),
    "rsa key": _marks("RSA "),
    "ssh key": _marks("OPENSSH "),
}
"""Kind → a token of it by number."""
