"""Real servers as subprocesses on loopback ports, stopped by their own process ids."""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from app.config import SETTING_NAMES

ROOT = Path(__file__).parents[1]
START_SECONDS = 60
STOP_SECONDS = 15

COVERAGE_FOLDER = os.environ.get("COVERAGE_FOLDER", "")
"""Where make test wants to find which lines of app/ the shared gateway executes; empty: nowhere."""


class Server:
    """A running server. ``url`` is its base, ``log`` the file of what it printed."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = log

    def printed(self) -> str:
        return self.log.read_text()


WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
"""Of pytest-xdist: how many of its processes run tests, and which one this is."""

PORTS = range(20_000 + WORKER, 32_768, WORKERS)
"""Below those that Linux gives to outgoing connections (ip_local_port_range)."""


def free_port() -> int:
    """A port that nobody listens on, that no outgoing connection is given meanwhile, and that no
    other worker of pytest-xdist picks."""
    for port in random.sample(PORTS, 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("no free port in 100 tries")


@contextmanager
def running(
    command: Sequence[str], port: int, log: Path, environ: dict[str, str] | None = None
) -> Iterator[Server]:
    """The server from the moment it accepts connections until the block ends."""
    with log.open("wb") as output:
        process = _start(command, output, environ or {})
        try:
            _wait_until_accepting(process, port, log)
            yield Server(process, port, log)
        finally:
            _stop(process)


def _start(
    command: Sequence[str], output: IO[bytes], environ: dict[str, str]
) -> subprocess.Popen[bytes]:
    unset = {"POEGATE_CONFIG", *SETTING_NAMES}
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    # Else every server would compile all of the project anew.
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**inherited, **environ},
        stdout=output,
        stderr=subprocess.STDOUT,
    )


def _wait_until_accepting(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"ended with {process.returncode}:\n{log.read_text()}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"does not accept connections:\n{log.read_text()}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
