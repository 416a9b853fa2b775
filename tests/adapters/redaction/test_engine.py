from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings, strategies as st

from opstui.adapters.redaction import engine
from opstui.adapters.redaction.engine import Re2Redactor
from opstui.core.errors import NotRedacted
from opstui.core.redaction import PERSONAL, PLACEHOLDER, Placeholders, Span
from tests.adapters.redaction.made_up import HEX, LETTERS, MIXED, SECRETS, made

REDACTOR = Re2Redactor(tuple)
ANYTHING = st.text(alphabet=st.characters(min_codepoint=0, max_codepoint=0x10FFFF), max_size=400)


def hidden(text: str, redactor: Re2Redactor = REDACTOR) -> list[tuple[str, str]]:
    """What is found: the stretch and its kind."""
    return [(text[span.start : span.end], span.kind) for span in redactor.spans(text)]


def is_left(value: str, text: str) -> bool:
    """Whether any six characters in a row of ``value`` stay readable."""
    shown = PLACEHOLDER.sub("", Placeholders(b"k").hide(text, REDACTOR.spans(text)))
    return any(value[at : at + 6] in shown for at in range(max(1, len(value) - 5)))


@pytest.mark.parametrize("kind", SECRETS)
def test_every_vendors_token_is_found_wherever_it_stands(kind: str) -> None:
    for number in range(3):
        value = SECRETS[kind](number)
        for around in ("{}", "found in config: {}", "token {} leaked", "KEY={}\nnext", '{{"key":"{}"}}', "(see {})."):
            assert not is_left(value, around.format(value)), around


@pytest.mark.parametrize(
    "line",
    [
        "the password is {}",
        "temp pw is {} until monday",
        "das Passwort lautet {}",
        "Kennwort: {}",
        "la contraseña es {}",
        "le mot de passe est {}",
        "password={}",
        'DB_PASSWORD="{}"',
        "'password' => '{}',",
        '{{"password":"{}","n":1}}',
        "db.password: {}",
        "<password>{}</password>",
        "curl -u admin:{} https://x.example",
        "sshpass -p '{}' ssh a@b",
        "mysql -u root -p{} orders",
        "PGPASSWORD={} psql -h db",
        "postgres://app:{}@db-1:5432/orders",
        "redis://:{}@cache:6379/0",
        "Server=db;User Id=sa;Password={};Encrypt=true",
        "IDENTIFIED BY '{}'",
        "echo '{}' | sudo -S id",
        "net use Z: /user:bob {}",
        "| Password | {} |",
        "**Password:** {}",
        "Password:\n{}\n",
        "log in as root with {}",
        "machine git login bob password {}",
    ],
)
@pytest.mark.parametrize("number", range(3))
def test_a_password_is_found_however_it_is_told(line: str, number: int) -> None:
    value = "Tundra" + made(MIXED, 5, number) + "7!x"
    assert not is_left(value, line.format(value))


@pytest.mark.parametrize(
    "text",
    [
        "password: ${DB_PASSWORD}",
        "api_key: {{ vault_api_key }}",
        "PASSWORD=$PASSWORD",
        "password=********",
        "token: <redacted>",
        "the password is expired",
        "password reset requested",
        "Password: required",
        "secretName: checkout-db-creds",
        "token bucket refill rate 50/s",
        "passwordResetEnabled=true",
        "api_key_rotation_days: 90",
        "max_tokens=4096",
        "Authorization: Bearer $TOKEN",
        "curl -u $USER:$PASS https://x",
        "mysql -u root -p",
        "no password supplied",
        "commit 3cb6ce4f717221ffa5fc0ce5b1bbe792eb654e1b",
        "sha256:" + "58d9f6af30b81e93" * 4,
        "INC0008687 CHG-428",
        "checkout-api-znkb255h7-77v6x restarted",
        "45729def-5b6d-2867-4460-5fb51b2762e6",
        "01JR56Y2F01KXHTA8MWTASRCZH",
        "web-19.eu-north-1.prod.example.internal",
        "git@github.com:example/checkout-api.git",
        "deploy@web-10",
        "arn:aws:iam::985661674676:role/eks-node",
        "/var/lib/docker/overlay2/" + "da0097278a8c03ab" * 4 + "/merged",
        "127.0.0.1:8080 10.154.0.0/16 192.168.1.4 ::1 fe80::1 2001:db8::1 203.0.113.7",
        "10.0.19045.4710 v1.13.26-rc.3+build.8236",
        "1793073964255 4631355377573670",
        "Kafka Connect, Jenkins Blue Ocean",
        "Assigned to Platform Team",
        "#179ac7 0x800714dc",
        "jdbc:postgresql://db-01.example.internal:5432/orders",
        "p99=898.69ms qps=16609",
        "2026-11-23T02:49:40.252Z",
    ],
)
def test_what_an_operator_needs_to_read_stays(text: str) -> None:
    assert hidden(text) == []


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("from wei.okafor@mail.example.co.uk today", "wei.okafor@mail.example.co.uk", "EMAIL"),
        ("call me at +46 70 129 85 41", "+46 70 129 85 41", "PHONE"),
        ("Tel. 030 1234567-8", "030 1234567-8", "PHONE"),
        ("refund to DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00", "IBAN"),
        ("card 4111-1111-1111-1111 declined", "4111-1111-1111-1111", "CARD"),
        ("login from 52.65.205.84", "52.65.205.84", "IP"),
        ("from 2a02:d7cd:f3c8:ff6a:4c7f:f2a4::1 again", "2a02:d7cd:f3c8:ff6a:4c7f:f2a4::1", "IP"),
        ("device mac 2e:9a:6d:f2:c8:03", "2e:9a:6d:f2:c8:03", "MAC"),
        ("DOB: 1985-02-14", "1985-02-14", "BIRTHDAY"),
        ("SSN 553-72-5668", "553-72-5668", "ID_NUMBER"),
        ("Assigned to Wei García since Monday", "Wei García", "PERSON"),
        ("ships to 421 Baker Street, 2nd floor", "421 Baker Street", "ADDRESS"),
    ],
)
def test_what_belongs_to_people_is_found_and_told_apart(text: str, value: str, kind: str) -> None:
    assert any(value in found and one == kind for found, one in hidden(text))
    assert kind in PERSONAL


@pytest.mark.parametrize(
    "text",
    [
        "refund to DE89 3704 0044 0532 0130 01",
        "card 4111-1111-1111-1112",
        "SSN 000-12-3456",
        "ip 999.1.1.1",
        "256.256.256.256",
    ],
)
def test_a_wrong_check_sum_is_somebody_elses_number(text: str) -> None:
    assert not {kind for _, kind in hidden(text)} & {"IBAN", "CARD", "ID_NUMBER", "IP"}


@pytest.mark.parametrize(
    "form",
    [
        lambda secret: secret,
        lambda secret: quote(secret, safe=""),
        lambda secret: base64.b64encode(secret.encode()).decode(),
        lambda secret: base64.b64encode(f"user:{secret}".encode()).decode(),
        lambda secret: base64.urlsafe_b64encode(f"bob:{secret}!".encode()).decode(),
        lambda secret: secret.encode().hex(),
        lambda secret: secret.replace('"', '\\"'),
    ],
)
def test_our_own_secret_is_found_in_every_form_it_may_have_taken(form: Callable[[str], str]) -> None:
    own = 'plain "word/' + made(LETTERS, 9, 1)
    redactor = Re2Redactor(lambda: (own, own[:8]))
    text = f"nothing around it {form(own)} tells what it is"
    shown = Placeholders(b"k").hide(text, redactor.spans(text))
    assert own not in shown
    assert form(own)[4:-6] not in shown
    assert "OWN_SECRET" in {span.kind for span in redactor.spans(text)}


@given(ANYTHING)
def test_offsets_are_code_points_and_spans_are_in_order(text: str) -> None:
    spans = REDACTOR.spans(text)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(one.end <= other.start for one, other in itertools.pairwise(spans))


@settings(max_examples=60)
@given(ANYTHING, ANYTHING)
def test_a_secret_is_covered_to_the_character_whatever_stands_around_it(before: str, after: str) -> None:
    value = "ghp_" + made(MIXED, 36, 3)
    text = f"{before}\n {value} \n{after}"
    covered = {at for span in REDACTOR.spans(text) for at in range(span.start, span.end)}
    start = len(before) + 2
    assert set(range(start, start + len(value))) <= covered


@settings(max_examples=60)
@given(ANYTHING)
def test_what_was_hidden_comes_back_as_it_was(text: str) -> None:
    text += " password=Foo" + made(MIXED, 8, 2)
    made_up = Placeholders(b"key")
    assert made_up.restore(made_up.hide(text, REDACTOR.spans(text))) == text


@pytest.mark.parametrize(
    "text",
    [
        "a." * 60_000,
        "password=" * 20_000,
        'password="' * 12_000,
        "password is " * 15_000,
        "a" * 200_000,
        "1234 " * 40_000,
        "http://a:" * 20_000,
        "a@" * 60_000,
        "eyJ" * 50_000,
        "-----BEGIN PRIVATE KEY-----" * 4_000,
        "Assigned to Ab " * 12_000,
        "curl -u " * 20_000,
        "1.1.1.1." * 20_000,
        "ab:" * 50_000,
        "\\" * 100_000,
        "⟦S:" * 40_000,
        "é" * 100_000,
    ],
    ids=lambda text: text[:12],
)
def test_nothing_takes_longer_than_its_length_allows(text: str) -> None:
    """The redactor gives up by itself where it would; here it must not have to."""
    REDACTOR.spans(text)


def test_two_megabytes_are_read_whole() -> None:
    value = "ghp_" + made(MIXED, 36, 4)
    lines = "".join(
        f"2026-11-20T09:00:00Z INFO checkout-{n % 97} id={n:08x} path=/v1/orders/{n} took={n % 400}ms\n"
        for n in range(24_000)
    )
    text = f"{lines}\n{value} é {value}"
    assert len(text) > 1_900_000
    assert [text[span.start : span.end] for span in REDACTOR.spans(text)] == [value, value]


def test_out_of_time_nothing_is_said_to_be_clean() -> None:
    ticks = iter(range(0, 100_000, 30))
    with pytest.raises(NotRedacted, match="too long"):
        Re2Redactor(tuple, monotonic=lambda: float(next(ticks))).spans("password: Foo123!bar")


def test_a_rule_that_breaks_closes_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import re2

    def broken(*_given: object) -> object:
        raise re2.error("out of memory")

    monkeypatch.setattr(engine, "_found", broken)
    with pytest.raises(NotRedacted, match="nothing was sent"):
        REDACTOR.spans("password: Foo123!bar")


def test_several_threads_find_the_same() -> None:
    from concurrent.futures import ThreadPoolExecutor

    text = "password: Foo123!bar " + "token " + made(HEX, 40, 5)
    with ThreadPoolExecutor(4) as pool:
        found: Sequence[tuple[Span, ...]] = list(pool.map(lambda _: REDACTOR.spans(text), range(16)))
    assert len(set(found)) == 1


def test_every_rule_compiles_and_needs_one_of_its_anchors() -> None:
    for index, rule in enumerate(engine._rules()):
        assert rule.anchors, rule.pattern
        assert all(anchor == anchor.lower() for anchor in rule.anchors), rule.anchors
        assert rule.kind == rule.kind.upper()
        engine._compiled(index)


HERE = Path(__file__).parent


@pytest.mark.parametrize("line", (HERE / "ways.txt").read_text(encoding="utf-8").splitlines())
def test_a_password_is_found_in_the_ways_that_tickets_hold_it(line: str) -> None:
    for number in range(3):
        value = "Tundra" + made(MIXED, 5, number) + "7!x"
        assert not is_left(value, line.replace("{}", value).replace("\\n", "\n"))


@pytest.mark.parametrize("line", (HERE / "stays.txt").read_text(encoding="utf-8").splitlines())
def test_lines_that_only_speak_of_such_things_stay(line: str) -> None:
    assert hidden(line) == []
