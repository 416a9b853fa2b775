"""Secrets in requests: headers, cookies, URLs, one-time codes."""

from __future__ import annotations

import re

from opstui.adapters.redaction.password_words import looks_located
from opstui.adapters.redaction.request_checks import COMMON, is_basic, is_given
from opstui.adapters.redaction.rules import Hit, Rule
from opstui.adapters.redaction.values import bare_length, classes, is_filler, is_placeholder, is_strong, is_worded


def _credential(hit: Hit) -> bool:
    """A header's value. Schemes and words are no credentials."""
    value = hit.value
    if not is_given(hit) or is_filler(value) or looks_located(value):
        return False
    return len(value) >= 6 and (any(char.isdigit() for char in value) or (len(value) >= 16 and not is_worded(value)))


_SESSION = re.compile(
    r"sess|sid|auth|token|jwt|login|remember|identity|\.aspx|saml|csrf|xsrf|key|secret|connect|id$", re.IGNORECASE
)


def _cookie(hit: Hit) -> bool:
    """Cookies that stand for somebody; a theme or a language does not."""
    name, value = hit.groups[0], hit.groups[1]
    if is_placeholder(value) or is_filler(value):
        return False
    return (bool(_SESSION.search(name)) and len(value) >= 6) or is_strong(value, least=16)


def _in_url(hit: Hit) -> bool:
    value = hit.value
    return value.lower() not in COMMON and not is_placeholder(value) and not value.startswith(("$", "%(", "%s"))


def _query(hit: Hit) -> bool:
    return _in_url(hit) and (len(hit.value) >= 8 or classes(hit.value) >= 3) and not is_filler(hit.value)


_HEADERS = (
    r"x-[a-z-]*(?:api-?key|apikey|token|auth|secret|signature|password)[a-z-]*|[a-z-]*api-?key"
    r"|api-?token|apikey|private-token|job-token"
    r"|deploy-token|x-jfrog-art-api|x-octopus-apikey|x-vault-token|token|auth-token|access-token"
    r"|circle-token|dd-(?:api|application)-key"
)

RULES = (
    # --- headers
    Rule(
        "AUTHORIZATION",
        r"(?i)\b(?:proxy-)?authorization[\"'\x60]?\s{0,3}[:=,]\s{0,8}[\"'\x60]?(?:(?:bearer|token|digest"
        r"|negotiate|ntlm|apikey|api-token|api-key|key|splunk|geniekey|ssws|hmac|oauth|jwt|basic|bot"
        r"|pve[a-z]*)[\s:]+)?(?:token=)?[\"'\x60]?([^\s\"'\x60<>{}\[\],;]{6,})",
        ("authorization",),
        _credential,
    ),
    Rule(
        "BEARER_TOKEN",
        r"(?i)\bbearer[\s:=]+[\"'\x60]?([A-Za-z0-9._~+/=-]{16,})",
        ("bearer",),
        lambda hit: is_strong(hit.value, least=16),
    ),
    Rule("BASIC_AUTH", r"(?i)\bbasic\s+[\"'\x60]?([A-Za-z0-9+/_-]{10,}={0,2})", ("basic",), is_basic),
    Rule(
        "API_KEY",
        rf"(?i)(?:^|[\s\"'\x60{{,;])(?:{_HEADERS})[\"'\x60]?\s{{0,3}}:\s{{0,4}}"
        rf"[\"'\x60]?([^\s\"'\x60<>{{}},;]{{8,}})",
        ("token", "key", "auth", "secret", "jfrog", "signature", "password"),
        _credential,
    ),
    Rule(
        "API_KEY",
        r"(?i)(?:\s-H|--header)[\s=]{1,3}[\"']\s{0,2}[a-z0-9-]*(?:key|token|auth|secret"
        r"|pass)[a-z0-9-]*\s{0,2}:\s{0,4}([^\s\"'<>{}]{6,})",
        ("-h", "--header"),
        _credential,
    ),
    Rule("AWS_SIGNATURE", r"(?i)\bsignature\s?=\s?([0-9a-f]{64})\b", ("signature",)),
    # --- cookies
    Rule(
        "COOKIE",
        r"(?i)\b(?:set-)?cookie[\"']?\s{0,3}:\s{0,3}[\"']?([^\s=;\"']{1,60})=\"?([^\s;\"',]{6,})",
        ("cookie",),
        _cookie,
    ),
    Rule(
        "COOKIE",
        r"(?i)(?:^|[\s;\"',(])((?:[a-z0-9_.-]{0,30}sess(?:ion)?[a-z0-9_.-]{0,20}|jsessionid|phpsessid"
        r"|connect\.sid|asp\.net_sessionid|\.aspxauth|remember_token|auth_token|laravel_session"
        r"|_gitlab_session|grafana_session|sid|sessid|csrftoken))=\"?([^\s;\"',&<>]{8,})",
        ("sess", "sid", ".aspxauth", "remember_token", "auth_token", "csrftoken"),
        _cookie,
    ),
    # --- URLs
    Rule(
        "URL_PASSWORD",
        r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'<>]{0,120}:([^\s/\"'<>]{1,200}?)@[a-z0-9_.\[%$({-]",
        ("://",),
        _in_url,
    ),
    # A password with a slash or a quote in it, as long as the host after it looks like one.
    Rule(
        "URL_PASSWORD",
        r"(?i)\b(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|oracle|ldaps?|smtps?"
        r"|imaps?|s?ftp|jdbc:[a-z]+|nats|kafka|clickhouse|cockroachdb"
        r"|sqlserver)(?:\+[a-z0-9_]+)?://[^\s:/@]{0,120}:([^\s@]{1,200})@[a-z0-9_.-]+",
        ("://",),
        _in_url,
    ),
    Rule(
        "URL_TOKEN",
        r"(?i)\bhttps?://([A-Za-z0-9_=+-]{16,200})@[a-z0-9.-]+",
        ("@",),
        lambda hit: is_strong(hit.value, least=16),
    ),
    Rule("URL_TOKEN", r"(?i)\bhttps?://([A-Za-z0-9_-]{8,200}):x-oauth-basic@", ("x-oauth-basic",)),
    Rule(
        "URL_TOKEN",
        r"(?i)\bhttps?://x-(?:oauth-basic|access-token|token-auth):([^\s@/]{8,})@",
        ("x-oauth", "x-access", "x-token"),
    ),
    Rule(
        "URL_TOKEN",
        r"(?i)[?&#;](?:access_?token|refresh_?token|id_?token|auth_?token|api_?key|apikey|token|sig"
        r"|signature|secret|client_?secret|password|passwd|pwd|pass|auth|key|code|session(?:_?id)?|sid|jwt"
        r"|ticket|x-amz-(?:signature|security-token|credential)|x-goog-signature|private_?token|job_?token"
        r"|webhook_?key|hapikey|appid|sas)=([^\s&#\"'<>;]{4,})",
        ("=",),
        _query,
        bare_length,
    ),
    Rule(
        "URL_TOKEN",
        r"(?i)/(?:reset|invite|activate|confirm|verify|magic|unsubscribe)[a-z_-]*/([A-Za-z0-9_-]{20,})",
        ("/",),
        lambda hit: is_strong(hit.value, least=20) and classes(hit.value) >= 3,
    ),
    # --- one-time passwords
    Rule(
        "TOTP_SEED", r"(?i)otpauth(?:-migration)?://[^\s\"'<>]*?(?:secret|data)=([A-Za-z2-7%+/=_-]{8,})", ("otpauth",)
    ),
    Rule(
        "TOTP_SEED",
        r"(?i)\b(?:totp|2fa|mfa|otp|authenticator|two[- ]factor|zwei-?faktor)\b[^\n]{0,40}?(?:seed|secret"
        r"|key|setup code|schlüssel|code)?[^\nA-Za-z0-9]{1,6}(?:(?:is|ist|es"
        r"|est)\s+)?[\"'\x60]?([A-Z2-7]{16,64}={0,6}|[a-z2-7]{4}(?:[ -][a-z2-7]{4}){3,15}"
        r"|[A-Z2-7]{4}(?:[ -][A-Z2-7]{4}){3,15})(?:[^A-Za-z0-9]|$)",
        ("totp", "2fa", "mfa", "otp", "authenticator", "factor", "faktor"),
        lambda hit: sum(char.isdigit() for char in hit.value) >= 1 or len(hit.value) >= 24,
    ),
    Rule(
        "RECOVERY_CODE",
        r"(?i)\b(?:recovery|backup|scratch"
        r"|wiederherstellungs)[ -]?codes?\b[^\nA-Za-z0-9]{1,8}((?:[A-Za-z0-9]{4,10}-[A-Za-z0-9]{4,10}(?:-"
        r"[A-Za-z0-9]{4,10})*|[0-9]{8,10})(?:[\s,;]{1,3}(?:[A-Za-z0-9]{4,10}-[A-Za-z0-9]{4,10}"
        r"|[0-9]{8,10}))*)",
        ("recovery", "backup", "scratch", "wiederherstellung"),
        lambda hit: any(char.isdigit() for char in hit.value),
    ),
    Rule(
        "ONE_TIME_CODE",
        r"(?i)\b(?:otp|one[- ]time (?:code|password|pin)|verification code|sms[- ]code|2fa code|mfa code|tan"
        r"|bestätigungscode|código de verificación|code de vérification)\b(?:\s+(?:is|was|ist|lautet|es"
        r"|est))?[\s:=]{1,4}[\"']?([0-9]{4,8}|[0-9]{3}[ -][0-9]{3})\b",
        ("otp", "one-time", "one time", "code", "tan", "código"),
    ),
)
