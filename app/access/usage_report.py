"""The ledger's rows as a report: grouped, filtered, with what Poe's history says was spent.

Points of an hour are what the history says, once it has been read up to that hour's end: spread
over the rows of an account, bot and hour in proportion to their estimates. Else they are estimates.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.access.store import HOUR, AccessStore, Row, RowKey, Spent, Sums

GROUPS = ("token", "key", "model", "dialect")
PERIODS = ("hour", "day", "month")
MAX_ROWS = 10_000
RECONCILED = "reconciled"
"""The store's fact: {"to": seconds since the epoch, "accounts": {key number: account}}."""

_PERIOD_FORMATS = {"hour": "%Y-%m-%dT%H:00:00Z", "day": "%Y-%m-%d", "month": "%Y-%m"}
_NUMBERS = ("requests", "errors", "prompt_tokens", "completion_tokens")


@dataclass(frozen=True, slots=True)
class Question:
    """``since <= hour < until``, in seconds since the epoch. ``only``: values of GROUPS."""

    since: int
    until: int
    by: tuple[str, ...] = ()
    only: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(slots=True)
class Total:
    """Sums of some rows. ``points`` as far as they are known, ``estimated`` if any is a guess."""

    sums: Sums = field(default_factory=Sums)
    points: float = 0.0
    estimated: bool = False

    def add(self, sums: Sums, points: float, *, estimated: bool) -> None:
        self.sums.add(sums)
        self.points += points
        self.estimated = self.estimated or estimated

    def render(self) -> dict[str, Any]:
        sums = self.sums
        mean = round(sums.first_token_ms / sums.first_tokens) if sums.first_tokens else None
        return {
            **{name: getattr(sums, name) for name in _NUMBERS},
            "points": round(self.points, 4),
            "points_estimated": self.estimated,
            "first_token_ms": mean,
        }


class TooLong(ValueError):
    """The report would have more than MAX_ROWS rows."""


@dataclass(frozen=True, slots=True)
class Report:
    rows: list[dict[str, Any]]
    totals: dict[str, Any]


def read_report(store: AccessStore, question: Question) -> Report:
    """Raises OSError, TooManyRows, TooLong."""
    rows = store.rows(question.since, question.until)
    spent = store.spent(question.since, question.until)
    return make_report(rows, spent, store.fact(RECONCILED) or {}, question)


def make_report(
    rows: Sequence[Row], spent: Iterable[Spent], reconciled: Mapping[str, Any], question: Question
) -> Report:
    """Raises TooLong."""
    factors = _Factors(rows, spent, reconciled)
    groups: dict[tuple[Any, ...], Total] = {}
    everything = Total()
    for key, sums in rows:
        if any(getattr(key, name) != value for name, value in question.only.items()):
            continue
        points, estimated = factors.points(key, sums)
        group = tuple(_value(key, name) for name in question.by)
        groups.setdefault(group, Total()).add(sums, points, estimated=estimated)
        everything.add(sums, points, estimated=estimated)
    if len(groups) > MAX_ROWS:
        raise TooLong(f"the report would have {len(groups)} rows; {MAX_ROWS} are the most")
    ordered = sorted(groups.items(), key=lambda item: _order(item[0], item[1], question.by))
    named = [
        dict(zip(question.by, group, strict=True)) | total.render() for group, total in ordered
    ]
    return Report(named if question.by else [], everything.render())


def _value(key: RowKey, name: str) -> str | int:
    if name in _PERIOD_FORMATS:
        return datetime.fromtimestamp(key.hour, UTC).strftime(_PERIOD_FORMATS[name])
    value: str | int = getattr(key, name)
    return value


def _order(group: tuple[Any, ...], total: Total, by: tuple[str, ...]) -> tuple[Any, ...]:
    """By period, then the most points, then the names."""
    periods = [value for name, value in zip(by, group, strict=True) if name in PERIODS]
    return (*periods, -total.points, *map(str, group))


class _Factors:
    """By which the estimates of an hour become what was really spent."""

    def __init__(
        self, rows: Iterable[Row], spent: Iterable[Spent], reconciled: Mapping[str, Any]
    ) -> None:
        self._to = reconciled.get("to", 0)
        self._accounts = reconciled.get("accounts", {})
        self._estimates: dict[tuple[int, int, str], tuple[float, int]] = {}
        for key, sums in rows:
            place = self._place(key)
            points, requests = self._estimates.get(place, (0.0, 0))
            self._estimates[place] = (points + sums.points, requests + sums.requests)
        self._spent = {(row.hour, row.account, row.bot): row.points for row in spent}

    def points(self, key: RowKey, sums: Sums) -> tuple[float, bool]:
        """The row's points, and whether they are an estimate."""
        if not key.key or key.hour + HOUR > self._to or str(key.key) not in self._accounts:
            return sums.points, bool(sums.points)
        place = self._place(key)
        spent = self._spent.get(place, 0.0)
        points, requests = self._estimates[place]
        if points:
            return spent * sums.points / points, False
        return (spent * sums.requests / requests if requests else 0.0), False

    def _place(self, key: RowKey) -> tuple[int, int, str]:
        return key.hour, self._accounts.get(str(key.key), key.key), key.model


def as_csv(report: Report, by: Sequence[str]) -> str:
    """RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    names = [*by, *report.totals]
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(names)
    for row in report.rows if by else [report.totals]:
        writer.writerow([_cell(row[name]) for name in names])
    return file.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return "" if value is None else value
