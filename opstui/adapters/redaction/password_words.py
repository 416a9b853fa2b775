"""The words beside which people and files keep secrets, and what a value beside them has to look like."""

from __future__ import annotations

import re

from opstui.adapters.redaction.rules import Hit
from opstui.adapters.redaction.values import (
    classes,
    is_filler,
    is_placeholder,
    is_reference,
    is_strong,
    is_uuid,
    is_worded,
)

PASSWORDS = (
    r"(?:security|secret|memorable)[_\s-]?(?:answer|word)s?"
    r" (?:access|door|gate|wi-?fi|alarm|entry)[_\s-]?(?:code|key)s? code[_\s](?:wi-?fi|d['’]accès)"
    r" zugangscode türcode pass[_\s-]?words? passwd passwort(?:e|es|s)? pass[_\s-]?phrase pass[_\s-]?code"
    r" pwd pswd psw pword passw kennwort(?:e|es)? contraseña contrasena contrasenya claves?"
    r" mots?[_\s-]?de[_\s-]?passe motdepasse mdp senhas? wachtwoord(?:en)? lösenord(?:et)? losenord(?:et)?"
    r" adgangskode passord salasana hasło haslo heslo jelszo jelszó parola parolă пароль пароля şifre sifre"
    r" パスワード 密码 密碼 비밀번호 codice[_\s]segreto palavra[-\s]passe"
).split(" ")
PASSWORD = "(?:" + "|".join(PASSWORDS) + ")"
"""RE2, to be used without regard to case."""
SHORT = r"(?:pass|pw|pin|psk|pwd|creds?|zugangsdaten|puk)"
"""Too short to be looked for inside of other words."""
TOKEN = (
    r"(?:secrets?|tokens?|api[ _.-]?keys?|apikeys?|(?:access|private|encryption|signing|auth|account"
    r"|master|shared|license|licence|service|storage"
    r"|application|app|app[ _.-]?secret|routing|integration|ingest|consumer|deploy|registry|session"
    r"|signature|hmac|aes|root|admin|subscription|host|function|data|kms|crypto|cipher|enc|jwt|seed"
    r"|salt)[ _.-]?keys?"
    r"|credentials?|auth[_.-]?token|authtoken|sessionid|session[_.-]id|bearer|schlüssel|zugangsschlüssel"
    r"|llave|clé[ _]api|client[_.-]?srt|pepper|hmac|seed[ _-]phrase|mnemonic)"
)
PASSWORD_ANCHORS = tuple(
    "answer memorable code wifi wi-fi access door gate alarm entry pass pwd psw pword mot palavra kennwort"
    " contrase clave mdp senha wachtwoord lösenord losenord adgangskode salasana hasło haslo heslo jelsz"
    " parola парол şifre sifre パスワード 密码 密碼 비밀번호 codice".split()
)
SHORT_ANCHORS = ("pass", "pw", "pin", "psk", "cred", "zugangsdaten", "puk")
TOKEN_ANCHORS = tuple(
    "secret token key credential auth session bearer schlüssel llave clé srt pepper hmac phrase mnemonic".split()
)

_ABOUT = re.compile(
    r"(?:[_.\s-]|(?<=[a-z0-9]))(?:id|ids|name|names|ref|refs|path|file|files|url|uri|endpoint|type|types"
    r"|count|length|size|ttl|expiry|expires?"
    r"|expires?_?(?:in|at|on)|expiration|version|versions|policy|policies|enabled|disabled|required"
    r"|limit|limits|rate|field|fields|header|headers|alg|algorithm"
    r"|label|arn|prefix|suffix|format|days|hours|minutes|seconds|age|rotation|rotated|status|state|reset"
    r"|hint|manager|provider|store|backend|mount|engine"
    r"|class|column|table|index|cache|bucket|source|issuer|audience|scope|scopes|usage|used|lifetime"
    r"|timeout|interval|created|updated|date|time|at|mode|strength|min|max|variable|var|env|key_?name"
    r"|kind|exists|valid|set|changed|accessor|fingerprint|email)s?$",
    re.IGNORECASE,
)
_PUBLIC = re.compile(
    r"public|publish|pub_?key|primary|foreign|partition|sort[_-]?key|cache|idempoten|(?:next|page"
    r"|continuation|sync|cancel\w*|csrf|xsrf|anti_?forgery|max|input|output|prompt|completion|total|num"
    r"|stop|pad|eos|bos|unk)[_. -]?tokens?|tokeni[sz]|token_bucket|keyboard|keyword|dataset|no_?pass"
    r"|bypass|compass|passenger|passthr|passive|passed|passes|passing|encompass|secretar|keyring"
    r"|secret_?name|secretkeyref|valuefrom|user_?secrets|shared_?secrets_?id|tokens?_?(?:used|per|count"
    r"|limit)|(?:input|output)_tokens",
    re.IGNORECASE,
)
_STATES = frozenset(
    "is was are be been the a an and or of for to in on at by with from not no yes true false null none nil"
    " undefined empty blank missing required optional invalid incorrect wrong valid correct expired expires"
    " unknown set unset reset changed change updated update rotated rotate disabled enabled locked unlocked"
    " encrypted hashed hidden stored saved sent shared given known same different new old temp temporary default"
    " string text password passwort pass secret token key value user username login failed failure failing fails"
    " error mismatch denied needed protected prompt prompts prompted field file manager vault policy"
    " authentication auth only again first then now still here there below above attached following rejected"
    " accepted ok okay works working broken working. see ask asks asked check please try use used uses using will"
    " would should must may can cannot can't doesn't does did has have had it its it's this that these those they"
    " we you he she i my your our their abgelaufen falsch richtig ungültig gesperrt geändert vergessen"
    " zurückgesetzt unbekannt nicht ist war wurde wird und oder der die das ein eine von für mit auf bei neu alt"
    " immer noch im in es está esta era caducada caducado incorrecta incorrecto olvidada olvidado cambiada válida"
    " inválida no del de la el los las un una y o que por para est était expiré expire incorrect oublié changé"
    " invalide le les des une et ou pas du dans string, str int bool boolean object bytes char varchar any number"
    " array list dict optional[str] secretstr required. everyone everybody nobody redacted removed masked withheld"
    " confidential private public internal external plain plaintext cleartext clear sensitive admin root"
    " in-transit less-than complexity length rotation expiry expiration recovery history hash hashing spray"
    " spraying guessing cracking keepass lastpass 1password bitwarden cyberark vault. separately verbally phone"
    " slack teams email mail chat ticket later soon today tomorrow yesterday monday".split()
)


_SOURCE_FILE = re.compile(r"\.(?:java|py|go|js|ts|rb|cc?|cpp|h|scala|kt|cs|php|rs)$", re.IGNORECASE)


def is_about(name: str) -> bool:
    """Whether something about a secret is named, not the secret: ``token_expiry``, ``passwordResetEnabled``."""
    return bool(_ABOUT.search(name) or _PUBLIC.search(name) or _SOURCE_FILE.search(name))


def assigned_password(hit: Hit) -> bool:
    """``db_password = …``: anything that is not plainly something else."""
    name, value = hit.groups[0], hit.value.strip()
    if is_about(name) or is_placeholder(value) or len(value) < 3:
        return False
    lower = value.lower().rstrip(".,;:!?")
    if lower in _STATES or (is_filler(value) and len(set(value.lower())) <= 2):
        return False
    if is_reference(value) or is_digest_name(value):
        return False
    if value.isdigit():
        return len(value) >= 4
    if value.isalpha() and (value.islower() or value.istitle()):
        # A plain word: a password only if it ends the line, for «password: reset by Dana» goes on.
        return (
            len(value) >= 5
            and not hit.after.strip(" \t\"'.,;)}]")
            and not lower.endswith(("ing", "ed", "able", "ible"))
        )
    return len(value) >= 4


_CIPHERS = "sha md5 aes rsa hmac bcrypt scrypt argon pbkdf ecdsa ed25519 x25519 tls ssl oauth".split()


def is_digest_name(value: str) -> bool:
    """Names of ciphers and hashes, which stand where a password is spoken of."""
    return (
        len(value) < 24
        and value.lower().startswith(tuple(_CIPHERS))
        and bool(re.fullmatch(r"[A-Za-z]{2,6}[-_]?[0-9a-zA-Z]{0,8}(?:[-_][0-9a-zA-Z]{1,8}){0,3}", value))
    )


def assigned_token(hit: Hit) -> bool:
    """``api_key: …``: as random as machines make them."""
    name, value = hit.groups[0], hit.value.strip()
    if is_about(name):
        return False
    if is_uuid(value):
        return True
    least = 6 if name.lower().endswith("secret") else 8
    return is_strong(value, least=least) and not is_digest_name(value) and not looks_located(value)


def looks_located(value: str) -> bool:
    """Hosts, versions, mail addresses, times: what has digits in it and is no secret."""
    return bool(
        (
            re.fullmatch(r"(?i)[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?(?:/\S*)?", value)
            and not re.search(r"[0-9a-z]{24,}", value, re.IGNORECASE)
            and (is_worded(value) or (value.count(".") >= 2 and not re.search(r"[A-Z]", value)))
        )
        or re.fullmatch(
            r"\d{4}-\d{2}-\d{2}(?:[T ][\d:.]+Z?)?|v?\d+(?:\.\d+)+\S{0,24}|\d+(?:\.\d+)?[a-zA-Z%/]{1,5}", value
        )
    )


_SAYS = re.compile(r"(?i)(?:\b(?:is|was|ist|war|lautet|es|era|est|était|é|är|to|auf)|[:=])\s*[\"'“„«\x60(<*]{0,2}$")
_DESCRIBES = (
    "ed ing able ible ic ive ory ful less ent ant al ous ly en ht ig lich isch bar ado ido ada ida ados idos ente"
    " ible ivo iva oso osa é ée és ées ide ect ect. igt ist ext ary ect dot ned own one old new ost ead ine. est"
    " ure ase".split()
)


def is_guessable(hit: Hit, value: str) -> bool:
    """A plain word that ends the sentence right behind «is»: a weak password, if it does not describe one."""
    lower = value.lower()
    return (
        value.isalpha()
        and len(value) >= 6
        and lower not in _STATES
        and not lower.endswith(tuple(_DESCRIBES))
        and bool(_SAYS.search(hit.before))
        and not hit.after.strip(" \t\"'.,;:!)”“»’*\x60")
    )


def said_password(hit: Hit) -> bool:
    """«the password is …»: what follows has to look like one, or be quoted, or end the sentence."""
    raw = hit.value.strip()
    value = raw.rstrip(".,;:")
    lower = value.lower().rstrip("!?")
    if (
        len(value) < 4
        or re.match(r"--?[a-z]", value)
        or lower in _STATES
        or is_placeholder(value)
        or is_reference(value)
        or is_digest_name(value)
    ):
        return False
    if re.fullmatch(r"[\d.,:%/-]+(?:st|nd|rd|th|d|h|min|s|x)?", value):
        return value.isdigit() and 4 <= len(value) <= 12
    if classes(value) >= 2 and not re.fullmatch(
        r"[A-Za-z]+(?:['’-][a-z]+)+|[A-Z][a-z]+(?:[A-Z][a-z]+)+|\w+/\w+", value
    ):
        return any(char.isdigit() for char in value) or classes(value) >= 3 or not value.replace("-", "").isalpha()
    return is_guessable(hit, value)


def said_token(hit: Hit) -> bool:
    """«the api key abc123… leaked»."""
    value = hit.value.strip().rstrip(".,;:")
    if re.match(r"[\w-]+=[^=]", value) or _PUBLIC.search(hit.before[-40:]):
        return False
    return is_uuid(value) or (is_strong(value, least=14) and not is_digest_name(value) and not looks_located(value))


def quoted_password(hit: Hit) -> bool:
    """What somebody quoted behind «the password is»."""
    value = hit.value.strip()
    return len(value) >= 3 and value.lower() not in _STATES and not is_placeholder(value)
