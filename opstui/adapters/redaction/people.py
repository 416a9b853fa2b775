"""Checks of what belongs to people: sums of cards and accounts, addresses on the net, numbers that states give out."""

from __future__ import annotations

import re
from functools import lru_cache

from opstui.adapters.redaction.rules import Hit

_BY_LENGTH = {
    15: "NO",
    16: "BE",
    18: "DK FI FO GL NL",
    19: "MK SI",
    20: "AT BA EE KZ LT LU XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HU LB PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU",
    31: "MT SC",
    32: "LC",
}
IBAN_LENGTHS = {country: length for length, countries in _BY_LENGTH.items() for country in countries.split()}
"""Country → characters of an IBAN, as the registry of SWIFT has it."""


def digits(value: str) -> str:
    """Only the digits of it."""
    return "".join(char for char in value if "0" <= char <= "9")


def luhn(number: str) -> bool:
    """Whether the check digit of a card (or of a Swedish person number) is right."""
    total = 0
    for at, char in enumerate(reversed(number)):
        digit = int(char)
        if at % 2:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
    return total % 10 == 0


def iban(hit: Hit) -> bool:
    """Length of the country, and modulo 97 (ISO 13616)."""
    value = re.sub(r"[\s-]", "", hit.value).upper()
    if IBAN_LENGTHS.get(value[:2]) != len(value):
        return False
    turned = value[4:] + value[:4]
    return int("".join(str(int(char, 36)) for char in turned)) % 97 == 1


_OF_CARDS = re.compile(r"(?i)card|karte|tarjeta|carte|visa|master|amex|pan\b|cc\b|kort")


def card(hit: Hit) -> bool:
    """A length and a beginning that a brand has, and Luhn; no epoch, no id in a path."""
    number = digits(hit.value)
    if len(set(number)) < 2 or not luhn(number) or hit.before[-1:] in tuple("-._/#@"):
        return False
    lengths = {"4": (13, 16, 19), "5": (16,), "2": (16,), "3": (14, 15, 16), "6": (16, 17, 18, 19)}
    if len(number) not in lengths.get(number[0], ()):
        return False
    if len(number) not in (15, 16) and number == hit.value and not _OF_CARDS.search(hit.before):
        return False  # ids of 13 or 19 digits are common, such cards are not
    if number[0] == "2":
        return 2221 <= int(number[:4]) <= 2720
    if number[0] == "3":
        return number[:2] in ("30", "34", "35", "36", "37", "38", "39")
    if number[0] == "5":
        return "50" <= number[:2] <= "58"
    return True


_ROLES = frozenset("git noreply no-reply donotreply do-not-reply mailer-daemon postmaster root".split())
_INSIDE = frozenset(
    "internal local localdomain lan localhost svc cluster corp intranet home arpa test invalid pod".split()
)
_NO_TLD = frozenset(
    (
        "py js ts go rs sh md txt json yaml yml xml html conf cfg log service socket timer mount target path slice"
        " png svg jpg gif css jar so"
    ).split()
)


def email(hit: Hit) -> bool:
    """An address of a person; not ``git@github.com:…``, ``deploy@web-1.prod.internal`` or a systemd unit."""
    local, _, host = hit.value.rpartition("@")
    if (
        local.lower() in _ROLES
        or hit.before.endswith("$")
        or (hit.before.endswith("://") and not hit.before.endswith("mailto://"))
    ):
        return False
    last = host.rpartition(".")[2].lower()
    if last in _NO_TLD:
        return False
    if last in _INSIDE:
        return "." in local
    # ``ssh deploy@host.example.com`` and ``deploy@host.example.com:/srv`` name machines.
    if re.search(r"\b(?:ssh|scp|sftp|rsync|mosh|ssh-copy-id)\b[^,;]*$", hit.before) or re.match(r":[/~\w]", hit.after):
        return "." in local
    return True


def phone(hit: Hit) -> bool:
    """International: plus, and 8 to 15 digits (E.164)."""
    return 8 <= len(digits(hit.value)) <= 15 and len(set(digits(hit.value))) > 2


def phone_in_context(hit: Hit) -> bool:
    """7 to 15 digits behind a word for telephone; no date, no address on the net."""
    count = len(digits(hit.value))
    return 6 <= count <= 15 and not re.fullmatch(r"\d{4}-\d\d-\d\d|\d{1,3}(?:\.\d{1,3}){3}", hit.value.strip())


_OPEN_RESOLVERS = frozenset(
    ("8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 9.9.9.9 149.112.112.112 208.67.222.222 208.67.220.220 4.2.2.1 4.2.2.2").split()
)


def public_address(hit: Hit) -> bool:
    """An IPv4 or IPv6 address that can be somebody's: no private, local or documentation range, no version number."""
    if re.search(
        r"(?i)(?:\bv|version|release|build|ver\.?|==|~=|>=|<=|@|\bfirmware|\boid)\s*[:=]?\s*$", hit.before
    ) or re.match(r"[-+]\d|\.\d|-[A-Za-z]|/(?:8|9|1\d|2[0-4])\b", hit.after):
        return False
    value = hit.value.strip("[]")
    if _looks_like_a_version(value):
        told = _OF_HOSTS.search(hit.before) or re.match(r":[0-9]", hit.after)
        if not told or _OF_VERSIONS.search(hit.before):
            return False
    return _is_public(value)


_OF_HOSTS = re.compile(
    r"(?i)\b(?:ips?|ipv4|addr|address|hosts?|src|dst|source|peer|remote|from|login|connect\w*|allow\w*|block\w*|deny|ban\w*"
    r"|whois|ping|dig|traceroute|ssh|at|gateway|dns|A)\b\W{0,3}(?:\w+\W{1,2})?$|[=(]\s?$"
)
_OF_VERSIONS = re.compile(r"(?i)version|upgrad|update|bump|release|:jar:|dependenc|build|jdk|jre")


def _looks_like_a_version(value: str) -> bool:
    """``2.9.10.3``: a small number first, and hardly a big one behind."""
    parts = value.split(".")
    return len(parts) == 4 and int(parts[0]) <= 30 and sum(int(part) <= 30 for part in parts[1:]) >= 2


@lru_cache(maxsize=4096)
def _is_public(value: str) -> bool:
    import ipaddress  # 5 ms, which only a session pays

    try:
        address = ipaddress.ip_address(value.partition("%")[0])
    except ValueError:
        return False
    if str(address) in _OPEN_RESOLVERS:
        return False
    if address.version == 6:
        return address.is_global and (int(address) >> 125) == 1
    return address.is_global and not address.is_multicast and not address.is_reserved and not value.startswith("0.")


def mac(hit: Hit) -> bool:
    """Six octets and no more: a fingerprint has sixteen. Not all the same."""
    if re.search(r"[0-9a-fA-F][:-]$", hit.before) or re.match(r"[:-][0-9a-fA-F]{2}", hit.after):
        return False
    return len(set(re.sub(r"[^0-9a-f]", "", hit.value.lower()))) > 2


def ssn(hit: Hit) -> bool:
    """A number that the Social Security Administration can have given out."""
    area, group, serial = hit.value[:3], digits(hit.value)[3:5], digits(hit.value)[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def personnummer(hit: Hit) -> bool:
    """A date, and Luhn over the last ten digits."""
    number = digits(hit.value)[-10:]
    month, day = int(number[2:4]), int(number[4:6])
    return 1 <= month <= 12 and (1 <= day <= 31 or 61 <= day <= 91) and luhn(number)


def spanish_id(hit: Hit) -> bool:
    """DNI and NIE: the letter is the number modulo 23."""
    value = re.sub(r"[\s.-]", "", hit.value).upper()
    number = {"X": "0", "Y": "1", "Z": "2"}.get(value[0], value[0]) + value[1:-1]
    return number.isdigit() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == value[-1]


def french_id(hit: Hit) -> bool:
    """NIR: 13 digits and a key that makes them 97."""
    value = re.sub(r"[\s.-]", "", hit.value).upper().replace("2A", "19").replace("2B", "18")
    return value.isdigit() and len(value) == 15 and 97 - int(value[:13]) % 97 == int(value[13:])


def brazilian_id(hit: Hit) -> bool:
    """CPF: two check digits modulo 11."""
    number = digits(hit.value)
    if len(number) != 11 or len(set(number)) == 1:
        return False
    for length in (9, 10):
        total = sum(int(number[at]) * (length + 1 - at) for at in range(length))
        if (total * 10 % 11) % 10 != int(number[length]):
            return False
    return True


def has_digits(hit: Hit) -> bool:
    """At least five digits: a number, not a word."""
    return len(digits(hit.value)) >= 5


_NOT_NAMES = frozenset(
    "team teams support service services desk ops operations engineering engineer engineers platform server"
    " servers connect monitor monitoring alert alerts group queue bot system systems platforms infra"
    " infrastructure network networks security database databases cloud data center centre on call oncall sre"
    " devops noc soc it hr admin administrator administrators department dept office level tier line first second"
    " third night day shift manager management lead helpdesk customer customers user users client clients account"
    " accounts billing payments payment sales marketing finance legal product release train region zone cluster"
    " node api gateway backend frontend web mobile app apps application core checkout auth identity search storage"
    " kafka redis jenkins github gitlab google amazon azure microsoft slack jira pagerduty datadog grafana"
    " prometheus kubernetes docker linux windows ubuntu debian red hat blue ocean sentinel elastic the this that"
    " these those a an and or for with without from monday tuesday wednesday thursday friday saturday sunday"
    " january february march july september october november december today tomorrow"
    " yesterday new old high low medium critical major minor unknown none north south east west eu us uk emea apac"
    " production staging prod dev test testing qa internal external public private automation automated agent"
    " agents runbook incident incidents problem change request ticket tickets error failure please thanks thank"
    " hello hi dear all everyone both no not yes montag dienstag mittwoch donnerstag freitag samstag sonntag"
    " betrieb abteilung kunde kunden nutzer benutzer bitte danke hallo guten morgen central main primary secondary"
    " global local edge delivery quality assurance site reliability response command commander standard priority"
    " access full token key client packaging context side squad crew tribe chapter apache hadoop spark java python"
    " gmbh inc ltd llc corp ag sa bank insurance university hospital institute solutions technologies software"
    " hardware labs group holding its his her their our your my who which what when where why how is are was were"
    " has have had would can could should must order orders invoice id name email phone address date status"
    " number version type city country state street".split()
)


def person(hit: Hit) -> bool:
    """Two to four capitalised words, none of which is a word of teams, products or days."""
    words = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", hit.value)
    return len(words) >= 1 and not any(
        word.lower() in _NOT_NAMES or (word.isupper() and len(word) > 2) for word in words
    )


def birth_date(hit: Hit) -> bool:
    """A day in the past hundred and twenty years, or a date in words."""
    years = re.findall(r"(?:19|20)\d\d", hit.value)
    return bool(years) or bool(re.fullmatch(r"\d{1,2}\D\d{1,2}\D\d{2}", hit.value))
