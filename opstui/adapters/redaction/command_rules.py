"""Secrets in commands and in files with a syntax of their own: what is typed behind ``curl -u`` and ``-p``."""

from __future__ import annotations

import re

from opstui.adapters.redaction.request_checks import is_basic, is_given
from opstui.adapters.redaction.rules import Hit, Rule
from opstui.adapters.redaction.values import bare_length, classes, is_reference, is_strong


def _short_option(hit: Hit) -> bool:
    """``-p`` is a port or a path to many commands, so what follows has to look like a password."""
    value = hit.value.strip("\"'")
    return (
        is_given(hit)
        and not value.isdigit()
        and not value.startswith(("-", "/", "./"))
        and not re.fullmatch(r"\d+:\d+(?:/\w+)?", value)
    )


_ARG = r"(?:\"([^\"\n]+)\"|'([^'\n]+)'|([^\s\"'|;&<>][^\s|;<>]*))"

RULES = (
    # --- commands
    Rule(
        "COMMAND_PASSWORD",
        r"(?i)(?:\bcurl\b|\bhttpie?\b|\bwget\b)[^\n]*?\s(?:-[a-z]*u|--user|--proxy-user|-U|-a"
        r"|--auth)[\s=]*[\"']?[^\s:\"']{0,80}:[\"']?([^\s\"']+)",
        ("curl", "http", "wget"),
        is_given,
    ),
    Rule(
        "COMMAND_PASSWORD",
        r"(?i)(?:^|\s)(?:-u|--user|--proxy-user)[\s=]+[\"']?[^\s:\"'/-][^\s:\"'/]{0,80}:[\"']?([^\s\"']{4,})",
        ("-u", "--user", "--proxy-user"),
        lambda hit: is_given(hit) and not re.fullmatch(r"[\d:]+|[a-z_-]+|[A-Z_-]+|[A-Z]?[a-z]+", hit.value),
    ),
    Rule("COMMAND_PASSWORD", rf"(?i)\bsshpass\s+(?:-v\s+)?-p\s*{_ARG}", ("sshpass",), is_given),
    Rule(
        "COMMAND_PASSWORD",
        rf"(?i)\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump|mysqlimport|xtrabackup|mycli|mytop"
        rf"|innotop|pt-[a-z-]+)\b[^\n|;]*?\s-p{_ARG}",
        ("mysql", "mariadb", "mycli", "mytop", "xtrabackup", "innotop", "pt-"),
        _short_option,
    ),
    Rule(
        "COMMAND_PASSWORD",
        rf"(?i)\b(?:docker|podman|nerdctl|helm|skopeo|crane|oras|buildah|oc|az|az acr|mongo|mongosh|mongodump"
        rf"|mongorestore|htpasswd|ansible-vault|plink|pscp|psftp|sqlcmd|bcp|isql|ipmitool|clickhouse-client"
        rf"|influx|cqlsh|snowsql|rclone|restic|borg|7z|7za|zip|unzip|rar|unrar|keytool|jarsigner|ntlmrelay"
        rf"|smbclient|impacket-[a-z]+|evil-winrm|xfreerdp|rdesktop|vncviewer|cyberark|nxc|crackmapexec"
        rf"|kcadm(?:\.sh)?|wsadmin(?:\.sh)?|jboss-cli(?:\.sh)?|asadmin|vmware-cmd|govc|racadm|storcli"
        rf"|ipmiutil)\b[^\n|]*?\s(?:-p|-P|-w|-pw|-a|--pass|--pass-stdin-value|/p:|-storepass"
        rf"|-keypass)[\s=]{{0,2}}{_ARG}",
        (
            "docker",
            "podman",
            "nerdctl",
            "helm",
            "skopeo",
            "crane",
            "oras",
            "buildah",
            "oc ",
            "az ",
            "mongo",
            "htpasswd",
            "ansible-vault",
            "plink",
            "pscp",
            "psftp",
            "sqlcmd",
            "bcp",
            "isql",
            "ipmi",
            "clickhouse",
            "influx",
            "cqlsh",
            "snowsql",
            "rclone",
            "restic",
            "borg",
            "7z",
            "zip",
            "rar",
            "keytool",
            "jarsigner",
            "smbclient",
            "impacket",
            "evil-winrm",
            "xfreerdp",
            "rdesktop",
            "vncviewer",
            "nxc",
            "crackmapexec",
            "kcadm",
            "wsadmin",
            "jboss-cli",
            "asadmin",
            "govc",
            "racadm",
            "storcli",
        ),
        lambda hit: (
            _short_option(hit)
            and (classes(hit.value) >= 2 or len(hit.value) >= 8)
            and not re.search(r"[:/]\d+$|^\w+=|\.(?:ya?ml|json|txt|pem)$", hit.value)
        ),
    ),
    Rule("COMMAND_PASSWORD", rf"(?i)\bredis-cli\b[^\n|]*?\s(?:-a|--pass)[\s=]+{_ARG}", ("redis-cli",), is_given),
    Rule(
        "COMMAND_PASSWORD",
        rf"(?i)\b(?:ldapsearch|ldapmodify|ldapadd|ldapdelete|ldappasswd|ldapwhoami)\b[^\n|]*?\s-w\s*{_ARG}",
        ("ldap",),
        is_given,
    ),
    Rule(
        "COMMAND_PASSWORD",
        r"(?i)\b(?:smbclient|rpcclient|net|mount|smbmap|cifs)\b[^\n]*?(?:-U\s*[\"']?[^\s%\"']+%"
        r"|pass(?:word)?=)([^\s,\"']+)",
        ("smbclient", "rpcclient", "net ", "mount", "smbmap", "cifs"),
        is_given,
    ),
    Rule("COMMAND_PASSWORD", r"(?i)\bnet\s+use\b[^\n]*?/user:\S+\s+[\"']?([^\s\"'/]+)", ("net use",), is_given),
    Rule(
        "COMMAND_PASSWORD",
        r"(?i)\bnet\s+use\s+\S+\s+\\\\\S+\s+[\"']?([^\s\"'/][^\s\"']*)[\"']?\s+/user",
        ("net use",),
        is_given,
    ),
    Rule("COMMAND_PASSWORD", r"(?i)\bnet\s+user\s+\S+\s+[\"']?([^\s\"'/][^\s\"']{3,})", ("net user",), is_given),
    Rule(
        "COMMAND_PASSWORD",
        r"(?i)\b(?:add_user|change_password|adduser|useradd)\s+[a-z0-9_.-]+\s+[\"']?([^\s\"'-][^\s\"']{3,})",
        ("add_user", "change_password", "adduser", "useradd"),
        lambda hit: is_given(hit) and classes(hit.value) >= 2,
    ),
    Rule(
        "COMMAND_PASSWORD",
        r"(?i)\bhtpasswd\s+(?:-[a-z]+\s+)*\S*b\S*\s+\S+\s+\S+\s+[\"']?([^\s\"']{4,})",
        ("htpasswd",),
        is_given,
    ),
    Rule(
        "COMMAND_PASSWORD",
        r"(?i)\b(?:pass|passin|passout)\s+pass:([^\s\"']+)|\bpass:([^\s\"']{4,})",
        ("pass:",),
        lambda hit: is_given(hit) and ("-pass" in hit.before.lower() or "openssl" in hit.before.lower()),
        bare_length,
    ),
    Rule("COMMAND_PASSWORD", rf"(?i)\bopenssl\s+[^\n]*?\s-k\s+{_ARG}", ("openssl",), _short_option),
    Rule(
        "COMMAND_PASSWORD",
        r"(?i)\becho\s+(?:-n\s+)?[\"']?[^\s:\"']{1,40}:([^\s\"'|]+)[\"']?\s*\|\s*(?:sudo\s+)?chpasswd",
        ("chpasswd",),
        is_given,
    ),
    Rule(
        "COMMAND_PASSWORD",
        r"(?i)\becho\s+(?:-n\s+|-e\s+)?(?:\"([^\"\n]{3,200})\"|'([^'\n]{3,200})'|([^\s"
        r"|]{3,200}))\s*\|\s*(?:sudo\s+-\S*S|passwd\b|su\b|docker login|podman login|helm registry login"
        r"|gh auth|vault login|kinit|cryptsetup|openssl)",
        ("echo",),
        is_given,
    ),
    Rule(
        "COMMAND_PASSWORD",
        r"(?i)\bvault\s+(?:login|token\s+\w+|unwrap)\s+(?:-\S+\s+)*(?:token=)?([^\s=-][^\s=]{16,})",
        ("vault",),
        lambda hit: is_strong(hit.value),
    ),
    Rule(
        "COMMAND_PASSWORD",
        r"(?i)(?:^|[\s\"'=(\[,])--?(?:password|passwd|passphrase|pass|pwd|secret|token|api-?key|auth-?token"
        r"|access-?token"
        r"|client-?secret|private-?key|secret-?key|access-?key|admin-?password|db-?password|storepass"
        r"|keypass|requirepass|from-literal=[a-z0-9_.-]*(?:pass|secret|token|key)[a-z0-9_.-]*)[ \t=]+" + _ARG,
        (
            "-pass",
            "-pwd",
            "-secret",
            "-token",
            "key",
            "-auth",
            "-access",
            "-client",
            "-private",
            "-admin",
            "-db",
            "-storepass",
            "-requirepass",
            "-from-literal",
        ),
        lambda hit: (
            is_given(hit)
            and not hit.value.startswith("-")
            and not is_reference(hit.value)
            and classes(hit.value) >= 2
            and not hit.value.startswith(("/", "./", "file:", "@"))
        ),
    ),
    # --- queries and configuration files with a syntax of their own
    Rule(
        "SQL_PASSWORD",
        r"(?i)\b(?:identified\s+(?:with\s+\S+\s+)?(?:by|as)"
        r"|(?:encrypted\s+)?password(?:\s+for\s+\S+)?\s*(?:=|\s|\(|:=)"
        r"|set\s+password\s+(?:for\s+\S+\s*)?(?:=|to))\s*(?:password\s*\(\s*)?(?:'([^'\n]{3,200})'"
        r"|\"([^\"\n]{3,200})\")",
        ("identified", "password"),
        is_given,
    ),
    Rule(
        "CONFIG_PASSWORD",
        r"(?im)^\s*(?:[\d>]+\s+)?(?:requirepass|masterauth|bindpw|rootpw|olcRootPW:|sasl_passwd|authpass"
        r"|auth_pass|enable\s+(?:secret|password)(?:\s+\d)?|psk)\s*[=\s]\s*[\"']?([^\s\"'#]{4,})",
        ("requirepass", "masterauth", "bindpw", "rootpw", "sasl_passwd", "authpass", "auth_pass", "enable", "psk"),
        is_given,
    ),
    Rule(
        "CONFIG_PASSWORD",
        r"(?i)\busername[ \t]+\S+[ \t]+(?:privilege[ \t]+\d+[ \t]+)?(?:password"
        r"|secret)[ \t]+(?:\d[ \t]+)?([^\s\"']{4,})",
        ("username",),
        lambda hit: is_given(hit) and classes(hit.value) >= 2,
    ),
    Rule("CONFIG_PASSWORD", r"(?i)\bmachine\s+\S+\s+login\s+\S+\s+password\s+([^\s\"']+)", ("machine",), is_given),
    Rule(
        "SNMP_COMMUNITY",
        r"(?i)\b(?:snmp-server\s+community|snmp(?:walk|get|bulkwalk)\b[^\n]*?\s-c|rocommunity6?"
        r"|rwcommunity6?|community(?:[ _-]string)?\s*[:=])\s*[\"']?([A-Za-z0-9_!@#$%^&*.-]{5,64})",
        ("community", "snmp"),
        lambda hit: is_given(hit) and classes(hit.value) >= 2,
    ),
    Rule(
        "PGPASS",
        r"(?m)^[A-Za-z0-9.*_-]+:(?:[0-9]{2,5}|\*):[A-Za-z0-9*_-]+:[A-Za-z0-9*_.-]+:([^\s:]{4,})\s*$",
        (":",),
        is_given,
    ),
    Rule("DOCKER_AUTH", r"\"auth\"\s*:\s*\"([A-Za-z0-9+/=]{8,})\"", ('"auth"',), is_basic),
    Rule(
        "NPM_TOKEN", r"(?i):_(?:authToken|auth|password)\s*=\s*[\"']?([^\s\"']{8,})", (":_auth", ":_password"), is_given
    ),
)
