"""Numbers and addresses that belong to people. Where a shape proves nothing, a word beside it or a check sum has to."""

from __future__ import annotations

from opstui.adapters.redaction import people
from opstui.adapters.redaction.rules import Rule

_MONTH = (
    r"(?:jan|feb|mar|mär|mrz|apr|ma[iy]|jun|jul|aug|sept?|o[ck]t|nov|de[cz]|ene|abr|ago|dic|fév|avr|juin"
    r"|juil|aoû|déc|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre"
    r"|diciembre)[\p{L}]*"
)
_DATE = (
    rf"(?:[0-9]{{4}}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}|[0-9]{{1,2}}[-/. ][0-9]{{1,2}}[-/. ](?:19"
    rf"|20)?[0-9]{{2}}|[0-9]{{1,2}}(?:st|nd|rd|th|\.)?\s(?:de\s)?{_MONTH},?\s(?:de\s)?[0-9]{{4}}"
    rf"|{_MONTH}\s[0-9]{{1,2}}(?:st|nd|rd|th)?,?\s[0-9]{{4}}|(?:19|20)[0-9]{{6}})"
)
_PHONE_WORD = (
    r"(?i:phone|telephone|tel|mobile|cell(?:phone)?|fax|call(?: me| us| him| her| them| back)?(?: at| on"
    r"| under)?|ring(?: me)?(?: on| at)?|reach(?:able)?(?: me| us)?(?: at| on| under)|sms|whatsapp"
    r"|signal|hotline|callback|contact (?:no|number)|telefon(?:nummer)?|tel\.-?nr|handy(?:nummer)?"
    r"|mobil(?:nummer)?|rufnummer|rückruf|durchwahl|erreichbar unter|teléfono|telefono|móvil|movil"
    r"|celular|llamar al|téléphone|portable|appeler|joindre|puh|gsm|msisdn)"
)

RULES = (
    Rule(
        "EMAIL",
        r"(?i)(?:^|[^a-z0-9._%+-])([0-9\p{L}][0-9\p{L}._%+'-]*@(?:[0-9\p{L}][0-9\p{L}-]*\.)+[\p{L}]{2,24})",
        ("@",),
        people.email,
    ),
    Rule(
        "EMAIL",
        r"(?i)\b([a-z0-9._+-]{1,64}\s?(?:\[at\]|\(at\)|\{at\})\s?(?:[a-z0-9-]{1,63}\s?(?:\.|\[dot\]"
        r"|\(dot\))\s?){1,4}[a-z]{2,12})\b",
        ("[at]", "(at)", "{at}"),
    ),
    Rule(
        "PHONE",
        r"(?:^|[^A-Za-z0-9+._/-])((?:\+[1-9][0-9]{0,2}"
        r"|00[1-9][0-9]{0,2}[ ./-])(?:[ .\x{a0}/-]{0,2}\(?[0-9]{1,5}\)?){2,7})(?:[^A-Za-z0-9]|$)",
        ("+", "00"),
        people.phone,
    ),
    Rule(
        "PHONE",
        r"(?:^|[^A-Za-z0-9+.-])(\([0-9]{3}\)\s?[0-9]{3}[ .-][0-9]{4})(?:[^0-9]|$)",
        ("(",),
        people.phone_in_context,
    ),
    Rule(
        "PHONE",
        rf"(?:^|[^\p{{L}}]){_PHONE_WORD}(?:\.|\s?(?:no|nr|number|nummer|numéro|número|#)\.?)?(?:\s(?:is|ist"
        rf"|lautet|es|est|=))?[\s:=()]{{0,4}}(\+?[0-9(][0-9 ()./\x{{a0}}-]{{5,18}}[0-9])(?:[^0-9A-Za-z]|$)",
        (
            "phone",
            "tel",
            "mobil",
            "cell",
            "fax",
            "call",
            "ring",
            "reach",
            "sms",
            "whatsapp",
            "signal",
            "hotline",
            "contact",
            "handy",
            "ruf",
            "durchwahl",
            "erreichbar",
            "móvil",
            "movil",
            "celular",
            "llamar",
            "portable",
            "appeler",
            "joindre",
            "puh",
            "gsm",
            "msisdn",
        ),
        people.phone_in_context,
    ),
    Rule(
        "PHONE",
        r"(?:^|[^A-Za-z0-9.+-])([2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4})(?:[^0-9A-Za-z-]|$)",
        ("-",),
        people.phone_in_context,
    ),
    Rule(
        "IBAN", r"\b([A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,4})?)\b", ("",), people.iban
    ),
    Rule("IBAN", r"\b([A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[0-9]{1,4})?)\b", ("",), people.iban),
    Rule(
        "CARD",
        r"(?:^|[^A-Za-z0-9])([2-6](?:[0-9]{12,18}|[0-9]{3}(?:[ .-][0-9]{4}){2}[ .-][0-9]{1,7}"
        r"|[0-9]{3}[ .-][0-9]{6}[ .-][0-9]{4,5}))(?:[^A-Za-z0-9]|$)",
        ("",),
        people.card,
    ),
    Rule(
        "CARD",
        r"(?i)\b(?:cvv2?|cvc2?|cid|security code|prüfnummer|kartenprüfnummer)\s{0,2}(?:is|ist|:"
        r"|=)?\s{0,2}([0-9]{3,4})\b",
        ("cvv", "cvc", "cid", "security code", "prüfnummer"),
    ),
    Rule("IP", r"(?:^|[^A-Za-z0-9.])((?:[0-9]{1,3}\.){3}[0-9]{1,3})(?:[^0-9A-Za-z]|$)", (".",), people.public_address),
    Rule(
        "IP",
        r"(?i)(?:^|[^a-z0-9:.])([0-9a-f]{1,4}(?::[0-9a-f]{0,4}){2,7}(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3})?)(?:"
        r"[^a-z0-9:]|$)",
        (":",),
        people.public_address,
    ),
    Rule(
        "MAC",
        r"(?i)(?:^|[^0-9a-z:-])([0-9a-f]{2}(?::[0-9a-f]{2}){5}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5})(?:[^0-9a-z]"
        r"|$)",
        (":", "-"),
        people.mac,
    ),
    Rule("MAC", r"(?i)(?:^|[^0-9a-z.])([0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})(?:[^0-9a-z.]|$)", (".",), people.mac),
    Rule("MAC", r"(?i)\bmac(?:[ _-]?addr(?:ess)?)?[\s:=]{1,3}([0-9a-f]{12})\b", ("mac",)),
    # --- days of birth
    Rule(
        "BIRTHDAY",
        rf"(?i)\b(?:d\.?o\.?b\.?|date[ _]of[ _]birth|birth[ _-]?(?:date|day)|born(?: on)?|geb(?:oren"
        rf"|urtsdatum|urtstag)?\.?(?: am)?|fecha de nacimiento|nacid[oa](?: el)?|f\. ?nac\.?|né(?:e)?(?: le)?"
        rf"|date de naissance|född|födelsedatum|nascido em|data di nascita|geboortedatum)[\"']?(?:\s(?:is|ist"
        rf"|es|est))?[\s:=\"']{{0,4}}({_DATE})",
        (
            "birth",
            "born",
            "dob",
            "d.o.b",
            "geb",
            "nac",
            "né",
            "naissance",
            "född",
            "födelse",
            "nascita",
            "geboorte",
            "nascido",
        ),
        people.birth_date,
    ),
    # --- numbers that states give out
    Rule("ID_NUMBER", r"(?:^|[^A-Za-z0-9-])([0-9]{3}-[0-9]{2}-[0-9]{4})(?:[^0-9A-Za-z-]|$)", ("-",), people.ssn),
    Rule(
        "ID_NUMBER",
        r"(?i)\b(?:ssn|social security(?: number| no\.?)?"
        r"|itin)[\s:=#]{0,4}(?:is\s)?([0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{4})\b",
        ("ssn", "social security", "itin"),
        people.ssn,
    ),
    Rule("ID_NUMBER", r"\b([A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D])\b", ("",)),
    Rule(
        "ID_NUMBER",
        r"(?i)\b(?:ni(?:no)?|national insurance|ni number|ni no\.?)(?:\s(?:number"
        r"|no\.?))?[\s:=#]{0,4}(?:is\s)?([a-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[a-d])\b",
        ("ni", "insurance"),
    ),
    Rule(
        "ID_NUMBER",
        r"(?i)\b(?:personnummer|person-?nr|pnr|personal identity number|organisationsnummer"
        r"|samordningsnummer|cpr(?:-?nummer|-?nr)?|fødselsnummer|henkilötunnus|hetu)[\s:=#]{0,4}(?:är\s"
        r"|is\s)?([0-9]{6,8}[-+ ]?[0-9]{3,5}[0-9A-Z]?)\b",
        ("person", "pnr", "cpr", "nummer", "henkil", "hetu"),
    ),
    Rule(
        "ID_NUMBER",
        r"(?:^|[^0-9A-Za-z-])((?:19|20)?[0-9]{6}[-+][0-9]{4})(?:[^0-9A-Za-z-]|$)",
        ("-", "+"),
        people.personnummer,
    ),
    Rule(
        "ID_NUMBER",
        r"(?i)\b(?:passport|passeport|pasaporte|reisepass|pass(?:nummer|-nr)|passaporto"
        r"|paspoort)[a-z -]{0,12}(?:no|nr|num(?:ber|mer|ero|éro)?|#|n°|nº)?\.?[\s:=#]{0,4}(?:is\s"
        r"|ist\s)?([A-Z]{0,3}[0-9][A-Z0-9]{5,9})\b",
        ("passport", "passeport", "pasaporte", "reisepass", "passnummer", "pass-nr", "passaporto", "paspoort"),
        people.has_digits,
    ),
    Rule(
        "ID_NUMBER",
        r"(?i)\b([0-9]{8}[ -]?[A-HJ-NP-TV-Z]|[XYZ][ -]?[0-9]{7}[ -]?[A-HJ-NP-TV-Z])\b",
        ("",),
        people.spanish_id,
    ),
    Rule(
        "ID_NUMBER",
        r"(?i)\b([12][ .]?[0-9]{2}[ .]?[0-9]{2}[ .]?(?:[0-9]{2}"
        r"|2[AB])[ .]?[0-9]{3}[ .]?[0-9]{3}[ .]?[0-9]{2})\b",
        ("",),
        people.french_id,
    ),
    Rule("ID_NUMBER", r"\b([0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2})\b", (".",), people.brazilian_id),
    Rule(
        "ID_NUMBER",
        r"(?i)\b(?:steuer-?(?:id(?:entifikationsnummer)?|nummer|nr\.?)|tax (?:id|number)|tin"
        r"|sozialversicherungs-?(?:nummer|nr\.?)|sv-?nummer|rentenversicherungsnummer"
        r"|krankenversicherten-?(?:nummer|nr\.?)|personalausweis(?:-?nummer|-?nr\.?)?|ausweisnummer"
        r"|führerschein(?:-?nummer|-?nr\.?)?|driver'?s? licen[cs]e(?: number| no\.?)?"
        r"|driving licen[cs]e(?: number| no\.?)?|dl no\.?|medicare(?: number| no\.?)?|nhs(?: number| no\.?)?"
        r"|aadhaar|pan card|cpf|cnpj|curp|rfc|dni|nie|nif|cif|insee|numéro de sécurité sociale|n° de sécu"
        r"|codice fiscale|bsn|burgerservicenummer|pesel|ein|abn|tfn|vat(?: number| no\.?| id)?"
        r"|employee (?:id|number)|patient (?:id|number)|account (?:number|no\.?)|sort code|routing number"
        r"|kontonummer|bic|bankleitzahl|blz|national id)[\s:=#]{0,4}(?:is\s|ist\s|es\s"
        r"|est\s)?([A-Z]{0,4}[ -]?[0-9][A-Z0-9]*(?:[ ./-]?[A-Z0-9]{1,6}){1,6})\b",
        (
            "steuer",
            "tax",
            "tin",
            "versicher",
            "sv-",
            "svn",
            "ausweis",
            "führerschein",
            "licen",
            "dl no",
            "medicare",
            "nhs",
            "aadhaar",
            "pan card",
            "cpf",
            "cnpj",
            "curp",
            "rfc",
            "dni",
            "nie",
            "nif",
            "cif",
            "insee",
            "sécu",
            "codice",
            "bsn",
            "burger",
            "pesel",
            "ein",
            "abn",
            "tfn",
            "vat",
            "employee",
            "patient",
            "account",
            "sort code",
            "routing",
            "konto",
            "bic",
            "blz",
            "bankleitzahl",
            "national id",
        ),
        people.has_digits,
    ),
)
