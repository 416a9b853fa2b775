"""Secrets in requests and commands: headers, cookies, URLs, and what is typed behind ``curl -u``."""

from __future__ import annotations

import base64
import binascii
import re

from opstui.adapters.redaction.password_words import looks_located
from opstui.adapters.redaction.rules import Hit, Rule
from opstui.adapters.redaction.values import bare_length, classes, is_filler, is_placeholder, is_strong, is_worded

_COMMON = frozenset(
    "password passwd pass pwd secret token user username login key api_key apikey credentials null none true false yyy xxx"
    " ... [password] basic bearer".split()
)


def _given(hit: Hit) -> bool:
    """Something was given: not a variable, a placeholder or the word itself."""
    value = hit.value.strip("\"'<>[]{}()")
    return len(value) >= 3 and value.lower() not in _COMMON and not is_placeholder(value) and not value.startswith("$")


def _credential(hit: Hit) -> bool:
    """A header's value. Schemes and words are no credentials."""
    value = hit.value
    if not _given(hit) or is_filler(value) or looks_located(value):
        return False
    return len(value) >= 6 and (any(char.isdigit() for char in value) or len(value) >= 16 and not is_worded(value))


def _basic(hit: Hit) -> bool:
    """User and password in base64."""
    if is_placeholder(hit.value):
        return False
    try:
        told = base64.b64decode(hit.value + "=" * (-len(hit.value) % 4), validate=False)
    except (binascii.Error, ValueError):
        return is_strong(hit.value, least=12)
    return b":" in told


_SESSION = re.compile(r"sess|sid|auth|token|jwt|login|remember|identity|\.aspx|saml|csrf|xsrf|key|secret|connect|id$", re.IGNORECASE)


def _cookie(hit: Hit) -> bool:
    """Cookies that stand for somebody; a theme or a language does not."""
    name, value = hit.groups[0], hit.groups[1]
    if is_placeholder(value) or is_filler(value):
        return False
    return (bool(_SESSION.search(name)) and len(value) >= 6) or is_strong(value, least=16)


def _in_url(hit: Hit) -> bool:
    value = hit.value
    return value.lower() not in _COMMON and not is_placeholder(value) and not value.startswith(("$", "%(", "%s"))


def _query(hit: Hit) -> bool:
    return _in_url(hit) and (len(hit.value) >= 8 or classes(hit.value) >= 3) and not is_filler(hit.value)


def _short_option(hit: Hit) -> bool:
    """``-p`` is a port or a path to many commands, so what follows has to look like a password."""
    value = hit.value.strip("\"'")
    return _given(hit) and not value.isdigit() and not value.startswith(("-", "/", "./")) and not re.fullmatch(r"\d+:\d+(?:/\w+)?", value)


_Q = r"[\"'\x60]?"
_ARG = r"(?:\"([^\"\n]+)\"|'([^'\n]+)'|([^\s\"'|;&<>][^\s|;<>]*))"
_HEADERS = (
    r"x-[a-z-]*(?:api-?key|apikey|token|auth|secret|signature|password)[a-z-]*|[a-z-]*api-?key|api-?token|apikey|private-token|job-token"
    r"|deploy-token|x-jfrog-art-api|x-octopus-apikey|x-vault-token|token|auth-token|access-token|circle-token|dd-(?:api|application)-key"
)

RULES = (
    # --- headers
    Rule(
        "AUTHORIZATION",
        r"(?i)\b(?:proxy-)?authorization[\"'\x60]?\s{0,3}[:=,]\s{0,8}[\"'\x60]?(?:(?:bearer|token|digest|negotiate|ntlm|apikey|api-token|api-key|key|splunk|geniekey|ssws|hmac|oauth|jwt|basic|bot|pve[a-z]*)[\s:]+)?(?:token=)?[\"'\x60]?([^\s\"'\x60<>{}\[\],;]{6,})",
        ("authorization",),
        _credential,
    ),
    Rule("BEARER_TOKEN", r"(?i)\bbearer[\s:=]+[\"'\x60]?([A-Za-z0-9._~+/=-]{16,})", ("bearer",), lambda hit: is_strong(hit.value, least=16)),
    Rule("BASIC_AUTH", r"(?i)\bbasic\s+[\"'\x60]?([A-Za-z0-9+/_-]{10,}={0,2})", ("basic",), _basic),
    Rule("API_KEY", rf"(?i)(?:^|[\s\"'\x60{{,;])(?:{_HEADERS})[\"'\x60]?\s{{0,3}}:\s{{0,4}}[\"'\x60]?([^\s\"'\x60<>{{}},;]{{8,}})", ("token", "key", "auth", "secret", "jfrog", "signature", "password"), _credential),
    Rule("API_KEY", r"(?i)(?:\s-H|--header)[\s=]{1,3}[\"']\s{0,2}[a-z0-9-]*(?:key|token|auth|secret|pass)[a-z0-9-]*\s{0,2}:\s{0,4}([^\s\"'<>{}]{6,})", ("-h", "--header"), _credential),
    Rule("AWS_SIGNATURE", r"(?i)\bsignature\s?=\s?([0-9a-f]{64})\b", ("signature",)),
    # --- cookies
    Rule("COOKIE", r"(?i)\b(?:set-)?cookie[\"']?\s{0,3}:\s{0,3}[\"']?([^\s=;\"']{1,60})=\"?([^\s;\"',]{6,})", ("cookie",), _cookie),
    Rule("COOKIE", r"(?i)(?:^|[\s;\"',(])((?:[a-z0-9_.-]{0,30}sess(?:ion)?[a-z0-9_.-]{0,20}|jsessionid|phpsessid|connect\.sid|asp\.net_sessionid|\.aspxauth|remember_token|auth_token|laravel_session|_gitlab_session|grafana_session|sid|sessid|csrftoken))=\"?([^\s;\"',&<>]{8,})", ("sess", "sid", ".aspxauth", "remember_token", "auth_token", "csrftoken"), _cookie),
    # --- URLs
    Rule("URL_PASSWORD", r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'<>]{0,120}:([^\s/\"'<>]{1,200}?)@[a-z0-9_.\[%$({-]", ("://",), _in_url),
    # A password with a slash or a quote in it, as long as the host after it looks like one.
    Rule("URL_PASSWORD", r"(?i)\b(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|oracle|ldaps?|smtps?|imaps?|s?ftp|jdbc:[a-z]+|nats|kafka|clickhouse|cockroachdb|sqlserver)(?:\+[a-z0-9_]+)?://[^\s:/@]{0,120}:([^\s@]{1,200})@[a-z0-9_.-]+", ("://",), _in_url),
    Rule("URL_TOKEN", r"(?i)\bhttps?://([A-Za-z0-9_=+-]{16,200})@[a-z0-9.-]+", ("@",), lambda hit: is_strong(hit.value, least=16)),
    Rule("URL_TOKEN", r"(?i)\bhttps?://([A-Za-z0-9_-]{8,200}):x-oauth-basic@", ("x-oauth-basic",)),
    Rule("URL_TOKEN", r"(?i)\bhttps?://x-(?:oauth-basic|access-token|token-auth):([^\s@/]{8,})@", ("x-oauth", "x-access", "x-token")),
    Rule("URL_TOKEN", r"(?i)[?&#;](?:access_?token|refresh_?token|id_?token|auth_?token|api_?key|apikey|token|sig|signature|secret|client_?secret|password|passwd|pwd|pass|auth|key|code|session(?:_?id)?|sid|jwt|ticket|x-amz-(?:signature|security-token|credential)|x-goog-signature|private_?token|job_?token|webhook_?key|hapikey|appid|sas)=([^\s&#\"'<>;]{4,})", ("=",), _query, bare_length),
    Rule("URL_TOKEN", r"(?i)/(?:reset|invite|activate|confirm|verify|magic|unsubscribe)[a-z_-]*/([A-Za-z0-9_-]{20,})", ("/",), lambda hit: is_strong(hit.value, least=20) and classes(hit.value) >= 3),
    # --- commands
    Rule("COMMAND_PASSWORD", r"(?i)(?:\bcurl\b|\bhttpie?\b|\bwget\b)[^\n]*?\s(?:-[a-z]*u|--user|--proxy-user|-U|-a|--auth)[\s=]*[\"']?[^\s:\"']{0,80}:[\"']?([^\s\"']+)", ("curl", "http", "wget"), _given),
    Rule("COMMAND_PASSWORD", r"(?i)(?:^|\s)(?:-u|--user|--proxy-user)[\s=]+[\"']?[^\s:\"'/-][^\s:\"'/]{0,80}:[\"']?([^\s\"']{4,})", ("-u", "--user", "--proxy-user"), lambda hit: _given(hit) and not re.fullmatch(r"[\d:]+|[a-z-]+", hit.value)),
    Rule("COMMAND_PASSWORD", rf"(?i)\bsshpass\s+(?:-v\s+)?-p\s*{_ARG}", ("sshpass",), _given),
    Rule("COMMAND_PASSWORD", rf"(?i)\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump|mysqlimport|xtrabackup|mycli|mytop|innotop|pt-[a-z-]+)\b[^\n|;]*?\s-p{_ARG}", ("mysql", "mariadb", "mycli", "mytop", "xtrabackup", "innotop", "pt-"), _short_option),
    Rule("COMMAND_PASSWORD", rf"(?i)\b(?:docker|podman|nerdctl|helm|skopeo|crane|oras|buildah|oc|az|az acr|mongo|mongosh|mongodump|mongorestore|htpasswd|ansible-vault|plink|pscp|psftp|sqlcmd|bcp|isql|ipmitool|clickhouse-client|influx|cqlsh|snowsql|rclone|restic|borg|7z|7za|zip|unzip|rar|unrar|keytool|jarsigner|ntlmrelay|smbclient|impacket-[a-z]+|evil-winrm|xfreerdp|rdesktop|vncviewer|cyberark|nxc|crackmapexec|kcadm(?:\.sh)?|wsadmin(?:\.sh)?|jboss-cli(?:\.sh)?|asadmin|vmware-cmd|govc|racadm|storcli|ipmiutil)\b[^\n|]*?\s(?:-p|-P|-w|-pw|-a|--pass|--pass-stdin-value|/p:|-storepass|-keypass)[\s=]{{0,2}}{_ARG}", ("docker", "podman", "nerdctl", "helm", "skopeo", "crane", "oras", "buildah", "oc ", "az ", "mongo", "htpasswd", "ansible-vault", "plink", "pscp", "psftp", "sqlcmd", "bcp", "isql", "ipmi", "clickhouse", "influx", "cqlsh", "snowsql", "rclone", "restic", "borg", "7z", "zip", "rar", "keytool", "jarsigner", "smbclient", "impacket", "evil-winrm", "xfreerdp", "rdesktop", "vncviewer", "nxc", "crackmapexec", "kcadm", "wsadmin", "jboss-cli", "asadmin", "govc", "racadm", "storcli"), lambda hit: _short_option(hit) and (classes(hit.value) >= 2 or len(hit.value) >= 8) and not re.search(r"[:/]\d+$|^\w+=|\.(?:ya?ml|json|txt|pem)$", hit.value)),
    Rule("COMMAND_PASSWORD", rf"(?i)\bredis-cli\b[^\n|]*?\s(?:-a|--pass)[\s=]+{_ARG}", ("redis-cli",), _given),
    Rule("COMMAND_PASSWORD", rf"(?i)\b(?:ldapsearch|ldapmodify|ldapadd|ldapdelete|ldappasswd|ldapwhoami)\b[^\n|]*?\s-w\s*{_ARG}", ("ldap",), _given),
    Rule("COMMAND_PASSWORD", r"(?i)\b(?:smbclient|rpcclient|net|mount|smbmap|cifs)\b[^\n]*?(?:-U\s*[\"']?[^\s%\"']+%|pass(?:word)?=)([^\s,\"']+)", ("smbclient", "rpcclient", "net ", "mount", "smbmap", "cifs"), _given),
    Rule("COMMAND_PASSWORD", r"(?i)\bnet\s+use\b[^\n]*?/user:\S+\s+[\"']?([^\s\"'/]+)", ("net use",), _given),
    Rule("COMMAND_PASSWORD", r"(?i)\bnet\s+use\s+\S+\s+\\\\\S+\s+[\"']?([^\s\"'/][^\s\"']*)[\"']?\s+/user", ("net use",), _given),
    Rule("COMMAND_PASSWORD", r"(?i)\bnet\s+user\s+\S+\s+[\"']?([^\s\"'/][^\s\"']{3,})", ("net user",), _given),
    Rule("COMMAND_PASSWORD", r"(?i)\b(?:add_user|change_password|adduser|useradd)\s+[a-z0-9_.-]+\s+[\"']?([^\s\"'-][^\s\"']{3,})", ("add_user", "change_password", "adduser", "useradd"), lambda hit: _given(hit) and classes(hit.value) >= 2),
    Rule("COMMAND_PASSWORD", r"(?i)\bhtpasswd\s+(?:-[a-z]+\s+)*\S*b\S*\s+\S+\s+\S+\s+[\"']?([^\s\"']{4,})", ("htpasswd",), _given),
    Rule("COMMAND_PASSWORD", r"(?i)\b(?:pass|passin|passout)\s+pass:([^\s\"']+)|\bpass:([^\s\"']{4,})", ("pass:",), lambda hit: _given(hit) and ("-pass" in hit.before.lower() or "openssl" in hit.before.lower()), bare_length),
    Rule("COMMAND_PASSWORD", rf"(?i)\bopenssl\s+[^\n]*?\s-k\s+{_ARG}", ("openssl",), _short_option),
    Rule("COMMAND_PASSWORD", r"(?i)\becho\s+(?:-n\s+)?[\"']?[^\s:\"']{1,40}:([^\s\"'|]+)[\"']?\s*\|\s*(?:sudo\s+)?chpasswd", ("chpasswd",), _given),
    Rule("COMMAND_PASSWORD", r"(?i)\becho\s+(?:-n\s+|-e\s+)?(?:\"([^\"\n]{3,200})\"|'([^'\n]{3,200})'|([^\s|]{3,200}))\s*\|\s*(?:sudo\s+-\S*S|passwd\b|su\b|docker login|podman login|helm registry login|gh auth|vault login|kinit|cryptsetup|openssl)", ("echo",), _given),
    Rule("COMMAND_PASSWORD", r"(?i)\bvault\s+(?:login|token\s+\w+|unwrap)\s+(?:-\S+\s+)*(?:token=)?([^\s=-][^\s=]{16,})", ("vault",), lambda hit: is_strong(hit.value)),
    Rule("COMMAND_PASSWORD", r"(?i)--?(?:password|passwd|passphrase|pass|pwd|secret|token|api-?key|auth-?token|access-?token|client-?secret|private-?key|secret-?key|access-?key|admin-?password|db-?password|storepass|keypass|requirepass|from-literal=[a-z0-9_.-]*(?:pass|secret|token|key)[a-z0-9_.-]*)[\s=]+" + _ARG, ("-pass", "-pwd", "-secret", "-token", "key", "-auth", "-access", "-client", "-private", "-admin", "-db", "-storepass", "-requirepass", "-from-literal"), lambda hit: _given(hit) and not hit.value.startswith("-") and classes(hit.value) >= 2 and not hit.value.startswith(("/", "./", "file:", "@"))),
    # --- queries and configuration files with a syntax of their own
    Rule("SQL_PASSWORD", r"(?i)\b(?:identified\s+(?:with\s+\S+\s+)?(?:by|as)|(?:encrypted\s+)?password(?:\s+for\s+\S+)?\s*(?:=|\s|\(|:=)|set\s+password\s+(?:for\s+\S+\s*)?(?:=|to))\s*(?:password\s*\(\s*)?(?:'([^'\n]{3,200})'|\"([^\"\n]{3,200})\")", ("identified", "password"), _given),
    Rule("CONFIG_PASSWORD", r"(?im)^\s*(?:[\d>]+\s+)?(?:requirepass|masterauth|bindpw|rootpw|olcRootPW:|sasl_passwd|authpass|auth_pass|enable\s+(?:secret|password)(?:\s+\d)?|psk)\s*[=\s]\s*[\"']?([^\s\"'#]{4,})", ("requirepass", "masterauth", "bindpw", "rootpw", "sasl_passwd", "authpass", "auth_pass", "enable", "psk"), _given),
    Rule("CONFIG_PASSWORD", r"(?i)\busername\s+\S+\s+(?:privilege\s+\d+\s+)?(?:password|secret)\s+(?:\d\s+)?([^\s\"']{4,})", ("username",), _given),
    Rule("CONFIG_PASSWORD", r"(?i)\bmachine\s+\S+\s+login\s+\S+\s+password\s+([^\s\"']+)", ("machine",), _given),
    Rule("SNMP_COMMUNITY", r"(?i)\b(?:snmp-server\s+community|snmp(?:walk|get|bulkwalk)\b[^\n]*?\s-c|rocommunity6?|rwcommunity6?|community(?:[ _-]string)?\s*[:=])\s*[\"']?([A-Za-z0-9_!@#$%^&*.-]{5,64})", ("community", "snmp"), lambda hit: _given(hit) and classes(hit.value) >= 2),
    Rule("PGPASS", r"(?m)^[A-Za-z0-9.*_-]+:(?:[0-9]{2,5}|\*):[A-Za-z0-9*_-]+:[A-Za-z0-9*_.-]+:([^\s:]{4,})\s*$", (":",), _given),
    Rule("DOCKER_AUTH", r"\"auth\"\s*:\s*\"([A-Za-z0-9+/=]{8,})\"", ("\"auth\"",), _basic),
    Rule("NPM_TOKEN", r"(?i):_(?:authToken|auth|password)\s*=\s*[\"']?([^\s\"']{8,})", (":_auth", ":_password"), _given),
    # --- one-time passwords
    Rule("TOTP_SEED", r"(?i)otpauth(?:-migration)?://[^\s\"'<>]*?(?:secret|data)=([A-Za-z2-7%+/=_-]{8,})", ("otpauth",)),
    Rule("TOTP_SEED", r"(?i)\b(?:totp|2fa|mfa|otp|authenticator|two[- ]factor|zwei-?faktor)\b[^\n]{0,40}?(?:seed|secret|key|setup code|schlüssel|code)?[^\nA-Za-z0-9]{1,6}(?:(?:is|ist|es|est)\s+)?[\"'\x60]?([A-Z2-7]{16,64}={0,6}|[a-z2-7]{4}(?:[ -][a-z2-7]{4}){3,15}|[A-Z2-7]{4}(?:[ -][A-Z2-7]{4}){3,15})(?:[^A-Za-z0-9]|$)", ("totp", "2fa", "mfa", "otp", "authenticator", "factor", "faktor"), lambda hit: sum(char.isdigit() for char in hit.value) >= 1 or len(hit.value) >= 24),
    Rule("RECOVERY_CODE", r"(?i)\b(?:recovery|backup|scratch|wiederherstellungs)[ -]?codes?\b[^\nA-Za-z0-9]{1,8}((?:[A-Za-z0-9]{4,10}-[A-Za-z0-9]{4,10}(?:-[A-Za-z0-9]{4,10})*|[0-9]{8,10})(?:[\s,;]{1,3}(?:[A-Za-z0-9]{4,10}-[A-Za-z0-9]{4,10}|[0-9]{8,10}))*)", ("recovery", "backup", "scratch", "wiederherstellung"), lambda hit: any(char.isdigit() for char in hit.value)),
    Rule("ONE_TIME_CODE", r"(?i)\b(?:otp|one[- ]time (?:code|password|pin)|verification code|sms[- ]code|2fa code|mfa code|tan|bestätigungscode|código de verificación|code de vérification)\b(?:\s+(?:is|was|ist|lautet|es|est))?[\s:=]{1,4}[\"']?([0-9]{4,8}|[0-9]{3}[ -][0-9]{3})\b", ("otp", "one-time", "one time", "code", "tan", "código")),
)  # fmt: skip
