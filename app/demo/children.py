"""The servers of ``make run`` as child processes: started together, ended together."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Self
from urllib.parse import urlsplit

POLL_SECONDS = 0.1
START_SECONDS = 60.0
GRACE_SECONDS = 35.0
"""Longer than gunicorn's own graceful timeout: it decides when streams are cut."""


class ServersFailed(Exception):
    """The servers could not be started or kept running. The message says which, and why."""


class StopRequests:
    """The signals so far that asked this process to end.

    They are only noted. An exception out of a signal handler could come between the start of a
    child and the line that stores it, and leave that child running.
    """

    def __init__(self) -> None:
        self.signals: list[int] = []

    def listen(self) -> None:
        """Handles Ctrl-C, SIGTERM and the terminal's hang-up. For the main thread only."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, frame: self.signals.append(number))


class Child:
    """A Python module run as a server. Leaving the ``with`` block ends it."""

    def __init__(
        self,
        title: str,
        command: Sequence[str],
        probe: str,
        stop: StopRequests,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """``command`` follows ``python -m``; ``probe`` is a URL that answers 200 once it serves."""
        self.title, self.probe, self._stop = title, urlsplit(probe), stop
        # In a session of its own the terminal's Ctrl-C does not reach it: we say when it ends.
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=environ,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        """Asks it to end; kills it after the grace period, or at once at the next stop request.

        Ctrl-C is passed on as Ctrl-C, so that gunicorn cuts its streams.
        """
        asked, deadline = len(self._stop.signals), time.monotonic() + GRACE_SECONDS
        if self.process.poll() is None:
            interrupted = signal.SIGINT in self._stop.signals
            self.process.send_signal(signal.SIGINT if interrupted else signal.SIGTERM)
        while self.process.poll() is None:
            if len(self._stop.signals) > asked or time.monotonic() > deadline:
                # The group has the child's pid, which is not reused before the child is reaped.
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            time.sleep(POLL_SECONDS)

    def answers(self) -> bool:
        """Whether it serves by now. No proxy of the environment is asked."""
        connection = HTTPConnection(self.probe.hostname or "", self.probe.port, timeout=1)
        try:
            connection.request("GET", self.probe.path)
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def run_together(children: Sequence[Child], stop: StopRequests, ready: Callable[[], None]) -> None:
    """Calls ``ready`` once all of them serve; returns when asked to stop.

    Raises ServersFailed where one of them ends by itself, or does not serve in time.
    """
    silent, deadline = list(children), time.monotonic() + START_SECONDS
    while not stop.signals:
        for child in children:
            code = child.process.poll()
            if code is not None:
                how = f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
                raise ServersFailed(f"{child.title} ended {how}")
        if silent:
            silent = [child for child in silent if not child.answers()]
            if not silent:
                ready()
            elif time.monotonic() > deadline:
                titles = ", ".join(child.title for child in silent)
                raise ServersFailed(f"no answer from {titles} in {START_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)


def check_free(host: str, port: int) -> int:
    """The port, or with 0 one that is free. Raises ServersFailed where no server can listen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as listening:
            return int(listening.getsockname()[1])
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error
        raise ServersFailed(
            f"cannot listen on {host}, port {port}: {reason}. To take another: make run PORT=8001"
        ) from error
