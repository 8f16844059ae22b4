"""Servers as child processes that start together and end together."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from types import FrameType
from typing import Self
from urllib.parse import urlsplit

POLL_SECONDS = 0.1
START_SECONDS = 60.0
# Longer than gunicorn's own graceful timeout, so that it, not we, decides when streams are cut.
GRACE_SECONDS = 35.0

PORTS = range(20_000, 32_768)
"""Below those that Linux gives to outgoing connections (ip_local_port_range)."""
TRIES = 100


class ServersFailed(Exception):
    """The servers could not be started or kept running. The message says which, and why."""


class StopRequests:
    """The signals so far that asked this process to end.

    They only leave a mark. An exception out of a signal could strike between the start of a child
    and the line that remembers it, and leave that child behind.
    """

    def __init__(self) -> None:
        self.signals: list[int] = []

    def listen(self) -> None:
        """Take over Ctrl-C, SIGTERM and the terminal's hang-up. For the main thread only."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signals.append(number)

    @property
    def to_pass_on(self) -> signal.Signals:
        """Ctrl-C goes on as Ctrl-C, and gunicorn cuts its streams; all else lets them end."""
        return signal.SIGINT if signal.SIGINT in self.signals else signal.SIGTERM


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
        self.title, self.probe, self.stop = title, urlsplit(probe), stop
        # In a session of its own the terminal's Ctrl-C doesn't reach it: we say when it ends.
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            env=environ,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        """Ask it to end; kill it after the grace period, or at once when asked to stop again."""
        if self.process.poll() is not None:
            return
        self.process.send_signal(self.stop.to_pass_on)
        if not self._ends_in_time():
            # The group bears the child's pid, which is not given away before we reap the child.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _ends_in_time(self) -> bool:
        asked, deadline = len(self.stop.signals), time.monotonic() + GRACE_SECONDS
        while self.process.poll() is None:
            if len(self.stop.signals) > asked or time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

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

    def check_lives(self) -> None:
        """Raises ServersFailed where it has ended."""
        code = self.process.poll()
        if code is not None:
            how = f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
            raise ServersFailed(f"{self.title} ended {how}")


def run_together(children: Sequence[Child], stop: StopRequests, ready: Callable[[], None]) -> None:
    """Call ``ready`` once all of them serve; return when asked to stop.

    Raises ServersFailed where one of them ends by itself, or does not serve in time.
    """
    ticks = _ticks_while_all_live(children, stop)
    deadline = time.monotonic() + START_SECONDS
    for _ in ticks:
        silent = [child.title for child in children if not child.answers()]
        if not silent:
            ready()
            break
        if time.monotonic() > deadline:
            raise ServersFailed(f"no answer from {', '.join(silent)} in {START_SECONDS:.0f} s")
    for _ in ticks:
        pass


def _ticks_while_all_live(children: Sequence[Child], stop: StopRequests) -> Iterator[None]:
    while not stop.signals:
        for child in children:
            child.check_lives()
        yield
        time.sleep(POLL_SECONDS)


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on, and that no outgoing connection is given meanwhile."""
    for port in random.sample(PORTS, TRIES):
        with suppress(OSError), _listen(host, port):
            return port
    raise ServersFailed(f"no free port on {host} in {TRIES} tries")


def check_free(host: str, port: int) -> None:
    """Raises ServersFailed where a server could not listen there, and says why."""
    try:
        _listen(host, port).close()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error
        raise ServersFailed(
            f"cannot listen on {host}, port {port}: {reason}. To take another: make run PORT=8001"
        ) from error


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)
