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
from opstui.adapters.redaction.values import bare_length, classes, is_placeholder, is_strong

_SIGN = r"\\{0,2}[\"'\x60*\])]{0,3}[ \t]{0,8}(?:=>|:=|={1,3}|:|：|→|⇒|->)[ \t]{0,8}(?:[*_]{1,3}[ \t]{0,4})?"
_VALUE = r"(?:[rbf]?\\{0,2}\"([^\"\\\n]*(?:\\[^\"\n][^\"\\\n]*)*)\\{0,2}\"|'([^'\n]+)'|\x60([^\x60\n]+)\x60|[*]{2}([^*\s]+)[*]{2}|[\"'\x60(<]?([^\s\"'\x60]\S*))"
_NAME = r"[\p{L}0-9_.$-]*"
_FOR = r"(?:[ \t]+[\p{L}0-9_.,'’()@/-]{1,40}){0,7}?"
_IS = (
    r"(?:\s+(?:is|was|are|be|will be|ist|war|lautet|heißt|heisst|wäre|es|era|será|fue|son|est|était|sera|é|è|foi|är|has been|wurde|ha sido|a été)"
    r"(?:\s+(?:now|still|currently|set|reset|changed|temporarily|just|to|auf|zu|jetzt|nun|aktuell|noch|ahora|actualmente|maintenant|toujours|actuellement|geändert|gesetzt|zurückgesetzt|cambiada|cambiado|changé|a|à|agora|nu|simply|called)){0,4}"
    r"(?:\s*[:=]\s*|\s+)|[ \t]+(?:to|auf|as|als|como|à|a)[ \t]+|[ \t]*[:=][ \t]*(?:is\s+)?)"
)
_WORD = r"[\"“”„‚'‘«»\x60(<*]{0,2}([^\s\"“”„'‘’«»\x60<>][^\s\"“”„«»\x60<>]{2,120})"
_QUOTED = r"(?:\"([^\"\n]{3,80})\"|'([^'\n]{3,80})'|“([^”\n]{3,80})”|„([^“”\n]{3,80})[“”]|«\s?([^»\n]{3,80}?)\s?»|‘([^’\n]{3,80})’|\x60([^\x60\n]{3,80})\x60)"


def _pair(hit: Hit) -> bool:
    """``login: deploy / Foo#123``: the second part has to look like a password."""
    return classes(hit.value) >= 3 and len(hit.value) >= 6 and not is_placeholder(hit.value)


def _named_key(hit: Hit) -> bool:
    return not is_about(hit.groups[0]) and is_strong(hit.value, least=20) and classes(hit.value) >= 3


def _unmistakable(hit: Hit) -> bool:
    """Letters, digits and signs in one word that is no address, time, version or path."""
    value = hit.value
    return (
        said_password(hit)
        and any(char.isdigit() for char in value)
        and classes(value) >= 3
        and not looks_located(value)
        and bool(re.search(r"[^\w./:@+-]|[a-z][A-Z0-9][a-zA-Z]|[0-9][a-zA-Z][0-9]|[!#$%&*?^~]", value))
        and not re.search(r"^[\w-]+=|^[\w.-]+@[\w.-]+\.\w+$|^[\w.-]+:[\w./:-]+$|\(|^\W*\d", value)
    )


def _short_name(hit: Hit) -> bool:
    value = hit.value
    return assigned_password(hit) and (classes(value) >= 2 or value.isdigit() or hit.groups[0].lower().endswith("pass"))


def _looks(hit: Hit) -> bool:
    return said_password(hit) and not hit.value.endswith(("?", "()"))


RULES = (
    # --- assigned: env files, YAML, JSON, command output, also escaped inside of a log line
    Rule("PASSWORD", rf"(?i)({_NAME}{PASSWORD}{_NAME}){_SIGN}{_VALUE}", PASSWORD_ANCHORS, assigned_password, bare_length),
    Rule("PASSWORD", rf"(?i)(?:^|[^\p{{L}}0-9])((?:[a-z0-9]+[_.-]){{0,4}}{SHORT}){_SIGN}{_VALUE}", SHORT_ANCHORS, _short_name, bare_length),
    Rule("SECRET", rf"(?i)(?:^|[^\p{{L}}])((?:[a-z0-9]+[_.-]){{0,4}}auth){_SIGN}{_VALUE}", ("auth",), assigned_token, bare_length),
    Rule("SECRET", rf"(?i)({_NAME}{TOKEN}{_NAME}){_SIGN}{_VALUE}", TOKEN_ANCHORS, assigned_token, bare_length),
    Rule("PASSWORD", rf"(?i)\b((?:[a-z0-9]+[_.-])*{PASSWORD})[ \t]{{0,4}}[:：]?[ \t]*\n[ \t>*-]{{0,8}}[\"'\x60]?([^\s\"'\x60]{{6,80}})[\"'\x60]?[ \t]*(?:\n|$)", PASSWORD_ANCHORS, lambda hit: classes(hit.value) >= 3 and said_password(hit)),
    Rule("SECRET", rf"(?i)\b((?:[a-z0-9]+[_. -])*{TOKEN})[ \t]{{0,4}}[:：][ \t]*\n[ \t>*-]{{0,8}}[\"'\x60]?([^\s\"'\x60]{{12,}})[\"'\x60]?[ \t]*(?:\n|$)", TOKEN_ANCHORS, assigned_token),
    # --- assigned in two steps: a name here, its value beside it
    Rule("PASSWORD", rf"(?i)<({_NAME}{PASSWORD}{_NAME})(?:\s[^<>\n]{{0,80}})?>\s*([^<>\s][^<>\n]{{1,200}}?)\s*</", PASSWORD_ANCHORS, assigned_password),
    Rule("SECRET", rf"(?i)<({_NAME}{TOKEN}{_NAME})(?:\s[^<>\n]{{0,80}})?>\s*([^<>\s][^<>\n]{{1,400}}?)\s*</", TOKEN_ANCHORS, assigned_token),
    Rule("PASSWORD", rf"(?i)\b(?:name|key|id|field|property|setting)[\"']?\s{{0,3}}[=:]\s{{0,3}}[\"']?({_NAME}{PASSWORD}{_NAME})[\"']?[\s,;]{{1,60}}[\"']?value[\"']?\s{{0,3}}[=:]\s{{0,3}}[\"']?([^\s\"'<>]+)", PASSWORD_ANCHORS, assigned_password, bare_length),
    Rule("SECRET", rf"(?i)\b(?:name|key|id|field|property|setting)[\"']?\s{{0,3}}[=:]\s{{0,3}}[\"']?({_NAME}{TOKEN}{_NAME})[\"']?[\s,;]{{1,60}}[\"']?value[\"']?\s{{0,3}}[=:]\s{{0,3}}[\"']?([^\s\"'<>]+)", TOKEN_ANCHORS, assigned_token, bare_length),
    Rule("PASSWORD", rf"(?i)({_NAME}{PASSWORD}{_NAME})\s{{0,4}}\|\s{{0,4}}([^\s|]{{4,}})", PASSWORD_ANCHORS, lambda hit: assigned_password(hit) and classes(hit.value) >= 2),
    Rule("SECRET", rf"(?i)({_NAME}{TOKEN}{_NAME})\s{{0,4}}\|\s{{0,4}}([^\s|]{{8,}})", TOKEN_ANCHORS, assigned_token),
    Rule("PASSWORD", rf"(?i)\b((?:set|put|setenv|export|add)[a-z ]{{0,12}}[\s(\"']+{_NAME}{PASSWORD}{_NAME})[\"']?[,\s]\s{{0,3}}[\"']?([^\s\"'(),=:]{{4,}})", PASSWORD_ANCHORS, lambda hit: classes(hit.value) >= 2 and assigned_password(hit)),
    # --- told: «the password for the jump host is …», also «… lautet», «… es», «… est»
    Rule("PASSWORD", rf"(?i)(?:^|[^\p{{L}}])(?:{PASSWORD}|{SHORT}){_FOR}{_IS}{_QUOTED}", (*PASSWORD_ANCHORS, *SHORT_ANCHORS), quoted_password),
    Rule("PASSWORD", rf"(?i)(?:^|[^\p{{L}}])(?:{PASSWORD}|{SHORT}){_FOR}{_IS}{_WORD}", (*PASSWORD_ANCHORS, *SHORT_ANCHORS), _looks, bare_length),
    Rule("PASSWORD", rf"(?i)(?:^|[^\p{{L}}])(?:{PASSWORD}|pw|pwd|pass|pin)\s+(?:[-–—]\s+)?{_WORD}", (*PASSWORD_ANCHORS, "pw", "pin"), _looks, bare_length),
    Rule("PASSWORD", rf"(?i)(?:^|[^\p{{L}}])(?:{PASSWORD}|pw|pwd|pass|pin)\s+(?:[\p{{L}}-]{{1,12}}\s+){{0,2}}{_QUOTED}", (*PASSWORD_ANCHORS, "pw", "pin"), lambda hit: quoted_password(hit) and classes(hit.value) >= 2 and " " not in hit.value),
    Rule("PASSWORD", rf"(?i)(?:log(?:ged|in|ging)?[ -]?(?:in|on)?|sign(?:ed)? in|connect(?:ed)?|auth(?:enticated)?|anmelden|angemeldet|einloggen|eingeloggt|entrar|connecter|zugang|access|ssh)[^\n]{{0,40}}?\s(?:with|using|as|mit|als|con|avec)\s+[\p{{L}}0-9_.@\\-]{{2,40}}\s{{0,2}}(?:/|:|,|and|und|y|et|\|)\s{{0,2}}{_WORD}", ("with", "using", "as ", "mit", "als", "con", "avec"), _pair, bare_length),
    Rule("PASSWORD", rf"(?i)(?:^|[^\p{{L}}])(?:user(?:name)?|login|creds?|credentials?|account|benutzer(?:name)?|zugangsdaten|usuario|utilisateur|identifiants?|logon)[^\n\p{{L}}0-9]{{1,4}}(?:(?:is|are|for|für|para|pour|:|=)\s+)?(?:[\p{{L}}0-9 ]{{1,24}}:\s?)?[\p{{L}}0-9_.@\\-]{{2,60}}\s{{0,2}}(?:/|:|\||,)\s{{0,2}}{_WORD}", ("user", "login", "cred", "account", "benutzer", "zugangsdaten", "usuario", "utilisateur", "identifiant", "logon"), _pair, bare_length),
    Rule("PASSWORD", rf"(?i)(?:use|try|enter|type|used|verwende|nimm|eingeben|usa|prueba|utilise|essaie)\s+{_WORD}\s+(?:as|for|to log|als|für|como|para|comme|pour)\s+(?:the\s+|its\s+|das\s+|la\s+|le\s+)?(?:\S+\s+)?(?:{PASSWORD}|login|pw|sudo|root)", (*PASSWORD_ANCHORS, "login", "pw", "sudo", "root"), _looks),
    Rule("PASSWORD", rf"(?i){_WORD}\s+(?:is|was|ist|war|es|est)\s+(?:the|my|our|your|its|his|her|das|mein|unser|dein|la|mi|le|mon|notre)\s+(?:\S+\s+){{0,2}}?(?:{PASSWORD}|pw)\b", (*PASSWORD_ANCHORS, "pw"), lambda hit: said_password(hit) and classes(hit.value) >= 3),
    # However it is told: a password is spoken of, and something on the same line can hardly be anything else.
    Rule("PASSWORD", rf"(?i)(?:^|[^\p{{L}}])(?:{PASSWORD}|{SHORT})[^\p{{L}}][^\n]{{0,100}}?(?:[:=]|\s(?:is|are|to|was|ist|lautet|auf|es|est|à|a|now|->))\s{{1,3}}{_WORD}", (*PASSWORD_ANCHORS, *SHORT_ANCHORS), _unmistakable, bare_length),
    Rule("PASSWORD", rf"(?i)(?:^|[^\p{{L}}])(?:{PASSWORD}|{SHORT})[^\p{{L}}][^\n]{{0,100}}(?:[:=]|\s(?:is|are|to|was|ist|lautet|auf|es|est|à|a|now|->))\s{{1,3}}{_WORD}", (*PASSWORD_ANCHORS, *SHORT_ANCHORS), _unmistakable, bare_length),
    Rule("PASSWORD", rf"(?i)(?:use|using|used|with|try|tried|via|verwende|nimm|mit|usa|con|avec|utilise)\s+[\p{{L}}][\p{{L}}0-9_.\\-]{{1,30}}\s?[/:]\s?{_WORD}", ("us", "with", "tr", "via", "verwende", "nimm", "mit", "con", "avec"), _unmistakable, bare_length),
    Rule("PASSWORD", rf"(?i)\s(?:as|als|como|user|comme)\s+[\p{{L}}0-9_.@\\-]{{2,40}}\s+(?:with|using|and|mit|und|con|y|avec|et)\s+(?:the\s+)?(?:(?:{PASSWORD}|pw)\s+)?{_WORD}", ("as ", "als", "como", "user", "comme"), _unmistakable, bare_length),
    # --- told: keys and tokens
    Rule("SECRET", rf"(?i)\b(?:{TOKEN}|key){_FOR}(?:{_IS}|\s{{1,3}}){_WORD}", TOKEN_ANCHORS, said_token, bare_length),
    Rule("SECRET", r"(?i)\b([A-Z0-9_]*(?:_|\b)KEY)\s{0,2}=\s{0,2}[\"']?([^\s\"']{16,})", ("key",), _named_key, bare_length),
    Rule("SEED_PHRASE", r"(?i)\b(?:seed|mnemonic|recovery)[ _-]?(?:phrase|words)?\s{0,3}[:=]\s{0,3}[\"']?((?:[a-z]{3,8}\s+){11,23}[a-z]{3,8})\b", ("seed", "mnemonic", "recovery")),
)  # fmt: skip
