"""`python -m bench`: measures, prints one table, and fails where a target is missed."""

import argparse
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType

from bench import machine
from bench.failure import Failure
from bench.processes import has_peers, raise_open_files
from bench.rows import ROWS
from bench.table import Pace, Result, Row

DOCUMENT = Path(__file__).parent.parent / "docs" / "performance.md"
MARKS = ("<!-- measured by make bench-table -->", "<!-- end of the table -->")
DEADLINE = 1_500  # seconds that a whole run may take
QUICK = Pace(rounds=1, share=0.4)
COLUMNS = ("measured", "gateway", "baseline", "LiteLLM", "gateway is better", "target", "met")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    keys = [row.key for row in ROWS]
    parser.add_argument("rows", nargs="*", metavar="NAME", help=f"the rows: {', '.join(keys)}")
    parser.add_argument("--quick", action="store_true", help="one short round of each load")
    parser.add_argument("--write", action="store_true", help=f"write the table to {DOCUMENT.name}")
    parser.add_argument("--no-peers", action="store_true", help="without LiteLLM's proxy")
    options = parser.parse_args()
    if unknown := set(options.rows) - set(keys):
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(keys)}")
    return options


def give_up(number: int, _frame: FrameType | None) -> None:
    """Turns a signal into an exit that still stops every server."""
    what = f"no end after {DEADLINE} s" if number == signal.SIGALRM else "stopped"
    sys.exit(f"bench: {what}")


def measured(row: Row, pace: Pace) -> Result:
    """The row's result; a measurement that failed is a missed target with the reason."""
    print(f"bench: measuring row {row.key} ...", file=sys.stderr, flush=True)
    try:
        return row.measure(pace)
    except Failure as failure:
        return Result(f"row {row.key}", "failed", met=False, notes=[str(failure)])


def line(result: Result) -> str:
    """The result as a line of the table."""
    met = {True: "yes", False: "**no**", None: ""}[result.met]
    ratio = f"{result.ratio:.1f}x" if result.ratio else ""
    relays = (result.gateway, result.baseline, result.litellm)
    cells = (result.title, *relays, ratio, result.target)
    return f"| {' | '.join((*cells, met))} |"


def took(share: float) -> str:
    """What others took of the machine, and whether that spoils the numbers."""
    doubt = " (too much: measure again on a quiet machine)" if share > machine.OTHERS_LIMIT else ""
    return f"other processes took {share:.0%} of the cores{doubt}"


def main() -> int:
    """The exit status: 0 when every target is met."""
    options = arguments()
    for number in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(number, give_up)
    signal.alarm(DEADLINE)
    raise_open_files()
    others = machine.Others()
    peers = has_peers() and not options.no_peers
    pace = replace(QUICK if options.quick else Pace(), peers=peers)
    chosen = [row for row in ROWS if not options.rows or row.key in options.rows]
    results = [measured(row, pace) for row in chosen]
    head = [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    where = f"On {machine.description()}; one worker each; {took(others.share())}."
    table = "\n".join([*head, *map(line, results), "", where])
    print(table)
    if options.write:
        write(table)
    return report_missed(results)


def write(table: str) -> None:
    """Puts the table between the two marks in the document."""
    before, begin, rest = DOCUMENT.read_text().partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not (begin and end):
        sys.exit(f"bench: {DOCUMENT} lacks {MARKS[0]} or {MARKS[1]}")
    DOCUMENT.write_text(f"{before}{begin}\n\n{table}\n\n{end}{after}")


def report_missed(results: list[Result]) -> int:
    """Says which targets were missed and why; the exit status."""
    for result in results:
        for note in result.notes:
            print(f"{result.title}: {note}", file=sys.stderr)
    missed = [result.title for result in results if result.met is False]
    if missed:
        print(f"bench: target missed: {'; '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
