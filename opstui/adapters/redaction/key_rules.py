"""Private keys and password hashes: what stands in files, and gets pasted whole."""

from __future__ import annotations

from opstui.adapters.redaction.rules import Hit, Rule

_BEGIN = r"-----\s?BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?\s?-----"


def _key_like(hit: Hit) -> bool:
    return sum(char.isalnum() for char in hit.value) >= 24


RULES = (
    Rule(
        "PRIVATE_KEY",
        rf"(?s){_BEGIN}.*?-----\s?END (?:[A-Z0-9]+ ){{0,4}}PRIVATE KEY(?: BLOCK)?\s?-----",
        ("private key",),
    ),
    # The end may be missing where a log was cut; then the lines that look like base64 are the key.
    Rule(
        "PRIVATE_KEY",
        rf"{_BEGIN}(?:[\s\"'>|,]|\\+[nrt])*(?:(?:Proc-Type|DEK-Info|Version|Comment|Hash):[^\n]*(?:\\n|\s)*)*"
        r"(?:[>|+\d ]{0,8}[A-Za-z0-9+/=]{12,}(?:[\s\"',]|\\+[nrt])*)*",
        ("private key",),
    ),
    Rule(
        "PRIVATE_KEY",
        r"(?s)---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----.*?(?:---- END SSH2 ENCRYPTED PRIVATE KEY ----|\z)",
        ("ssh2 encrypted",),
    ),
    Rule(
        "PRIVATE_KEY",
        r"Private-Lines:\s{0,4}[0-9]{1,3}\s+((?:[A-Za-z0-9+/=]{4,}\s*)+)(?:Private-(?:MAC"
        r"|Hash):\s*[0-9a-f]+)?",
        ("private-lines",),
    ),
    Rule("PRIVATE_KEY", r"(Private-(?:MAC|Hash):\s*[0-9a-f]{20,})", ("private-mac", "private-hash")),
    # The same in base64: kubeconfigs and secrets of Kubernetes hold keys this way.
    Rule(
        "PRIVATE_KEY",
        r"LS0tLS1CRUdJTi[A-Za-z0-9+/]{4,40}(?:UFJJVkFURSBLRVk|BSSVZBVEUgS0VZ"
        r"|QUklWQVRFIEtFW)[A-Za-z0-9+/=]*(?:[ \t]*(?:\\n|\n)[ \t]*[A-Za-z0-9+/]{60,})*(?:[ \t]*(?:\\n"
        r"|\n)[ \t]*[A-Za-z0-9+/]{16,}={0,2}[ \t]*(?:\n|\z))?",
        ("ls0tls1crudjti",),
    ),
    Rule(
        "PRIVATE_KEY",
        r"(?i)client-key-data[\"']?\s*:\s*(?:[>|][-+]?\s*)?[\"']?([A-Za-z0-9+/=]{24,})",
        ("client-key-data",),
        _key_like,
    ),
    Rule(
        "PRIVATE_KEY",
        r"(?i)\bprivate_?key[\"']?\s{0,4}[:=]\s{0,4}[\"']?([A-Za-z0-9+/=_-]{40,})",
        ("private",),
        _key_like,
    ),
    Rule(
        "PRIVATE_KEY",
        r"\"(?:d|p|q|dp|dq|qi|k)\"\s*:\s*\"([A-Za-z0-9_-]{22,})\"",
        ('"d"', '"p"', '"q"', '"dp"', '"dq"', '"qi"', '"k"'),
    ),
    Rule("WIREGUARD_KEY", r"(?i)\b(?:private|preshared)key\s*=\s*([A-Za-z0-9+/]{43}=)", ("privatekey", "presharedkey")),
    Rule(
        "PASSWORD_HASH",
        r"(?:^|[^A-Za-z0-9$])(\$(?:2[abxy]\$[0-9]{2}|[156y]|apr1|argon2(?:id|i|d)|scrypt|7|gy"
        r"|pbkdf2[a-z0-9-]*)\$[./A-Za-z0-9$=,+_-]{20,})",
        ("$",),
    ),
    Rule(
        "PASSWORD_HASH",
        r"(\{(?:S?SHA(?:256|512)?|SMD5|CRYPT|PBKDF2[A-Z0-9-]*)\}[A-Za-z0-9+/=$.]{16,})",
        ("sha}", "sha256}", "sha512}", "md5}", "crypt}", "pbkdf2"),
    ),
    Rule("PASSWORD_HASH", r"\b[A-Za-z0-9._-]{1,64}:[0-9]{1,6}:([0-9a-fA-F]{32}:[0-9a-fA-F]{32}):::", (":::",)),
    Rule(
        "PASSWORD_HASH",
        r"\b(?:pbkdf2_sha256|bcrypt_sha256|scrypt)\$[0-9]+[$:][^\s\"']{20,}",
        ("pbkdf2_", "bcrypt_", "scrypt$"),
    ),
    Rule(
        "NETWORK_PASSWORD",
        r"(?i)\b(?:password|secret|key|key-string|md5)\s+(?:[0-9]\s+)?((?:[0-9]{2}(?:[0-9A-F]{2}){4,40}"
        r"|\$[0-9]\$[./A-Za-z0-9$]{8,}))\b",
        ("password", "secret", "key", "md5"),
    ),
)
