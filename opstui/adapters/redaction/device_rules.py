"""Secrets of databases' own tools, Windows, routers and switches: options and lines that only they have."""

from __future__ import annotations

from opstui.adapters.redaction.password_words import said_password
from opstui.adapters.redaction.request_checks import is_given
from opstui.adapters.redaction.rules import Hit, Rule
from opstui.adapters.redaction.values import classes

_ARG = r"(?:\"([^\"\n]+)\"|'([^'\n]+)'|([^\s\"'|;&<>-][^\s|;<>]*))"


def _mixed(hit: Hit) -> bool:
    """Given, and of more than one sort of characters; a number alone is a port."""
    value = hit.value.strip("\"'")
    return is_given(hit) and len(value) >= 4 and not value.isdigit() and classes(value) >= 2


def _strong(hit: Hit) -> bool:
    return said_password(hit) and classes(hit.value) >= 3


RULES = (
    # --- any command that takes a user and then a password
    Rule(
        "COMMAND_PASSWORD",
        rf"\s-[uU][ =:]?[^\s-][^\s]{{0,60}}\s+(?:-\w+\s+)?-[pP][ =:]?{_ARG}",
        ("-u",),
        _mixed,
    ),
    Rule(
        "COMMAND_PASSWORD",
        r"(?i)\s/(?:rp|pass|password|pwd|pw)(?:[:=]|\s+)[\"']?([^\s\"'/]{4,})",
        ("/rp", "/p"),
        _mixed,
    ),
    Rule("COMMAND_PASSWORD", rf"(?i)\bconvertto-securestring\s+(?:-string\s+)?{_ARG}", ("securestring",), is_given),
    Rule(
        "COMMAND_PASSWORD", r"(?i)[\"']([^\"'\n]{4,})[\"']\s*\|\s*convertto-securestring", ("securestring",), is_given
    ),
    Rule("COMMAND_PASSWORD", r"(?i)\blftp\b[^\n]*?\s-u\s*[^\s,]+,([^\s\"']+)", ("lftp",), is_given),
    Rule("COMMAND_PASSWORD", r"(?i)\bftp>\s*(?:user\s+\S+\s+|pass\s+)(\S{4,})", ("ftp>",), is_given),
    # --- databases
    Rule(
        "DATABASE_PASSWORD",
        r"(?i)\b(?:sqlplus|expdp|impdp|exp|imp|rman|sqlldr|sqlcl|connect"
        r"|conn)\b[^\n/]{0,40}?\s[\"']?[a-z][\w$#]*/([^\s@\"'/]{4,})(?:@|\s|\"|$)",
        ("sqlplus", "expdp", "impdp", "exp", "imp", "rman", "sqlldr", "sqlcl", "conn"),
        _mixed,
    ),
    Rule("DATABASE_PASSWORD", r"(?i)\bjdbc:oracle:[a-z0-9]+:[^\s/@:]+/([^\s@]+)@", ("jdbc:oracle",), is_given),
    Rule("DATABASE_PASSWORD", r"(?i)\bisql\s+(?:-\w+\s+)*\S+\s+\S+\s+(\S{4,})", ("isql",), _strong),
    # --- network devices
    Rule(
        "NETWORK_PASSWORD",
        r"(?i)\b(?:auth\s+(?:md5|sha[0-9-]*)|priv\s+(?:(?:aes|des|3des)(?:[ -]?[0-9]{3})?))\s+([^\s\"']{6,})",
        ("auth", "priv"),
        _mixed,
    ),
    Rule(
        "NETWORK_PASSWORD",
        r"(?i)\b(?:radius|tacacs|isakmp|ikev[12]|ntp|ospf|eigrp|bgp|vrrp"
        r"|hsrp)\b[^\n]*?\bkey(?:-string)?\s+(?:[0-9]\s+)?[\"']?([^\s\"']{4,})",
        ("radius", "tacacs", "isakmp", "ikev", "ntp", "ospf", "eigrp", "bgp", "vrrp", "hsrp"),
        _mixed,
    ),
    Rule(
        "NETWORK_PASSWORD",
        r"(?i)\b(?:psksecret|passwd|private-key)\s+(?:ENC\s+)?[\"']?([A-Za-z0-9+/=!@#$%^&*_-]{6,})",
        ("psksecret", "passwd", "private-key"),
        _mixed,
    ),
    Rule("NETWORK_PASSWORD", r"(?i)\b(?:password|secret)\s+[0-9]\s+([^\s\"']{4,})", ("password", "secret"), _mixed),
    Rule(
        "NETWORK_PASSWORD",
        r"(?i)\b(?:wpa2?-psk|wpa[_-]passphrase|pre-?shared-?key(?:\s+(?:ascii-text|hexadecimal|local"
        r"|remote))?)[\s:=]+[\"']?([^\s\"']{6,})",
        ("wpa", "shared"),
        _mixed,
    ),
    Rule("PASSWORD_HASH", r"\bgrub\.pbkdf2\.sha512\.[0-9]+\.[0-9A-Fa-f.]{20,}", ("grub.pbkdf2",)),
    # --- where people sign in
    Rule(
        "SECRET",
        r"(?i)\bsecret[ _-]?id[\"']?[\s:=]{1,4}[\"']?([0-9a-f]{8}-[0-9a-f-]{27}|[A-Za-z0-9]{24,})",
        ("secret",),
        _mixed,
    ),
    Rule("SECRET", r"(?i)\bsaml(?:response|request|art)[\"']?\s?[=:]\s?[\"']?([A-Za-z0-9+/%=]{30,})", ("saml",)),
    Rule("AUTHORIZATION", r"(?i)\b(?:response|cnonce)=\"?([0-9a-f]{32,64})\b", ("response=", "cnonce=")),
    Rule("FIREBASE_KEY", r"\bAAAA[A-Za-z0-9_-]{7}:APA91[A-Za-z0-9_-]{60,}", ("apa91",)),
    Rule(
        "PASSWORD",
        r"(?i)\b[a-z0-9._%+-]+@(?:[a-z0-9-]+\.)+[a-z]{2,12}[:;|]([^\s\"'<>/:;|]{5,64})(?:[\s\"'<>:;|]|$)",
        ("@",),
        _strong,
    ),
)
