"""The checker's process: ``python -m app.core.json_output.worker``.

It reads a line of JSON for each task from its standard input, and writes a line for each answer;
first of all it writes ``{}``, once it is ready. Whoever asks keeps the time, and kills it.

    {"task": "schema", "schema": {...}}            {"fault": null or a text}
    {"task": "answer", "schema": ..., "text": ..}  {"text": null or a text, "violations": [...],
                                                    "is_json": true or false}

A ``text`` of null is the one that was asked about, unchanged. A task that takes more than its
budget of processor time ends the process.
"""

import os
import resource
import signal
import sys
from typing import Any

import orjson

from app.core.json_output.schema import check_schema
from app.core.json_output.settle import settle_json

BUDGET_SECONDS = 0.25
"""Of processor time, so that a busy machine does not make a task fail."""

MAX_MEMORY_BYTES = 1_000_000_000
NICENESS = 5
"""The gateway's own streams go first."""


def answer(task: dict[str, Any]) -> dict[str, Any]:
    """What there is to say to one task."""
    if task["task"] == "schema":
        return {"fault": check_schema(task["schema"])}
    verdict = settle_json(task["text"], task["schema"])
    text = None if verdict.text == task["text"] else verdict.text
    return {"text": text, "violations": verdict.violations, "is_json": verdict.is_json}


def main() -> None:
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    _write({})
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_PROF, BUDGET_SECONDS)  # at its end SIGPROF kills
        said = answer(orjson.loads(line))
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(said)


def _write(line: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
