"""Checks schemas and answers in JSON in a process of its own, in bounded time.

Nothing can interrupt the compiling of a schema, a validation or json_repair, and each of them
would hold all other clients. One process for each gunicorn worker, started when it is first
needed; it ends at its budget of processor time (``core/json_output/worker.py``), and is started
again.
"""

import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import gevent
import orjson
from gevent.lock import BoundedSemaphore
from gevent.subprocess import DEVNULL, PIPE, Popen

from app.core.conversation import OutputFormat
from app.core.json_output.verdict import Verdict

MAX_SECONDS = 2.0
"""For one schema or one answer, where the process has not ended itself at its budget."""

START_SECONDS = 10.0

_COMMAND = (sys.executable, "-m", "app.core.json_output.worker")
_ANY_OBJECT: Mapping[str, Any] = {"type": "object"}


class _TooLong(Exception):
    """The process did not answer within its time, or ended."""


class Checker:
    """One for the worker; safe to share between greenlets, which take turns."""

    def __init__(self) -> None:
        self._process: _Process | None = None
        self._turn = BoundedSemaphore()

    def fault_of(self, schema: Mapping[str, Any]) -> str | None:
        """Why the schema cannot be used; None where it can."""
        try:
            fault: str | None = self._ask({"task": "schema", "schema": schema})["fault"]
        except _TooLong:
            return "The schema takes too long to check."
        return fault

    def settle(self, text: str, output_format: OutputFormat) -> Verdict:
        """The JSON in a bot's answer; ``output_format`` has no fault."""
        schema = _ANY_OBJECT if output_format.schema is None else output_format.schema
        try:
            answer = self._ask({"task": "answer", "schema": schema, "text": text})
        except _TooLong:
            return Verdict(text, unchecked=True)
        settled = text if answer["text"] is None else answer["text"]
        return Verdict(settled, tuple(answer["violations"]), answer["is_json"])

    def close(self) -> None:
        """Ends the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _ask(self, task: dict[str, Any]) -> dict[str, Any]:
        with self._turn:
            if self._process is None:
                self._process = _Process()
            try:
                return self._process.ask(task)
            except BaseException:  # also GreenletExit: its answer would be the next one's
                self.close()
                raise


class _Process:
    """The running process, and the pipes to it."""

    def __init__(self) -> None:
        self._process = Popen(_COMMAND, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
        self._tasks: Any = self._process.stdin
        self._answers: Any = self._process.stdout
        self._read(START_SECONDS)

    def ask(self, task: dict[str, Any]) -> dict[str, Any]:
        """Raises _TooLong."""
        try:
            with gevent.Timeout(MAX_SECONDS, _TooLong):
                self._tasks.write(orjson.dumps(task) + b"\n")
                self._tasks.flush()
        except OSError as error:
            raise _TooLong from error
        return self._read(MAX_SECONDS)

    def _read(self, seconds: float) -> dict[str, Any]:
        with gevent.Timeout(seconds, _TooLong):
            line = self._answers.readline()
        if not line:
            raise _TooLong
        answer: dict[str, Any] = orjson.loads(line)
        return answer

    def kill(self) -> None:
        """Takes no time: the process is reaped later."""
        self._process.kill()
        gevent.spawn(self._process.wait)
        for pipe in (self._tasks, self._answers):
            with suppress(OSError):  # what was not written any more
                pipe.close()
