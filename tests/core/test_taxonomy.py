"""The taxonomy: what names a value, and what only looks like it."""

from __future__ import annotations

import pytest

from opstui.core.taxonomy import Taxonomy, Term, collisions, from_json, plain, to_json

ORDERS = Term(id="orders-db", title="Orders database", aliases=("orders postgres",), team="databases")
CHECKOUT = Term(id="checkout-api", title="Checkout", aliases=("cart",), team="payments")
DATABASE = Term(id="database", aliases=("db",), signs=("replica lag", "disk full"))
TAXONOMY = Taxonomy(
    services=(ORDERS, CHECKOUT),
    teams=(Term(id="payments", names={"rt": "Payments L2"}), Term(id="databases")),
    categories=(DATABASE, Term(id="network", signs=("packet loss",))),
    fields={"category": "Category"},
)


def said(text: str, kind: str = "service") -> list[tuple[str, str]]:
    return [(mention.term.id, mention.word) for mention in TAXONOMY.mentions(kind, text)]


@pytest.mark.parametrize("word", ["orders-db", "Orders_DB", "orders db", "ORDERS DATABASE", "Orders Postgres"])
def test_every_name_of_a_value_leads_to_it_however_it_is_written(word: str) -> None:
    assert TAXONOMY.resolve("service", word) is ORDERS
    assert TAXONOMY.resolve("services", word) is ORDERS


@pytest.mark.parametrize("word", ["orders", "db", "", None, "payments"])
def test_what_the_taxonomy_does_not_know_is_nothing(word: str | None) -> None:
    assert TAXONOMY.resolve("service", word) is None


def test_a_ticket_system_may_call_a_value_by_a_name_of_its_own() -> None:
    payments = TAXONOMY.teams["payments"]
    assert (payments.called("rt"), payments.called("local")) == ("Payments L2", "payments")
    assert TAXONOMY.resolve("team", "payments l2") is payments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Disk of orders-db-2 at 91 %", [("orders-db", "orders-db")]),
        ("the Orders database is slow, cart too", [("orders-db", "Orders database"), ("checkout-api", "cart")]),
        ("checkout-api-canary and my-cart and cart_items", []),
        ("Checkout: database of orders. DB is fine", [("checkout-api", "Checkout")]),
        ("cart", [("checkout-api", "cart")]),
        ("GET /cart/items, kubectl logs deploy/cart, http://x.example/cart", []),
        ("cart / Checkout.", [("checkout-api", "cart"), ("checkout-api", "Checkout")]),
        ("", []),
    ],
)
def test_a_name_in_a_text_stands_alone(text: str, expected: list[tuple[str, str]]) -> None:
    assert said(text) == expected


def test_a_short_name_inside_a_longer_one_is_none() -> None:
    assert said("orders-db-2 is full", "category") == []
    assert said("the DB is full", "category") == [("database", "DB")]


def test_a_value_without_a_letter_is_named_by_nothing_in_a_text() -> None:
    severities = Taxonomy(severities=(Term(id="1", aliases=("sev 1",)),))
    assert [mention.word for mention in severities.mentions("severity", "1 of 12 pods, SEV-1 since 1:00")] == ["SEV-1"]


def test_a_sign_speaks_for_a_value_and_is_no_name() -> None:
    (mention,) = TAXONOMY.mentions("category", "Replica lag grows")
    assert (mention.term, mention.is_name) == (DATABASE, False)
    assert TAXONOMY.resolve("category", "replica lag") is None


def test_words_that_name_two_values_are_found() -> None:
    twice = (Term(id="a", aliases=("Main-DB",)), Term(id="b", title="main db"), Term(id="c", aliases=("c",)))
    assert list(collisions(twice)) == [("main db", "a", "b")]


def test_what_an_agent_is_told_is_read_back_as_the_same_values() -> None:
    again = from_json(to_json(TAXONOMY))
    assert again.services == TAXONOMY.services
    assert again.categories == TAXONOMY.categories
    assert list(again.teams) == list(TAXONOMY.teams)
    assert from_json({"services": [{"id": 3}, "x", None]}).services == {}


def test_an_empty_taxonomy_knows_nothing_and_is_false() -> None:
    assert not Taxonomy()
    assert TAXONOMY
    assert Taxonomy().resolve("team", "payments") is None
    assert list(Taxonomy().mentions("service", "checkout")) == []


def test_a_long_text_takes_no_long_time_and_no_strange_text_breaks_it() -> None:
    assert len(said("cart " * 20_000)) == 20_000
    assert said("の" * 500 + "\x00ẞ İ") == []
    assert plain("ẞ-İ__x") == plain("ẞ İ x")
