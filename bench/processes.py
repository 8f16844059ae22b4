"""The servers under measurement: started on free loopback ports, stopped by their own pid."""

import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
START_LIMIT = 30.0  # seconds until a server must accept
STOP_GRACE = 8.0  # seconds between SIGTERM and SIGKILL
OPEN_FILES = 20_000
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")


class Failure(Exception):
    """A measurement could not be made, or showed a wrong answer."""


@dataclass(frozen=True)
class Server:
    """A running server of this run."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def log_tail(self, characters: int = 2000) -> str:
        """The end of what it printed, for the report of a failure."""
        return self.log.read_text(errors="replace")[-characters:]


@dataclass(frozen=True)
class Servers:
    """The simulated Poe, and the two systems that relay it."""

    upstream: Server
    gateway: Server
    baseline: Server


def raise_open_files() -> None:
    """Lifts the soft limit of open files, which the servers inherit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_accepting(server: Server) -> None:
    """Returns when the server takes connections; raises when it ended or is too late."""
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise Failure(f"{server.name} did not start:\n{server.log_tail()}")


def stop(process: subprocess.Popen[Any]) -> None:
    """SIGTERM, then SIGKILL to a process that is still there after the grace."""
    process.terminate()
    try:
        process.wait(STOP_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def running(name: str, command: list[str], port: int, **settings: str) -> Iterator[Server]:
    """A server that lives as long as the block; its environment is only what is given here."""
    environment = {key: os.environ[key] for key in INHERITED if key in os.environ} | settings
    with tempfile.NamedTemporaryFile(prefix=f"bench-{name}-", suffix=".log") as log:
        process = spawn(command, environment, log)
        try:
            yield Server(name, port, process, Path(log.name))
        finally:
            stop(process)


def spawn(
    command: list[str], environment: dict[str, str], log: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Starts the command in the project's root, its output going to the log."""
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
    )


def uvicorn(app: str, port: int, *options: str) -> list[str]:
    """The command line of one quiet uvicorn worker."""
    where = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"]
    return [str(BIN / "uvicorn"), app, *where, *options]


def gateway_settings(port: int, poe: str) -> dict[str, str]:
    """The gateway's environment: one worker, and the simulated Poe in the place of Poe."""
    return {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
        "POE_BASE_URL": f"{poe}/bot/",
        "POE_API_URL": poe,
        "STATE_DIR": str(Path(tempfile.gettempdir()) / "poegate-bench"),
    }


def upstream() -> AbstractContextManager[Server]:
    """The simulated Poe, on the fastest loop and parser that uvicorn has."""
    port = free_port()
    fast = ("--loop", "uvloop", "--http", "httptools", "--lifespan", "off")
    return running("upstream", uvicorn("bench.upstream:app", port, *fast), port)


def gateway(poe: str) -> AbstractContextManager[Server]:
    """The gateway under test."""
    port = free_port()
    command = [str(BIN / "gunicorn"), "wsgi:application"]
    return running("gateway", command, port, **gateway_settings(port, poe))


def baseline(poe: str) -> AbstractContextManager[Server]:
    """The plain relay, under uvicorn as it comes: it takes uvloop and httptools, being there."""
    port = free_port()
    command = uvicorn("bench.baseline:app", port)
    return running("baseline", command, port, POE_BASE_URL=f"{poe}/bot/")


@contextmanager
def servers() -> Iterator[Servers]:
    """Fresh instances of all three, accepting; the relays have one worker each."""
    with ExitStack() as stack:
        simulated = stack.enter_context(upstream())
        wait_until_accepting(simulated)
        poe = f"http://127.0.0.1:{simulated.port}"
        relays = [stack.enter_context(start(poe)) for start in (gateway, baseline)]
        for relay in relays:
            wait_until_accepting(relay)
        yield Servers(simulated, *relays)
