"""Reports: grouping, filters, and points that Poe's history confirms."""

from typing import Any

import pytest

from app.access.prices import PriceList, price_of
from app.access.reconciling import accounts_of, points_per_usd, spent_in
from app.access.store import HOUR, RowKey, Spent, Sums
from app.access.usage_report import Question, TooLong, as_csv, make_report
from app.core.events import Usage

NOON = 1_764_158_400
"""2025-11-26T12:00:00Z"""
ROWS = [
    (RowKey(NOON, "alice", 1, "GPT-5", "chat"), Sums(3, 1, 300, 30, 30.0, 900, 3)),
    (RowKey(NOON, "bob", 1, "GPT-5", "messages"), Sums(1, 0, 100, 10, 10.0, 100, 1)),
    (RowKey(NOON + HOUR, "alice", 2, "Claude", "chat"), Sums(1, 0, 1, 1, 7.0)),
]


def question(by: str = "", **only: str | int) -> Question:
    return Question(NOON, NOON + 2 * HOUR, tuple(filter(None, by.split(","))), only)


def test_groups_and_totals() -> None:
    report = make_report(ROWS, [], {}, question("token,day"))
    assert report.rows == [
        {
            "token": "alice",
            "day": "2025-11-26",
            "requests": 4,
            "errors": 1,
            "prompt_tokens": 301,
            "completion_tokens": 31,
            "points": 37.0,
            "points_estimated": True,
            "first_token_ms": 300,
        },
        {
            "token": "bob",
            "day": "2025-11-26",
            "requests": 1,
            "errors": 0,
            "prompt_tokens": 100,
            "completion_tokens": 10,
            "points": 10.0,
            "points_estimated": True,
            "first_token_ms": 100,
        },
    ]
    assert report.totals["points"] == 47.0
    assert report.totals["first_token_ms"] == 250


def test_without_groups_there_are_only_totals() -> None:
    report = make_report(ROWS, [], {}, question())
    assert (report.rows, report.totals["requests"]) == ([], 5)


def test_only_some_rows() -> None:
    report = make_report(ROWS, [], {}, question("model", token="alice", key=2))
    assert [row["model"] for row in report.rows] == ["Claude"]


def test_points_of_reconciled_hours_are_spread_by_estimate() -> None:
    spent = [Spent(NOON, 1, "GPT-5", 80.0), Spent(NOON + HOUR, 1, "Claude", 99.0)]
    reconciled = {"to": NOON + HOUR, "accounts": {"1": 1, "2": 2}}
    report = make_report(ROWS, spent, reconciled, question("token,hour"))
    points = {(row["token"], row["hour"]): row for row in report.rows}
    assert points["alice", "2025-11-26T12:00:00Z"]["points"] == 60.0
    assert points["alice", "2025-11-26T12:00:00Z"]["points_estimated"] is False
    assert points["bob", "2025-11-26T12:00:00Z"]["points"] == 20.0
    assert points["alice", "2025-11-26T13:00:00Z"]["points"] == 7.0, "that hour is not read yet"
    assert points["alice", "2025-11-26T13:00:00Z"]["points_estimated"] is True
    filtered = make_report(ROWS, spent, reconciled, question("token", token="bob"))
    assert filtered.totals["points"] == 20.0, "others' rows count in the proportion"


def test_keys_of_one_account_share_what_it_spent() -> None:
    rows = [
        (RowKey(NOON, "alice", 1, "GPT-5", "chat"), Sums(1, points=1.0)),
        (RowKey(NOON, "bob", 2, "GPT-5", "chat"), Sums(1, points=3.0)),
    ]
    reconciled = {"to": NOON + HOUR, "accounts": {"1": 1, "2": 1}}
    report = make_report(rows, [Spent(NOON, 1, "GPT-5", 8.0)], reconciled, question("token"))
    assert {row["token"]: row["points"] for row in report.rows} == {"alice": 2.0, "bob": 6.0}


def test_requests_without_an_estimate_share_by_number() -> None:
    rows = [(RowKey(NOON, name, 1, "New-Bot", "chat"), Sums(n)) for name, n in (("a", 1), ("b", 3))]
    reconciled = {"to": NOON + HOUR, "accounts": {"1": 1}}
    report = make_report(rows, [Spent(NOON, 1, "New-Bot", 8.0)], reconciled, question("token"))
    assert {row["token"]: row["points"] for row in report.rows} == {"a": 2.0, "b": 6.0}


def test_a_report_of_too_many_rows_is_refused() -> None:
    rows = [(RowKey(NOON, f"t{n}", 1, "m", "chat"), Sums(1)) for n in range(10_001)]
    with pytest.raises(TooLong):
        make_report(rows, [], {}, question("token"))
    assert make_report(rows, [], {}, question("model")).totals["requests"] == 10_001


def test_csv() -> None:
    rows = [(RowKey(NOON, '=cmd|"x",\n', 1, "GPT-5", "chat"), Sums(1))]
    text = as_csv(make_report(rows, [], {}, question("token,month")), ("token", "month"))
    assert text == (
        "token,month,requests,errors,prompt_tokens,completion_tokens,points,points_estimated,"
        "first_token_ms\r\n"
        '"\'=cmd|""x"",\n",2025-11,1,0,0,0,0.0,false,\r\n'
    )


def test_csv_of_nothing() -> None:
    nothing = make_report([], [], {}, question("token,day"))
    assert as_csv(nothing, ("token", "day")).splitlines()[1:] == []
    total = as_csv(make_report([], [], {}, question("")), ())
    assert total.splitlines()[1].startswith("0,0,0,0,")


MODELS: list[dict[str, Any]] = [
    {"id": "GPT-5", "pricing": {"prompt": "0.000001", "completion": "0.00001", "request": None}},
    {"id": "Image", "pricing": {"prompt": None, "request": "250"}},
    {"id": "Odd", "pricing": {"prompt": "NaN", "completion": [], "request": -4}},
    {"id": "Free", "pricing": None},
]


def test_prices() -> None:
    prices = PriceList(lambda: MODELS)
    prices.points_per_usd = 10_000
    assert prices.estimate("GPT-5", Usage(1_000, 100)) == pytest.approx(20.0)
    assert prices.estimate("Image", Usage(5, 0)) == 250.0
    assert prices.estimate("Odd", Usage(5, 5)) is None
    assert prices.estimate("Free", Usage(5, 5)) is None
    assert prices.estimate("Unknown", Usage(5, 5)) is None
    assert prices.knows("Free") and not prices.knows("Unknown")
    assert price_of({}) is None


def test_tokens_of_the_cache_have_prices_of_their_own() -> None:
    pricing = {
        "prompt": "0.00001",
        "completion": "0.0001",
        "input_cache_read": "0.000001",
        "input_cache_write": "0.0000125",
    }
    models = [{"id": "New", "pricing": pricing}, MODELS[0]]
    prices = PriceList(lambda: models)
    prices.points_per_usd = 1_000_000
    usage = Usage(1_000, 10, cached=800, written=100)
    assert prices.estimate("New", usage) == pytest.approx(100 * 10 + 800 + 1250 + 1000)
    assert prices.estimate("GPT-5", usage) == pytest.approx(1000 + 100)


def test_prices_follow_the_catalog() -> None:
    models = [MODELS]
    prices = PriceList(lambda: models[0])
    assert prices.estimate("New", Usage(1, 1)) is None
    models[0] = [{"id": "New", "pricing": {"request": 3}}]
    assert prices.estimate("New", Usage(1, 1)) == 3.0


def told(query: str, hour: int, points: int, **more: object) -> dict[str, object]:
    entry = {"query_id": query, "creation_time": hour * 1_000_000 + 5, "bot_name": "GPT-5"}
    return {**entry, "cost_points": points, **more}


def test_histories_of_one_account_count_once() -> None:
    histories = {
        1: [told("a", NOON, 5), told("b", NOON + HOUR, 7)],
        2: [told("c", NOON, 11)],
        3: [told("b", NOON + HOUR, 7), told("d", NOON, 1)],
    }
    accounts = accounts_of(histories)
    assert accounts == {1: 1, 2: 2, 3: 1}
    assert sorted(spent_in(histories, accounts, NOON)) == [
        Spent(NOON, 1, "GPT-5", 6.0),
        Spent(NOON, 2, "GPT-5", 11.0),
        Spent(NOON + HOUR, 1, "GPT-5", 7.0),
    ]
    assert spent_in(histories, accounts, NOON + HOUR) == [Spent(NOON + HOUR, 1, "GPT-5", 7.0)]


def test_points_a_usd_are_learned_where_both_are_told() -> None:
    entries = [told("a", NOON, 100, cost_usd="0.01"), told("b", NOON, 900), told("c", NOON, 0)]
    assert points_per_usd(entries) == 10_000
    assert points_per_usd([told("a", NOON, 100, cost_usd="odd")]) is None
