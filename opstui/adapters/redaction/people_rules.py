"""What belongs to people: the rules. Where a shape alone proves nothing, a word beside it or a check sum has to."""

from __future__ import annotations

from opstui.adapters.redaction import people
from opstui.adapters.redaction.rules import Rule

_MONTH = r"(?:jan|feb|mar|mär|mrz|apr|ma[iy]|jun|jul|aug|sept?|o[ck]t|nov|de[cz]|ene|abr|ago|dic|fév|avr|juin|juil|aoû|déc|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre)[\p{L}]*"
_DATE = (
    rf"(?:[0-9]{{4}}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}|[0-9]{{1,2}}[-/. ][0-9]{{1,2}}[-/. ](?:19|20)?[0-9]{{2}}|[0-9]{{1,2}}(?:st|nd|rd|th|\.)?\s(?:de\s)?{_MONTH},?\s(?:de\s)?[0-9]{{4}}"
    rf"|{_MONTH}\s[0-9]{{1,2}}(?:st|nd|rd|th)?,?\s[0-9]{{4}}|(?:19|20)[0-9]{{6}})"
)
_UP = r"\p{Lu}[\p{L}'’-]*\p{Ll}[\p{L}'’-]*"
_NAME = rf"(?:{_UP}|\p{{Lu}}\.)(?:[ \t](?:van|von|de|der|den|la|di|da|dos|del|el|al|bin|ibn|ter|zu|af|av|le|du))*(?:[ \t](?:(?:van|von|de|der|den|la|di|da|dos|del|el|al|bin|ibn|ter|zu|af|av|le|du)[ \t]){{0,2}}(?:{_UP}|\p{{Lu}}\.)){{1,3}}"
_BEHIND = (
    r"(?i:assigned to|reassigned to|assignee|reported by|reporter|requested by|requester|requestor|raised by|opened by|submitted by|created by|closed by|logged by|filed by|caller|called by|contact(?: person| name)?|customer(?: name)?|cardholder(?: name)?|account holder|patient(?: name)?|employee(?: name)?|client name|end user|affected user|on behalf of"
    r"|spoke (?:to|with)|talked to|call(?:ed)? from|escalated (?:to|by)|owner|approved by|approver|signed by|signed|author|from user|user name|full name|first name|last name|surname|my name is|name is|name|i am|this is|attn|attention|c/o|cc|manager|supervisor|recipient|beneficiary|passenger|guest|tenant name|student"
    r"|kind regards|best regards|regards|cheers|best|thanks|sincerely|mit freundlichen grüßen|viele grüße|freundliche grüße|gruß|saludos|un saludo|cordialement|bien à vous|mvh|groeten"
    r"|gemeldet von|zugewiesen an|ansprechpartner(?:in)?|kunde|kundin|mitarbeiter(?:in)?|anrufer(?:in)?|name des kunden|vor- und nachname|bearbeiter(?:in)?|von|asignado a|reportado por|cliente|solicitante|nombre|contacto|assigné à|signalé par|demandeur|nom|client|tilldelad|anmäld av|kontakt)"
)
_PHONE_WORD = r"(?i:phone|telephone|tel|mobile|cell(?:phone)?|fax|call(?: me| us| him| her| them| back)?(?: at| on| under)?|ring(?: me)?(?: on| at)?|reach(?:able)?(?: me| us)?(?: at| on| under)|sms|whatsapp|signal|hotline|callback|contact (?:no|number)|telefon(?:nummer)?|tel\.-?nr|handy(?:nummer)?|mobil(?:nummer)?|rufnummer|rückruf|durchwahl|erreichbar unter|teléfono|telefono|móvil|movil|celular|llamar al|téléphone|portable|appeler|joindre|puh|gsm|msisdn)"
_STREET = r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|square|sq|terrace|way|close|crescent|parkway|pkwy|highway|hwy|row|quay|mews|gardens|grove|hill|alley|circle|cir)"
_EURO_STREET = r"(?:\p{Lu}[\p{L}-]*(?:straße|strasse|str\.|gasse|weg|allee|platz|damm|ufer|ring|gatan|vägen|gata|väg|straat|laan|plein|gade|vej|gate|veien|katu|tie))"

RULES = (
    Rule("EMAIL", r"(?i)(?:^|[^a-z0-9._%+-])([0-9\p{L}][0-9\p{L}._%+'-]*@(?:[0-9\p{L}][0-9\p{L}-]*\.)+[\p{L}]{2,24})", ("@",), people.email),
    Rule("EMAIL", r"(?i)\b([a-z0-9._+-]{1,64}\s?(?:\[at\]|\(at\)|\{at\})\s?(?:[a-z0-9-]{1,63}\s?(?:\.|\[dot\]|\(dot\))\s?){1,4}[a-z]{2,12})\b", ("[at]", "(at)", "{at}")),
    Rule("PHONE", r"(?:^|[^A-Za-z0-9+._/-])((?:\+[1-9][0-9]{0,2}|00[1-9][0-9]{0,2}[ ./-])(?:[ .\x{a0}/-]{0,2}\(?[0-9]{1,5}\)?){2,7})(?:[^A-Za-z0-9]|$)", ("+", "00"), people.phone),
    Rule("PHONE", r"(?:^|[^A-Za-z0-9+.-])(\([0-9]{3}\)\s?[0-9]{3}[ .-][0-9]{4})(?:[^0-9]|$)", ("(",), people.phone_in_context),
    Rule("PHONE", rf"(?:^|[^\p{{L}}]){_PHONE_WORD}(?:\.|\s?(?:no|nr|number|nummer|numéro|número|#)\.?)?(?:\s(?:is|ist|lautet|es|est|=))?[\s:=()]{{0,4}}(\+?[0-9(][0-9 ()./\x{{a0}}-]{{5,18}}[0-9])(?:[^0-9A-Za-z]|$)", ("phone", "tel", "mobil", "cell", "fax", "call", "ring", "reach", "sms", "whatsapp", "signal", "hotline", "contact", "handy", "ruf", "durchwahl", "erreichbar", "móvil", "movil", "celular", "llamar", "portable", "appeler", "joindre", "puh", "gsm", "msisdn"), people.phone_in_context),
    Rule("PHONE", r"(?:^|[^A-Za-z0-9.+-])([2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4})(?:[^0-9A-Za-z-]|$)", ("-",), people.phone_in_context),
    Rule("IBAN", r"\b([A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,4})?)\b", ("",), people.iban),
    Rule("IBAN", r"\b([A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[0-9]{1,4})?)\b", ("",), people.iban),
    Rule("CARD", r"(?:^|[^A-Za-z0-9])([2-6](?:[0-9]{12,18}|[0-9]{3}(?:[ .-][0-9]{4}){2}[ .-][0-9]{1,7}|[0-9]{3}[ .-][0-9]{6}[ .-][0-9]{4,5}))(?:[^A-Za-z0-9]|$)", ("",), people.card),
    Rule("CARD", r"(?i)\b(?:cvv2?|cvc2?|cid|security code|prüfnummer|kartenprüfnummer)\s{0,2}(?:is|ist|:|=)?\s{0,2}([0-9]{3,4})\b", ("cvv", "cvc", "cid", "security code", "prüfnummer")),
    Rule("IP", r"(?:^|[^A-Za-z0-9.])((?:[0-9]{1,3}\.){3}[0-9]{1,3})(?:[^0-9A-Za-z]|$)", (".",), people.public_address),
    Rule("IP", r"(?i)(?:^|[^a-z0-9:.])([0-9a-f]{1,4}(?::[0-9a-f]{0,4}){2,7}(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3})?)(?:[^a-z0-9:]|$)", (":",), people.public_address),
    Rule("MAC", r"(?i)(?:^|[^0-9a-z:-])([0-9a-f]{2}(?::[0-9a-f]{2}){5}|[0-9a-f]{2}(?:-[0-9a-f]{2}){5})(?:[^0-9a-z]|$)", (":", "-"), people.mac),
    Rule("MAC", r"(?i)(?:^|[^0-9a-z.])([0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})(?:[^0-9a-z.]|$)", (".",), people.mac),
    Rule("MAC", r"(?i)\bmac(?:[ _-]?addr(?:ess)?)?[\s:=]{1,3}([0-9a-f]{12})\b", ("mac",)),
    # --- days of birth
    Rule("BIRTHDAY", rf"(?i)\b(?:d\.?o\.?b\.?|date[ _]of[ _]birth|birth[ _-]?(?:date|day)|born(?: on)?|geb(?:oren|urtsdatum|urtstag)?\.?(?: am)?|fecha de nacimiento|nacid[oa](?: el)?|f\. ?nac\.?|né(?:e)?(?: le)?|date de naissance|född|födelsedatum|nascido em|data di nascita|geboortedatum)[\"']?(?:\s(?:is|ist|es|est))?[\s:=\"']{{0,4}}({_DATE})", ("birth", "born", "dob", "d.o.b", "geb", "nac", "né", "naissance", "född", "födelse", "nascita", "geboorte", "nascido"), people.birth_date),
    # --- numbers that states give out
    Rule("ID_NUMBER", r"(?:^|[^A-Za-z0-9-])([0-9]{3}-[0-9]{2}-[0-9]{4})(?:[^0-9A-Za-z-]|$)", ("-",), people.ssn),
    Rule("ID_NUMBER", r"(?i)\b(?:ssn|social security(?: number| no\.?)?|itin)[\s:=#]{0,4}(?:is\s)?([0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{4})\b", ("ssn", "social security", "itin"), people.ssn),
    Rule("ID_NUMBER", r"\b([A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D])\b", ("",)),
    Rule("ID_NUMBER", r"(?i)\b(?:ni(?:no)?|national insurance|ni number|ni no\.?)(?:\s(?:number|no\.?))?[\s:=#]{0,4}(?:is\s)?([a-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[a-d])\b", ("ni", "insurance")),
    Rule("ID_NUMBER", r"(?i)\b(?:personnummer|person-?nr|pnr|personal identity number|organisationsnummer|samordningsnummer|cpr(?:-?nummer|-?nr)?|fødselsnummer|henkilötunnus|hetu)[\s:=#]{0,4}(?:är\s|is\s)?([0-9]{6,8}[-+ ]?[0-9]{3,5}[0-9A-Z]?)\b", ("person", "pnr", "cpr", "nummer", "henkil", "hetu")),
    Rule("ID_NUMBER", r"(?:^|[^0-9A-Za-z-])((?:19|20)?[0-9]{6}[-+][0-9]{4})(?:[^0-9A-Za-z-]|$)", ("-", "+"), people.personnummer),
    Rule("ID_NUMBER", r"(?i)\b(?:passport|passeport|pasaporte|reisepass|pass(?:nummer|-nr)|passaporto|paspoort)[a-z -]{0,12}(?:no|nr|num(?:ber|mer|ero|éro)?|#|n°|nº)?\.?[\s:=#]{0,4}(?:is\s|ist\s)?([A-Z]{0,3}[0-9][A-Z0-9]{5,9})\b", ("passport", "passeport", "pasaporte", "reisepass", "passnummer", "pass-nr", "passaporto", "paspoort"), people.has_digits),
    Rule("ID_NUMBER", r"(?i)\b([0-9]{8}[ -]?[A-HJ-NP-TV-Z]|[XYZ][ -]?[0-9]{7}[ -]?[A-HJ-NP-TV-Z])\b", ("",), people.spanish_id),
    Rule("ID_NUMBER", r"(?i)\b([12][ .]?[0-9]{2}[ .]?[0-9]{2}[ .]?(?:[0-9]{2}|2[AB])[ .]?[0-9]{3}[ .]?[0-9]{3}[ .]?[0-9]{2})\b", ("",), people.french_id),
    Rule("ID_NUMBER", r"\b([0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2})\b", (".",), people.brazilian_id),
    Rule("ID_NUMBER", r"(?i)\b(?:steuer-?(?:id(?:entifikationsnummer)?|nummer|nr\.?)|tax (?:id|number)|tin|sozialversicherungs-?(?:nummer|nr\.?)|sv-?nummer|rentenversicherungsnummer|krankenversicherten-?(?:nummer|nr\.?)|personalausweis(?:-?nummer|-?nr\.?)?|ausweisnummer|führerschein(?:-?nummer|-?nr\.?)?|driver'?s? licen[cs]e(?: number| no\.?)?|driving licen[cs]e(?: number| no\.?)?|dl no\.?|medicare(?: number| no\.?)?|nhs(?: number| no\.?)?|aadhaar|pan card|cpf|cnpj|curp|rfc|dni|nie|nif|cif|insee|numéro de sécurité sociale|n° de sécu|codice fiscale|bsn|burgerservicenummer|pesel|ein|abn|tfn|vat(?: number| no\.?| id)?|employee (?:id|number)|patient (?:id|number)|account (?:number|no\.?)|sort code|routing number|kontonummer|bic|bankleitzahl|blz|national id)[\s:=#]{0,4}(?:is\s|ist\s|es\s|est\s)?([A-Z]{0,4}[ -]?[0-9][A-Z0-9]*(?:[ ./-]?[A-Z0-9]{1,6}){1,6})\b", ("steuer", "tax", "tin", "versicher", "sv-", "svn", "ausweis", "führerschein", "licen", "dl no", "medicare", "nhs", "aadhaar", "pan card", "cpf", "cnpj", "curp", "rfc", "dni", "nie", "nif", "cif", "insee", "sécu", "codice", "bsn", "burger", "pesel", "ein", "abn", "tfn", "vat", "employee", "patient", "account", "sort code", "routing", "konto", "bic", "blz", "bankleitzahl", "national id"), people.has_digits),
    # --- names and addresses: only beside a word that says so
    Rule("PERSON", rf"(?:^|[^\p{{L}}]){_BEHIND}\s{{0,2}}[:=,]?[\"']?[ \t]{{0,3}}\n?[ \t]{{0,3}}[\"']?({_NAME})", (" ", ":", "="), people.person),
    Rule("PERSON", rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herrn?|Frau|Hr|Fr|Señora?|Sra?|Srta|Don|Doña|Monsieur|Madame|Mme|Mlle|Signora?|Dhr|Mevr)\.?[ \t]((?:(?:Dr|Prof)\.?[ \t])?{_UP}(?:[ \t](?:(?:van|von|de|der|den|la|di|da|del)[ \t]){{0,2}}{_UP}){{0,2}})", ("mr", "mrs", "ms", "miss", "mx", "dr", "prof", "herr", "frau", "hr", "fr", "se", "sr", "don", "do", "mon", "mad", "mme", "mlle", "sig", "dhr", "mevr"), people.person),
    Rule("PERSON", rf"(?im:^[ \t]*(?:hi|hello|hey|dear|hallo|liebe[r]?|guten (?:morgen|tag)|hola|estimad[oa]|bonjour|cher|chère|ciao|hej)[ \t]+)({_NAME})[ \t]{{0,2}}[,!\n]", ("hi", "hello", "hey", "dear", "hallo", "liebe", "guten", "hola", "estimad", "bonjour", "cher", "chère", "ciao", "hej"), people.person),
    Rule("PERSON", rf"({_NAME})[ \t]{{1,2}}[<(][^<>()\s]{{1,64}}@[^<>()\s]{{3,64}}[>)]", ("@",), people.person),
    Rule("PERSON", rf"(?i:\b(?:first|last|full|given|family|sur|display|middle|customer|contact|cardholder|user|vor|nach)[_ -]?name)[\"']?\s{{0,3}}[:=]\s{{0,3}}[\"']?({_UP}(?:[ \t]{_UP}){{0,3}})", ("name",), people.person),
    Rule("ADDRESS", rf"(?i:(?:^|[^\p{{L}}0-9#.-]))([0-9]{{1,5}}[a-zA-Z]?,?[ \t](?:(?:[NSEW]\.?|North|South|East|West|Old|New|Upper|Lower)[ \t])?(?:\p{{Lu}}[\p{{L}}'’.-]+[ \t]){{1,4}}(?i:{_STREET})\b\.?(?:,?[ \t](?i:apt|apartment|suite|ste|unit|floor|fl|#)\.?[ \t]?[0-9A-Za-z-]{{1,6}})?(?:,[ \t]\p{{Lu}}[\p{{L}} .'-]{{1,30}})?(?:,[ \t][A-Z]{{2}}[ \t][0-9]{{5}}(?:-[0-9]{{4}})?|,?[ \t][A-Z]{{1,2}}[0-9][A-Z0-9]?[ \t]?[0-9][A-Z]{{2}})?)", (" st", " av", " r", " bo", " bl", " l", " d", " c", " p", " s", " t", " w", " h", " q", " m", " g", " a")),
    Rule("ADDRESS", rf"((?:[0-9]{{1,4}}[ \t])?{_EURO_STREET}[ \t][0-9]{{1,4}}[ \t]?[a-zA-Z]?\b(?:,?[ \t](?:[A-Z]{{1,2}}-)?[0-9]{{4,5}}[ \t]\p{{Lu}}[\p{{L}}-]+)?)", ("stra", "str.", "gasse", "weg", "allee", "platz", "damm", "ufer", "ring", "gata", "väg", "laan", "plein", "gade", "vej", "gate", "veien", "katu", "tie")),
    Rule("ADDRESS", rf"(?:^|[^\p{{L}}0-9])([0-9]{{1,4}}[ \t]{_EURO_STREET})\b", ("stra", "str.", "gasse", "weg", "allee", "platz", "damm", "ufer", "ring", "gata", "väg", "laan", "plein", "gade", "vej", "gate", "veien", "katu", "tie")),
    Rule("ADDRESS", r"(?:^|[^\p{L}0-9])((?i:calle|c/|avda\.?|avenida|plaza|paseo|carrer|ronda|rua|via|viale|piazza|corso)[ \t](?:(?i:de|del|la|las|los|el|da|do|dos|della|di)[ \t]){0,3}\p{Lu}[\p{L}'’-]+(?:[ \t](?:(?i:de|del|la|y|e)[ \t]){0,2}\p{Lu}[\p{L}'’-]+){0,3},?[ \t](?:n[º°o]\.?[ \t]?)?[0-9]{1,4}(?:,?[ \t][0-9][º°ªa-z]{1,3}[A-Z]?)?(?:,?[ \t][0-9]{5}[ \t]\p{Lu}[\p{L}-]+)?)", ("calle", "c/", "avda", "avenida", "plaza", "paseo", "carrer", "ronda", "rua", "via", "piazza", "corso")),
    Rule("ADDRESS", r"(?:^|[^\p{L}0-9])([0-9]{1,4}(?:[ \t]?(?:bis|ter))?,?[ \t](?i:rue|avenue|av\.|boulevard|bd|place|chemin|allée|impasse|quai|route|square|cours|passage)[ \t](?:(?i:de|du|des|la|le|les|l'|d'|saint|sainte)[ \t]?){0,3}\p{Lu}?[\p{L}'’-]+(?:[ \t-]\p{Lu}[\p{L}'’-]+){0,3}(?:,?[ \t][0-9]{5}[ \t]\p{Lu}[\p{L}-]+)?)", ("rue", "avenue", "av.", "boulevard", "bd", "place", "chemin", "allée", "impasse", "quai", "route", "square", "cours", "passage")),
    Rule("ADDRESS", r"(?i)\b(?:lives? at|resident of|home address|shipping address|billing address|delivery address|postal address|ship(?:s|ped)? to|deliver(?:ed)? to|address|adresse|anschrift|dirección|wohnhaft in|domicile|indirizzo|endereço|adress)\s{0,2}(?:is|ist|:|=)?\s{0,3}([0-9]{1,5}[a-z]?[ \t](?-i:\p{Lu})[\p{L}'’.-]+(?:[ \t](?-i:\p{Lu})[\p{L}'’.-]+){0,4})", ("live", "resid", "address", "ship", "deliver", "adress", "anschrift", "direcc", "wohnhaft", "domicile", "indirizzo", "endereço")),
    Rule("ADDRESS", r"(?i)\bp\.?\s?o\.?\s?box\s+[0-9]{1,6}", ("box",)),
)  # fmt: skip
