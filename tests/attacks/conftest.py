"""A gateway, hostile bots, and the neighbour who measures."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.conftest import StartGateway
from tests.servers import ROOT, Server, free_port, running

WAIT_SECONDS = 0.25
"""How long a request may hold up others. The goal is 5 ms; machines that test are slow."""
STALL_SECONDS = 3.0
"""How long a neighbour may wait where the worker is not at work itself."""
SPARE_BYTES = 150_000_000
ATTEMPTS = 3

Watch = Callable[[int], AbstractContextManager[None]]


class Held(AssertionError):
    """An attack held up or filled up the worker."""


@pytest.fixture(scope="session")
def hostile(logs: Path) -> Iterator[Server]:
    port = free_port()
    command = ["-m", "tests.attacks.hostile", str(port)]
    with running(command, port, logs / "hostile.log") as server:
        yield server


@pytest.fixture(scope="package")
def victim(
    gateways: Callable[[], AbstractContextManager[StartGateway]], hostile: Server
) -> Iterator[Server]:
    """A gateway of one worker, whose own bots are the hostile ones."""
    with gateways() as start:
        yield start(
            "-m",
            "tests.attacks.slow_names",
            BOT_URLS=f"hostile-*={hostile.url}/bots/{{bot}}",
            POE_UPLOAD_URL=f"{hostile.url}/upload/bomb-500?",
        )


def worker_of(gateway: Server) -> int:
    pid = gateway.process.pid
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def memory(pid: int, field: str) -> int:
    """In bytes: VmRSS is what it takes now, VmHWM what it took at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))


@pytest.fixture
def watch(victim: Server) -> Watch:
    """``with watch(body_bytes):`` raises Held for an attack that others would have felt."""

    @contextmanager
    def watching(body_bytes: int = 0) -> Iterator[None]:
        pid = worker_of(victim)
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): resets VmHWM
        idle = memory(pid, "VmRSS")
        command = [sys.executable, "-m", "tests.attacks.neighbour", str(victim.port), str(pid)]
        neighbour = subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert neighbour.stdin and neighbour.stdout
        try:
            assert neighbour.stdout.readline() == "begun\n"
            yield
            neighbour.stdin.close()
            waits = json.loads(neighbour.stdout.readline())
        finally:
            neighbour.kill()
            neighbour.wait()
            neighbour.stdout.close()
        assert worker_of(victim) == pid, "the worker was killed"
        grown = memory(pid, "VmHWM") - idle
        summary = f"wait {waits['wait']:.3f} s, busy {waits['busy']:.3f} s, {grown // 10**6} MB"
        sys.stderr.write(f"  {summary}\n")
        if waits["busy"] > WAIT_SECONDS or waits["wait"] > STALL_SECONDS:
            raise Held(summary)
        if grown > max(SPARE_BYTES, 3 * body_bytes):
            raise Held(summary)

    return watching
