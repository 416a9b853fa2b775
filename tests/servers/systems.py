"""The real ticket systems and the wiki of a test run, each an instance of its own beside whatever the machine has.

They are Debian's packages; configuration, database and log lie in a folder that ends with the run. Nothing of it sends
mail: RT hands it to a file, Redmine to its test delivery.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from serving import Running, Trouble, free_port, place_of, run, start, write_env

HERE = Path(__file__).resolve().parent
WEB = "www-data"
PLAIN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}

PACKAGES: Mapping[str, Sequence[str]] = {
    # msmtp-mta stands for a mail system and is no daemon; unconfigured it can't send.
    "rt": ("request-tracker5", "rt5-db-sqlite", "rt5-standalone", "msmtp-mta"),
    "redmine": ("redmine", "redmine-sqlite", "puma"),
    "alertmanager": ("prometheus-alertmanager",),
    # It wants some PHP and some web server, which is PHP's own here: these two are the smallest of what it takes.
    "mediawiki": ("mediawiki", "php-cli", "php-sqlite3", "php8.2-cgi", "micro-httpd"),
}
ANSWERS = """\
request-tracker5 request-tracker5/rtname string servers.test
request-tracker5 request-tracker5/organization string servers.test
request-tracker5 request-tracker5/correspondaddress string rt@servers.test
request-tracker5 request-tracker5/commentaddress string rt-comment@servers.test
request-tracker5 request-tracker5/webbaseurl string http://127.0.0.1
request-tracker5 request-tracker5/initial-root-password password {password}
request-tracker5 request-tracker5/initial-root-password-again password {password}
request-tracker5 request-tracker5/install-cronjobs boolean false
request-tracker5 request-tracker5/dbconfig-install boolean true
request-tracker5 request-tracker5/database-type select sqlite3
redmine redmine/instances/default/dbconfig-install boolean true
redmine redmine/instances/default/database-type select sqlite3
redmine redmine/instances/default/default-language select en
redmine redmine/current-instances string default
"""
"""What the packages would ask. Their own instances are made and never started: Redmine's fixes which database drivers
its bundle has."""


def start_rt(folder: Path, place: Path) -> Running:
    """Request Tracker 5 on SQLite."""
    port = free_port("OPSTUI_RT_PORT")
    url = f"http://127.0.0.1:{port}"
    (place / "more").mkdir()
    config = place / "RT_SiteConfig.pm"
    config.write_text(f"""\
Set($rtname, 'servers.test');
Set($Organization, 'servers.test');
Set($CorrespondAddress, 'rt@servers.test');
Set($CommentAddress, 'rt-comment@servers.test');
Set($WebPath, '');
Set($WebDomain, '127.0.0.1');
Set($WebPort, {port});
Set($WebBaseURL, '{url}');
Set($WebURL, '{url}/');
Set($CanonicalizeRedirectURLs, 0);
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '{place}/rt.sqlite');
Set($MasonDataDir, '{place}/mason');
Set($MailCommand, 'mbox');
Set($LogToSyslog, undef);
Set($LogToSTDERR, 'warning');
Set($Timezone, 'UTC');
# A token is hashed anew at each request, which takes 0.13 s of CPU at RT's usual cost and nothing at this one.
Set($BcryptCost, 4);
1;
""")
    _hand_over(place)
    env = PLAIN | {"HOME": str(place), "RT_SITE_CONFIG": str(config), "RT_SITE_CONFIG_DIR": str(place / "more")}
    run(["/usr/sbin/rt-setup-database-5", "--action", "init", "--skip-create"], user=WEB, env=env)
    seed = shutil.copy(HERE / "seed_rt.pl", place)
    said = run(["perl", "-I/usr/share/request-tracker5/lib", seed], user=WEB, env=env)
    tokens = json.loads(said.splitlines()[-1])
    running = start(
        "rt",
        [
            "perl", "/usr/share/request-tracker5/libexec/rt-server", "--server", "Starlet", "--host", "127.0.0.1",
            "--port", str(port), "--max-workers", "3", "--max-reqs-per-child", "5000",
        ],
        url=f"{url}/REST/2.0/rt", answer=401, place=place, env=env, user=WEB,
    )  # fmt: skip
    values = {"RT_TOKEN": tokens["root"], "RT_TOKEN_ALICE": tokens["alice"], "RT_TOKEN_BOB": tokens["bob"]}
    write_env(folder, "rt", {"RT_URL": url} | values)
    return running


def start_redmine(folder: Path, place: Path) -> Running:
    """Redmine 5 on SQLite. An instance is a folder that ``/var/lib/redmine`` has a link to."""
    port = free_port("OPSTUI_REDMINE_PORT")
    url, app = f"http://127.0.0.1:{port}", Path("/usr/share/redmine")
    for name in ("config", "files", "log", "tmp"):
        (place / name).mkdir()
    (place / "config" / "database.yml").write_text(
        f"production:\n  adapter: sqlite3\n  database: {place}/redmine.sqlite\n  timeout: 20000\n  encoding: utf8\n"
    )
    (place / "config" / "configuration.yml").write_text(
        "production:\n  email_delivery:\n    delivery_method: :test\n"
    )  # fmt: skip
    (place / "config" / "secret_key.txt").write_text(secrets.token_hex(32))
    _hand_over(place)
    link = Path("/var/lib/redmine") / place.name
    link.symlink_to(place)
    env = PLAIN | {
        "HOME": str(place), "RAILS_ENV": "production", "REDMINE_INSTANCE": place.name, "X_DEBIAN_SITEID": place.name,
        "SCHEMA": "/dev/null", "REDMINE_LANG": "en",
    }  # fmt: skip
    try:
        run(["bundle", "exec", "rake", "db:migrate"], user=WEB, env=env, cwd=app)
        seed = shutil.copy(HERE / "seed_redmine.rb", place)
        said = run(["bundle", "exec", "ruby", "bin/rails", "runner", seed], user=WEB, env=env, cwd=app)
        keys = json.loads(said.splitlines()[-1])
        running = start(
            "redmine",
            ["puma", "-e", "production", "-b", f"tcp://127.0.0.1:{port}", "-w", "0", "-t", "2:4", app / "config.ru"],
            url=f"{url}/login", answer=200, place=place, env=env, user=WEB, cwd=app, link=str(link),
        )  # fmt: skip
    except Trouble:
        link.unlink(missing_ok=True)
        raise
    values = {"REDMINE_KEY": keys["admin"], "REDMINE_KEY_ALICE": keys["alice"], "REDMINE_KEY_BOB": keys["bob"]}
    write_env(folder, "redmine", {"REDMINE_URL": url} | values)
    return running


def start_alertmanager(folder: Path, place: Path) -> Running:
    """Alertmanager without a cluster, and with nobody to notify."""
    port = free_port("OPSTUI_ALERTMANAGER_PORT")
    config = place / "alertmanager.yml"
    config.write_text(
        "route: {receiver: nobody, group_by: [alertname, service], group_wait: 1s, group_interval: 5s}\n"
        "receivers: [{name: nobody}]\n"
    )
    _hand_over(place)
    running = start(
        "alertmanager",
        [
            "prometheus-alertmanager", f"--config.file={config}", f"--storage.path={place / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
        ],
        url=f"http://127.0.0.1:{port}/-/ready", answer=200, place=place, env=PLAIN | {"HOME": str(place)}, user=WEB,
    )  # fmt: skip
    write_env(folder, "alertmanager", {"AM_URL": f"http://127.0.0.1:{port}"})
    return running


MANY = 520
"""Pages in the wiki's namespace ``Many``: more than one request lists. By the API they would take a minute to make."""


def many_pages() -> str:
    """They, as a dump."""
    pages = "".join(
        f"<page><title>Many:Page {number:04}</title><ns>3000</ns><id>{10_000 + number}</id><revision>"
        "<timestamp>2026-01-02T03:04:05Z</timestamp><contributor><username>Admin</username></contributor>"
        f"<model>wikitext</model><format>text/x-wiki</format><text>page {number}</text></revision></page>\n"
        for number in range(MANY)
    )
    return f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11">\n{pages}</mediawiki>\n'


def start_mediawiki(folder: Path, place: Path) -> Running:
    """MediaWiki 1.39 on SQLite, on the web server that PHP brings. Everybody reads, its one account writes."""
    port = free_port("OPSTUI_MEDIAWIKI_PORT")
    url, app = f"http://127.0.0.1:{port}", Path("/usr/share/mediawiki")
    (place / "data").mkdir()
    _hand_over(place)
    env = PLAIN | {"HOME": str(place), "TMPDIR": str(place)}
    run(
        [
            "php", app / "maintenance/install.php", "--dbtype", "sqlite", "--dbname", "wiki",
            "--dbpath", place / "data", "--confpath", place, "--server", url, "--scriptpath", "",
            "--lang", "en", "--pass", secrets.token_hex(16), "Servers test", "Admin",
        ],
        user=WEB, env=env,
    )  # fmt: skip
    with (place / "LocalSettings.php").open("a") as settings:
        settings.write("""
$wgEnableEmail = false;
$wgRateLimits = [];
$wgGroupPermissions['*']['edit'] = false;
$wgGroupPermissions['*']['createaccount'] = false;
$wgExtraNamespaces[3000] = 'Many';
$wgExtraNamespaces[3001] = 'Many_talk';
""")
    env |= {"MW_CONFIG_FILE": str(place / "LocalSettings.php"), "PHP_CLI_SERVER_WORKERS": "3"}
    password = secrets.token_hex(16)
    grants = "basic,editpage,editprotected,createeditmovepage,delete,highvolume"
    run(
        ["php", app / "maintenance/createBotPassword.php", "--appid", "opstui", "--grants", grants, "Admin", password],
        user=WEB, env=env,
    )  # fmt: skip
    dump = place / "many.xml"
    dump.write_text(many_pages(), encoding="utf-8")
    shutil.chown(dump, WEB, WEB)
    run(["php", app / "maintenance/importDump.php", "--no-updates", dump], user=WEB, env=env)
    running = start(
        "mediawiki", ["php", "-S", f"127.0.0.1:{port}", "-t", app],
        url=f"{url}/api.php?action=query&meta=siteinfo&format=json", answer=200, place=place, env=env, user=WEB,
    )  # fmt: skip
    values = {"MEDIAWIKI_USER": "Admin@opstui", "MEDIAWIKI_PASSWORD": password}
    write_env(folder, "mediawiki", {"MEDIAWIKI_URL": url} | values)
    return running


SYSTEMS = {
    "rt": start_rt,
    "redmine": start_redmine,
    "alertmanager": start_alertmanager,
    "mediawiki": start_mediawiki,
}


def bring_up(name: str, folder: Path) -> Running:
    """Start the system of this name, and write how it is reached into ``folder``. Raises Trouble."""
    with place_of(name) as place:
        return SYSTEMS[name](folder, place)


def _hand_over(place: Path) -> None:
    for path in (place, *place.rglob("*")):
        shutil.chown(path, WEB, WEB)
