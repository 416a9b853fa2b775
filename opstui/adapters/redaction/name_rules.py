"""Names of people and where they live: only beside a word that says so, or in the shape of an address."""

from __future__ import annotations

from opstui.adapters.redaction import people
from opstui.adapters.redaction.rules import Rule

_UP = r"\p{Lu}[\p{L}'’-]*\p{Ll}"
_NAME = (
    rf"(?:{_UP}|\p{{Lu}}\.)(?:[ \t](?:van|von|de|der|den|la|di|da|dos|del|el|al|bin|ibn|ter|zu|af|av|le"
    rf"|du))*(?:[ \t](?:(?:van|von|de|der|den|la|di|da|dos|del|el|al|bin|ibn|ter|zu|af|av|le"
    rf"|du)[ \t]){{0,2}}(?:{_UP}|\p{{Lu}}\.)){{1,3}}"
)
_BY = (
    r"(?i:assigned to|reassigned to|assignee|reported by|reporter|requested by|requester|requestor"
    r"|raised by|opened by|submitted by|created by|closed by|logged by|filed by|caller|called by"
    r"|contact person|contact name|customer name|cardholder|cardholder name|account holder|patient"
    r"|patient name|employee name|client name|end user|affected user|on behalf of|spoke (?:to|with)"
    r"|talked to|call(?:ed)? from|escalated (?:to|by)|approved by|approver|signed by|signed|full name"
    r"|surname|my name is|attn|attention|c/o|kind regards|best regards|regards|sincerely"
    r"|mit freundlichen grüßen|viele grüße|freundliche grüße|saludos|un saludo|cordialement"
    r"|bien à vous|gemeldet von|zugewiesen an|ansprechpartner(?:in)?|mitarbeiter(?:in)?|anrufer(?:in)?"
    r"|name des kunden|vor- und nachname|bearbeiter(?:in)?|asignado a|reportado por|solicitante"
    r"|assigné à|signalé par|demandeur|tilldelad|anmäld av)"
)
"""A name may follow at once."""
_OF = (
    r"(?i:author|owner|customer|client|contact|manager|supervisor|recipient|beneficiary|passenger|guest"
    r"|student|user|name|cc|kunde|kundin|nombre|cliente|contacto|nom|kontakt|von|from|thanks|cheers|best"
    r"|gruß|mvh|groeten|i am|this is|name is)"
)
"""Words of many uses: a name is expected only behind a colon, or on the next line."""
_STREET = (
    r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq"
    r"|terrace|way|close|crescent|parkway|pkwy|highway|hwy|row|quay|mews|gardens|grove|hill|alley|circle"
    r"|cir)"
)
_EURO_STREET = (
    r"(?:\p{Lu}[\p{L}-]*(?:straße|strasse|str\.|gasse|weg|allee|platz|damm|ufer|gatan|vägen|gata"
    r"|väg|straat|laan|plein|sgade|vej|veien|katu))"
)
_EURO_ANCHORS = tuple(
    "stra str. gasse weg allee platz damm ufer ring gata väg laan plein gade vej gate veien katu tie".split()
)

RULES = (
    # --- names and addresses: only beside a word that says so
    Rule(
        "PERSON",
        rf"(?:^|[^\p{{L}}]){_BY}(?:[ \t]{{0,2}}[:=,][ \t]{{0,3}}|[ \t]{{1,3}}"
        rf"|,?[ \t]{{0,3}}\n{{1,2}}[ \t]{{0,3}})[\"']?({_NAME})",
        (" ", ":", "="),
        people.person,
    ),
    Rule(
        "PERSON",
        rf"(?:^|[\n|*(,;-][ \t]{{0,4}})[*_]{{0,2}}{_OF}[*_]{{0,2}}(?:[ \t]{{0,2}}:[*_]{{0,2}}[ \t]{{0,3}}"
        rf"|,[ \t]{{0,3}}\n{{1,2}}[ \t]{{0,3}})({_NAME})",
        (":", ","),
        people.person,
    ),
    Rule(
        "PERSON",
        rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herrn?|Frau|Hr|Fr|Señora?|Sra?|Srta|Don|Doña|Monsieur|Madame|Mme"
        rf"|Mlle|Signora?|Dhr|Mevr)\.?[ \t]((?:(?:Dr|Prof)\.?[ \t])?{_UP}(?:[ \t](?:(?:van|von|de|der|den|la"
        rf"|di|da|del)[ \t]){{0,2}}{_UP}){{0,2}})",
        (
            "mr",
            "mrs",
            "ms",
            "miss",
            "mx",
            "dr",
            "prof",
            "herr",
            "frau",
            "hr",
            "fr",
            "se",
            "sr",
            "don",
            "do",
            "mon",
            "mad",
            "mme",
            "mlle",
            "sig",
            "dhr",
            "mevr",
        ),
        people.person,
    ),
    Rule(
        "PERSON",
        rf"(?im:^[ \t]*(?:hi|hello|hey|dear|hallo|liebe[r]?|guten (?:morgen|tag)|hola|estimad[oa]|bonjour"
        rf"|cher|chère|ciao|hej)[ \t]+)({_NAME})[ \t]{{0,2}}[,!\n]",
        (
            "hi",
            "hello",
            "hey",
            "dear",
            "hallo",
            "liebe",
            "guten",
            "hola",
            "estimad",
            "bonjour",
            "cher",
            "chère",
            "ciao",
            "hej",
        ),
        people.person,
    ),
    Rule("PERSON", rf"({_NAME})[ \t]{{1,2}}[<(][^<>()\s]{{1,64}}@[^<>()\s]{{3,64}}[>)]", ("@",), people.person),
    Rule(
        "PERSON",
        rf"(?i:\b(?:first|last|full|given|family|sur|middle|customer|contact|cardholder|vor"
        rf"|nach)[_ -]?name)[\"']?\s{{0,3}}[:=]\s{{0,3}}[\"']?({_UP}(?:[ \t]{_UP}){{0,3}})",
        ("name",),
        people.person,
    ),
    Rule(
        "ADDRESS",
        rf"(?i:(?:^|[^\p{{L}}0-9#.-]))([0-9]{{1,5}}[a-zA-Z]?,?[ \t](?:(?:[NSEW]\.?|North|South|East|West|Old"
        rf"|New|Upper|Lower)[ \t])?(?:\p{{Lu}}[\p{{L}}'’.-]+[ \t]){{1,4}}(?i:{_STREET})\b\.?(?:,?[ \t](?i:apt"
        rf"|apartment|suite|ste|unit|floor|fl"
        rf"|#)\.?[ \t]?[0-9A-Za-z-]{{1,6}})?(?:,[ \t]\p{{Lu}}[\p{{L}} .'-]{{1,30}})?(?:,[ \t][A-Z]{{2}}[ \t]"
        rf"[0-9]{{5}}(?:-[0-9]{{4}})?|,?[ \t][A-Z]{{1,2}}[0-9][A-Z0-9]?[ \t]?[0-9][A-Z]{{2}})?)",
        (" st", " av", " r", " bo", " bl", " l", " d", " c", " p", " s", " t", " w", " h", " q", " m", " g", " a"),
    ),
    Rule(
        "ADDRESS",
        rf"((?:[0-9]{{1,4}}[ \t])?{_EURO_STREET}[ \t][0-9]{{1,4}}[ \t]?[a-zA-Z]?\b(?:,?[ \t](?:"
        rf"[A-Z]{{1,2}}-)?[0-9]{{4,5}}[ \t]\p{{Lu}}[\p{{L}}-]+)?)",
        _EURO_ANCHORS,
    ),
    Rule(
        "ADDRESS",
        rf"(?:^|[^\p{{L}}0-9])([0-9]{{1,4}}[ \t]{_EURO_STREET})\b",
        _EURO_ANCHORS,
    ),
    Rule(
        "ADDRESS",
        r"(?:^|[^\p{L}0-9])((?i:calle|c/|avda\.?|avenida|plaza|paseo|carrer|ronda|rua|via|viale|piazza"
        r"|corso)[ \t](?:(?i:de|del|la|las|los|el|da|do|dos|della"
        r"|di)[ \t]){0,3}\p{Lu}[\p{L}'’-]+(?:[ \t](?:(?i:de|del|la|y"
        r"|e)[ \t]){0,2}\p{Lu}[\p{L}'’-]+){0,3},?[ \t](?:n[º°o]\.?[ \t]?)?[0-9]{1,4}(?:,?[ \t][0-9]"
        r"[º°ªa-z]{1,3}[A-Z]?)?(?:,?[ \t][0-9]{5}[ \t]\p{Lu}[\p{L}-]+)?)",
        ("calle", "c/", "avda", "avenida", "plaza", "paseo", "carrer", "ronda", "rua", "via", "piazza", "corso"),
    ),
    Rule(
        "ADDRESS",
        r"(?:^|[^\p{L}0-9])([0-9]{1,4}(?:[ \t]?(?:bis|ter))?,?[ \t](?i:rue|avenue|av\.|boulevard|bd|place"
        r"|chemin|allée|impasse|quai|route|square|cours|passage)[ \t](?:(?i:de|du|des|la|le|les|l'|d'|saint"
        r"|sainte)[ \t]?){0,3}\p{Lu}?[\p{L}'’-]+(?:[ \t-]\p{Lu}[\p{L}'’-]+){0,3}(?:,?[ \t][0-9]{5}"
        r"[ \t]\p{Lu}[\p{L}-]+)?)",
        (
            "rue",
            "avenue",
            "av.",
            "boulevard",
            "bd",
            "place",
            "chemin",
            "allée",
            "impasse",
            "quai",
            "route",
            "square",
            "cours",
            "passage",
        ),
    ),
    Rule(
        "ADDRESS",
        r"(?i)\b(?:lives? at|resident of|home address|shipping address|billing address|delivery address"
        r"|postal address|ship(?:s|ped)? to|deliver(?:ed)? to|address|adresse|anschrift|dirección"
        r"|wohnhaft in|domicile|indirizzo|endereço|adress)\s{0,2}(?:is|ist|:"
        r"|=)?\s{0,3}([0-9]{1,5}[a-z]?[ \t](?-i:\p{Lu})[\p{L}'’.-]+(?:[ \t](?-i:\p{Lu})[\p{L}'’.-]+){0,4})",
        (
            "live",
            "resid",
            "address",
            "ship",
            "deliver",
            "adress",
            "anschrift",
            "direcc",
            "wohnhaft",
            "domicile",
            "indirizzo",
            "endereço",
        ),
    ),
    Rule("ADDRESS", r"(?i)\bp\.?\s?o\.?\s?box\s+[0-9]{1,6}", ("box",)),
)
