"""What Poe's points history says, as what accounts spent by bot and hour."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.access.store import HOUR, Spent

Entry = Mapping[str, Any]
Histories = Mapping[int, Sequence[Entry]]
"""Poe's entries by the number of the key that they were read with."""


def accounts_of(histories: Histories) -> dict[int, int]:
    """The account of each key: the smallest number of the keys that tell the same queries."""
    first_with: dict[str, int] = {}
    accounts: dict[int, int] = {}
    for number in sorted(histories):
        ids = [str(entry.get("query_id")) for entry in histories[number]]
        account = min((first_with[query] for query in ids if query in first_with), default=number)
        accounts[number] = account
        for query in ids:
            first_with.setdefault(query, account)
    return accounts


def spent_in(histories: Histories, accounts: Mapping[int, int], since: int) -> list[Spent]:
    """By account, bot and hour, of the hours from ``since`` on. Each query counts once."""
    points: dict[tuple[int, int, str], float] = {}
    seen: set[str] = set()
    for number, entries in histories.items():
        for entry in entries:
            query, hour = str(entry.get("query_id")), hour_of(entry)
            if query in seen or hour < since:
                continue
            seen.add(query)
            place = (hour, accounts[number], str(entry.get("bot_name") or ""))
            points[place] = points.get(place, 0.0) + _number(entry.get("cost_points"))
    return [Spent(*place, points=amount) for place, amount in points.items()]


def hour_of(entry: Entry) -> int:
    """``creation_time`` is in microseconds."""
    return int(_number(entry.get("creation_time")) / 1e6) // HOUR * HOUR


def points_per_usd(entries: Iterable[Entry]) -> float | None:
    """As the entries that tell both costs have it; None where none does."""
    points = usd = 0.0
    for entry in entries:
        cost_points, cost_usd = _number(entry.get("cost_points")), _number(entry.get("cost_usd"))
        if cost_points > 0 and cost_usd > 0:
            points, usd = points + cost_points, usd + cost_usd
    return points / usd if usd else None


def _number(value: Any) -> float:
    if isinstance(value, bool):
        return 0.0
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return number if 0 <= number < 1e18 else 0.0
