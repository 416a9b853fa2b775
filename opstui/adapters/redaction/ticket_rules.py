"""Secrets as tickets hold them: assigned in configuration, or told in prose, in the languages people write in."""

from __future__ import annotations

import re

from opstui.adapters.redaction.password_words import (
    PASSWORD,
    PASSWORD_ANCHORS,
    SHORT,
    SHORT_ANCHORS,
    TOKEN,
    TOKEN_ANCHORS,
    assigned_password,
    assigned_token,
    is_about,
    looks_located,
    quoted_password,
    said_password,
    said_token,
)
from opstui.adapters.redaction.rules import Hit, Rule
from opstui.adapters.redaction.values import bare_length, classes, is_placeholder, is_reference, is_strong

_SIGN = r"\\{0,2}[\"'\x60*\])]{0,3}[ \t]{0,8}(?:=>|:=|={1,3}|:|：|→|⇒|->)[ \t]{0,8}(?:[*_]{1,3}[ \t]{0,4})?"
_VALUE = (
    r"(?:[rbf]?\\{0,2}\"([^\"\\\n]*(?:\\[^\"\n][^\"\\\n]*)*)\\{0,2}\"|'([^'\n]+)'|\x60([^\x60\n]+)\x60"
    r"|[*]{2}([^*\s]+)[*]{2}|[\"'\x60(<]?([^\s\"'\x60]\S*))"
)
_REMARK = r"(?:[ \t]?\([^()\n]{1,24}\))?"
_NAME = r"[\p{L}0-9_.$-]*"
_FOR = r"(?:[ \t]+[\p{L}0-9'’(@/][\p{L}0-9_.,'’()@/-]{0,40}){0,7}?"
_IS = (
    r"(?:\s+(?:is|was|are|be|will be|ist|war|lautet|heißt|heisst|wäre|es|era|será|fue|son|est|était|sera"
    r"|é|è|foi|är|has been|wurde|ha sido|a été)"
    r"(?:\s+(?:now|still|currently|set|reset|changed|temporarily|just|to|auf|zu|jetzt|nun|aktuell|noch"
    r"|ahora|actualmente|maintenant|toujours|actuellement|geändert|gesetzt|zurückgesetzt|cambiada"
    r"|cambiado|changé|a|à|agora|nu|simply|called)){0,4}"
    r"(?:\s*[:=]\s*|\s+)|[ \t]+(?:to|auf|as|als|como)[ \t]+|[ \t]*[:=][ \t]*(?:is\s+)?)"
)
_WORD = r"[\"“”„‚'‘«»\x60(<*]{0,2}([^\s\"“”„'‘’«»\x60<>][^\s\"“”„«»\x60<>]{2,120})"
_SIGNED = r"([^\s\"'“”„«»\x60<>()]*[!#$%&*^~@][^\s\"'“”„«»\x60<>]*)"
_QUOTED = (
    r"(?:\"([^\"\n]{3,80})\"|'([^'\n]{3,80})'|“([^”\n]{3,80})”|„([^“”\n]{3,80})[“”]"
    r"|«\s?([^»\n]{3,80}?)\s?»|‘([^’\n]{3,80})’|\x60([^\x60\n]{3,80})\x60)"
)


def _pair(hit: Hit) -> bool:
    """``login: deploy / Foo#123``: the second part has to look like a password."""
    value = hit.value
    if classes(value) < 3 or len(value) < 6 or is_placeholder(value) or is_reference(value) or looks_located(value):
        return False
    # Nor roles of Kubernetes, volumes, names with their realm, ``Module::Class``.
    return not _in_address(hit) and not re.search(
        r"^[\w-]+=|/.*/|[?&]\w+=|^[:/]|^[a-z0-9-]+(?::[a-z0-9-]+)+\W?$|@[A-Z.]+$", value
    )


def _in_address(hit: Hit) -> bool:
    """Whether it stands in a URL or a path, whose parts are divided like a user from a password."""
    begun = re.search(r"[^\s\"'(<\[|]*$", hit.before)
    return begun is not None and ("://" in begun[0] or begun[0].startswith(("/", "~/")))


def _named_key(hit: Hit) -> bool:
    return not is_about(hit.groups[0]) and is_strong(hit.value, least=20) and classes(hit.value) >= 3


def _unmistakable(hit: Hit) -> bool:
    """Letters, digits and signs in one word that is no address, time, version or path."""
    value = hit.value
    return (
        said_password(hit)
        and not _in_address(hit)
        and any(char.isdigit() for char in value)
        and classes(value) >= 3
        and not looks_located(value)
        and bool(re.search(r"[^\w./:@+-]|[a-z][A-Z0-9][a-zA-Z]|[0-9][a-zA-Z][0-9]|[!#$%&*?^~]", value))
        and not re.search(r"^[\w-]+=|^[\w.-]+@[\w.-]+\.\w+$|^[\w.-]+:[\w./:-]+$|\(|^\W*\d", value)
    )


def _phrase(hit: Hit) -> bool:
    """Words that make no sentence: with a number among them, or at least four."""
    words = hit.value.lower().split()
    plain = any(word in _IN_SENTENCES for word in words)
    return not plain and not is_placeholder(hit.value) and (len(words) >= 4 or any(map(str.isdigit, words)))


_IN_SENTENCES = frozenset(
    "is was the a an for not no to of in required needed must has have been by with and or see ask".split()
)


def _short_name(hit: Hit) -> bool:
    value = hit.value
    return assigned_password(hit) and (classes(value) >= 2 or value.isdigit() or hit.groups[0].lower().endswith("pass"))


def _looks(hit: Hit) -> bool:
    return said_password(hit) and not hit.value.endswith(("?", "()", ":")) and not _in_address(hit)


RULES = (
    # --- assigned: env files, YAML, JSON, command output, also escaped inside of a log line
    Rule(
        "PASSWORD",
        rf"(?i)({_NAME}{PASSWORD}{_NAME}){_REMARK}{_SIGN}{_VALUE}",
        PASSWORD_ANCHORS,
        assigned_password,
        bare_length,
    ),
    Rule(
        "PASSWORD",
        rf"(?i)(?:^|[^\p{{L}}0-9])((?:[a-z0-9]+[_.-]){{0,4}}{SHORT}){_SIGN}{_VALUE}",
        SHORT_ANCHORS,
        _short_name,
        bare_length,
    ),
    Rule(
        "SECRET",
        rf"(?i)(?:^|[^\p{{L}}])((?:[a-z0-9]+[_.-]){{0,4}}auth){_SIGN}{_VALUE}",
        ("auth",),
        assigned_token,
        bare_length,
    ),
    Rule("SECRET", rf"(?i)({_NAME}{TOKEN}{_NAME}){_REMARK}{_SIGN}{_VALUE}", TOKEN_ANCHORS, assigned_token, bare_length),
    Rule(
        "PASSWORD",
        rf"(?i)\b((?:[a-z0-9]+[_.-])*{PASSWORD})[ \t]{{0,4}}[:：]?[ \t]*\n[ \t>*-]{{0,8}}"
        rf"[\"'\x60]?([^\s\"'\x60]{{6,80}})[\"'\x60]?[ \t]*(?:\n|$)",
        PASSWORD_ANCHORS,
        lambda hit: classes(hit.value) >= 3 and said_password(hit),
    ),
    Rule(
        "SECRET",
        rf"(?i)\b((?:[a-z0-9]+[_. -])*{TOKEN})[ \t]{{0,4}}[:：][ \t]*\n[ \t>*-]{{0,8}}"
        rf"[\"'\x60]?([^\s\"'\x60]{{12,}})[\"'\x60]?[ \t]*(?:\n|$)",
        TOKEN_ANCHORS,
        assigned_token,
    ),
    # --- assigned in two steps: a name here, its value beside it
    Rule(
        "PASSWORD",
        rf"(?i)<({_NAME}{PASSWORD}{_NAME})(?:\s[^<>\n]{{0,80}})?>\s*([^<>\s][^<>\n]{{1,200}}?)\s*</",
        PASSWORD_ANCHORS,
        assigned_password,
    ),
    Rule(
        "SECRET",
        rf"(?i)<({_NAME}{TOKEN}{_NAME})(?:\s[^<>\n]{{0,80}})?>\s*([^<>\s][^<>\n]{{1,400}}?)\s*</",
        TOKEN_ANCHORS,
        assigned_token,
    ),
    Rule(
        "PASSWORD",
        rf"(?i)\b(?:name|key|id|field|property"
        rf"|setting)[\"']?\s{{0,3}}[=:]\s{{0,3}}[\"']?({_NAME}{PASSWORD}{_NAME})[\"']?[\s,;]{{1,60}}"
        rf"[\"']?value[\"']?\s{{0,3}}[=:]\s{{0,3}}[\"']?([^\s\"'<>]+)",
        PASSWORD_ANCHORS,
        assigned_password,
        bare_length,
    ),
    Rule(
        "SECRET",
        rf"(?i)\b(?:name|key|id|field|property"
        rf"|setting)[\"']?\s{{0,3}}[=:]\s{{0,3}}[\"']?({_NAME}{TOKEN}{_NAME})[\"']?[\s,;]{{1,60}}[\"']?value"
        rf"[\"']?\s{{0,3}}[=:]\s{{0,3}}[\"']?([^\s\"'<>]+)",
        TOKEN_ANCHORS,
        assigned_token,
        bare_length,
    ),
    Rule(
        "PASSWORD",
        rf"(?i)({_NAME}{PASSWORD}{_NAME})[ \t]{{0,4}}\|[ \t]{{0,4}}([^\s|]{{4,}})",
        PASSWORD_ANCHORS,
        lambda hit: assigned_password(hit) and classes(hit.value) >= 2,
    ),
    Rule(
        "SECRET", rf"(?i)({_NAME}{TOKEN}{_NAME})[ \t]{{0,4}}\|[ \t]{{0,4}}([^\s|]{{8,}})", TOKEN_ANCHORS, assigned_token
    ),
    Rule(
        "PASSWORD",
        rf"(?i)\b((?:set|put|setenv|export"
        rf"|add)[a-z ]{{0,12}}[\s(\"']+{_NAME}{PASSWORD}{_NAME})[\"']?[,\s]\s{{0,3}}[\"']?([^\s\"'"
        rf"(),=:]{{4,}})",
        PASSWORD_ANCHORS,
        lambda hit: classes(hit.value) >= 2 and assigned_password(hit),
    ),
    # --- told: «the password for the jump host is …», also «… lautet», «… es», «… est»
    Rule(
        "PASSWORD",
        rf"(?i)(?:^|[^\p{{L}}])(?:{PASSWORD}|{SHORT}){_FOR}{_IS}{_QUOTED}",
        (*PASSWORD_ANCHORS, *SHORT_ANCHORS),
        quoted_password,
    ),
    Rule(
        "PASSWORD",
        rf"(?i)(?:^|[^\p{{L}}])(?:{PASSWORD}|{SHORT}){_FOR}{_IS}{_WORD}",
        (*PASSWORD_ANCHORS, *SHORT_ANCHORS),
        _looks,
        bare_length,
    ),
    Rule(
        "PASSWORD",
        rf"(?i)(?:^|[^\p{{L}}])(?:{PASSWORD}|pw|pwd|pass|pin|psk)\s+(?:[-–—]\s+)?{_WORD}",
        (*PASSWORD_ANCHORS, "pw", "pin", "psk"),
        _looks,
        bare_length,
    ),
    Rule(
        "PASSWORD",
        rf"(?i)(?:^|[^\p{{L}}])(?:{PASSWORD}|pw|pwd|pin)\s+(?:[\p{{L}}-]{{1,12}}\s+){{0,2}}{_QUOTED}",
        (*PASSWORD_ANCHORS, "pw", "pin"),
        lambda hit: quoted_password(hit) and classes(hit.value) >= 2 and " " not in hit.value,
    ),
    Rule(
        "PASSWORD",
        rf"(?i)(?:log(?:ged|in|ging)?[ -]?(?:in|on)?|sign(?:ed)? in|connect(?:ed)?|auth(?:enticated)?"
        rf"|anmelden|angemeldet|einloggen|eingeloggt|entrar|connecter|zugang|access"
        rf"|ssh)[^\n]{{0,40}}?\s(?:with|using|as|mit|als|con|avec)\s+[\p{{L}}0-9_.@\\-]{{2,40}}\s{{0,2}}(?:/"
        rf"|:|,|and|und|y|et|\|)\s{{0,2}}{_WORD}",
        ("with", "using", "as ", "mit", "als", "con", "avec"),
        _pair,
        bare_length,
    ),
    Rule(
        "PASSWORD",
        rf"(?i)(?:^|[^\p{{L}}])(?:user(?:name)?|login|creds?|credentials?|account|benutzer(?:name)?"
        rf"|zugangsdaten|usuario|utilisateur|identifiants?|logon)[^\n\p{{L}}0-9]{{1,4}}(?:(?:is|are|for|für"
        rf"|para|pour|:|=)\s+)?(?:[\p{{L}}0-9 ]{{1,24}}:\s?)?[\p{{L}}0-9_.@\\-]{{2,60}}\s{{0,2}}(?:/|:|\|"
        rf"|,)\s{{0,2}}{_WORD}",
        (
            "user",
            "login",
            "cred",
            "account",
            "benutzer",
            "zugangsdaten",
            "usuario",
            "utilisateur",
            "identifiant",
            "logon",
        ),
        _pair,
        bare_length,
    ),
    Rule(
        "PASSWORD",
        rf"(?i)(?:use|try|enter|type|used|verwende|nimm|eingeben|usa|prueba|utilise|essaie)\s+{_WORD}\s+(?:as"
        rf"|for|to log|als|für|como|para|comme|pour)\s+(?:the\s+|its\s+|das\s+|la\s+"
        rf"|le\s+)?(?:\S+\s+)?(?:{PASSWORD}|login|pw|sudo|root)",
        (*PASSWORD_ANCHORS, "login", "pw", "sudo", "root"),
        _looks,
    ),
    Rule(
        "PASSWORD",
        rf"(?i){_WORD}\s+(?:is|was|ist|war|es|est)\s+(?:the|my|our|your|its|his|her|das|mein|unser|dein|la|mi"
        rf"|le|mon|notre)\s+(?:\S+\s+){{0,2}}?(?:{PASSWORD}|pw)\b",
        (*PASSWORD_ANCHORS, "pw"),
        lambda hit: said_password(hit) and classes(hit.value) >= 3,
    ),
    # However it is told: a password is spoken of, and something on the same line can hardly be anything else.
    # Behind the first sign that something is told, and behind the last.
    *(
        Rule(
            "PASSWORD",
            rf"(?i)(?:^|[^\p{{L}}])(?:{PASSWORD}|{SHORT})[^\p{{L}}][^\n]{{0,100}}{first}(?:[:=]|\s(?:is|are|to|was|ist"
            rf"|lautet|auf|es|est|à|a|now|->))\s{{1,3}}{_WORD}",
            (*PASSWORD_ANCHORS, *SHORT_ANCHORS),
            _unmistakable,
            bare_length,
        )
        for first in ("?", "")
    ),
    Rule(
        "PASSWORD",
        rf"(?i)(?:use|using|used|with|try|tried|via|verwende|nimm|mit|usa|con|avec"
        rf"|utilise)\s+[\p{{L}}][\p{{L}}0-9_.\\-]{{1,30}}\s?[/:]\s?{_WORD}",
        ("us", "with", "tr", "via", "verwende", "nimm", "mit", "con", "avec"),
        _unmistakable,
        bare_length,
    ),
    Rule(
        "PASSWORD",
        rf"(?i)\s(?:as|als|como|user|comme)\s+[\p{{L}}0-9_.@\\-]{{2,40}}\s+(?:with|using|and|mit|und|con|y"
        rf"|avec|et)\s+(?:the\s+)?(?:(?:{PASSWORD}|pw)\s+)?{_WORD}",
        ("as ", "als", "como", "user", "comme"),
        _unmistakable,
        bare_length,
    ),
    Rule(
        "PASSWORD",
        rf"(?i)(?:^|[^\p{{L}}])(?:{PASSWORD}|pw|pwd)[^\p{{L}}][^\n]{{0,120}}?[\s(\"'“„«\x60]{_SIGNED}",
        (*PASSWORD_ANCHORS, "pw"),
        _unmistakable,
        bare_length,
    ),
    Rule(
        "PASSWORD",
        rf"(?i)(?:^|[\s(\"'“„«\x60]){_SIGNED}[^\n]{{1,120}}?[^\p{{L}}](?:{PASSWORD}|pw|pwd)\b",
        (*PASSWORD_ANCHORS, "pw"),
        _unmistakable,
        bare_length,
    ),
    Rule(
        "PASSWORD",
        rf"(?:^|[\s(\"'\x60])(?:root|admin|administrator|elastic|kibana|sa|sys|postgres|mysql|oracle"
        rf"|deploy|deployment|svc[_-][a-z0-9_-]+|service|backup|guest|test|user|ubuntu|ec2-user|centos"
        rf"|jenkins|nexus|gitlab|grafana|rabbitmq|redis|tomcat|operator|monitor|nagios|zabbix|support|ansible"
        rf"|vagrant|pi|ftp|sftp):{_WORD}",
        (":",),
        _unmistakable,
        bare_length,
    ),
    Rule(
        "PASSWORD",
        rf"(?:^|[^A-Za-z0-9_])([A-Z][A-Z0-9_]*PASS){_SIGN}{_VALUE}",
        ("pass",),
        assigned_password,
        bare_length,
    ),
    Rule(
        "PASSWORD",
        r"(?i)\b(?:pass[_ -]?phrase)[ \t]*[:=][ \t]*[\"'“]?((?:[^\s\"'“”]+[ \t]+){1,8}[^\s\"'“”]+)"
        r"[\"'”]?[ \t]*(?:\n|$)",
        ("phrase",),
        _phrase,
    ),
    # --- told: keys and tokens
    Rule(
        "SECRET",
        rf"(?i)(?:\b|_)(?:{TOKEN}|key){_FOR}(?:{_IS}|\s{{1,3}}){_WORD}",
        TOKEN_ANCHORS,
        said_token,
        bare_length,
    ),
    Rule(
        "SECRET",
        r"(?i)\b([A-Z0-9_]*(?:_|\b)KEY)\s{0,2}=\s{0,2}[\"']?([^\s\"']{16,})",
        ("key",),
        _named_key,
        bare_length,
    ),
    Rule(
        "SEED_PHRASE",
        r"(?i)\b(?:seed|mnemonic|recovery)[ _-]?(?:phrase"
        r"|words)?\s{0,3}[:=]\s{0,3}[\"']?((?:[a-z]{3,8}\s+){11,23}[a-z]{3,8})\b",
        ("seed", "mnemonic", "recovery"),
    ),
)
