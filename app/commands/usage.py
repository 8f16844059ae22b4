"""``python -m app usage``: who used how much."""

import sys
import time
from argparse import Namespace
from typing import Any

from app.access.rules import read_time
from app.access.store import DAY, HOUR, AccessStore, TooManyRows
from app.access.usage_report import GROUPS, PERIODS, Question, Report, as_csv, read_report
from app.commands.table import print_table
from app.config import Settings

DEFAULT_DAYS = 30


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("usage", help="who used how much")
    parser.add_argument(
        "--by",
        default="token,model",
        help=f"comma-separated: {', '.join(GROUPS)} and at most one of {', '.join(PERIODS)} "
        "(default: token,model)",
    )
    parser.add_argument("--from", dest="since", metavar="DATE", help="default: 30 days before --to")
    parser.add_argument("--to", dest="until", metavar="DATE", help="default: now")
    parser.add_argument("--token", help="only this token")
    parser.add_argument("--model", help="only this model")
    parser.add_argument("--csv", action="store_true", help="as CSV")
    parser.set_defaults(run=run)


def run(options: Namespace, settings: Settings, store: AccessStore) -> None:
    """Raises ValueError, OSError."""
    question = _question(options)
    try:
        report = read_report(store, question)
    except TooManyRows as error:
        raise ValueError("the period has too many rows; ask for a shorter one") from error
    if options.csv:
        sys.stdout.write(as_csv(report, question.by))
    else:
        _print(report, question.by)


def _question(options: Namespace) -> Question:
    by = tuple(dict.fromkeys(filter(None, map(str.strip, options.by.split(",")))))
    if unknown := [name for name in by if name not in (*GROUPS, *PERIODS)]:
        raise ValueError(f"--by: there is no {unknown[0]!r}")
    if sum(name in PERIODS for name in by) > 1:
        raise ValueError(f"--by: at most one of {', '.join(PERIODS)}")
    until = read_time("--to", options.until) if options.until else int(time.time())
    since = read_time("--from", options.since) if options.since else until - DEFAULT_DAYS * DAY
    only = {name: getattr(options, name) for name in ("token", "model") if getattr(options, name)}
    return Question(since // HOUR * HOUR, -(-until // HOUR) * HOUR, by, only)


def _print(report: Report, by: tuple[str, ...]) -> None:
    names = [*by, "requests", "errors", "prompt_tokens", "completion_tokens", "points"]
    rows = [[row[name] for name in names] for row in report.rows]
    total = [report.totals[name] for name in names[len(by) :]]
    head = [name.replace("_", " ") for name in names]
    print_table(head, [*rows, [*("total" if not n else "" for n in range(len(by))), *total]])
    if report.totals["points_estimated"]:
        print("\nSome of these points are estimates by the prices of Poe's catalog.")
