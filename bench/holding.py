"""What a server uses, seen from outside: processor time, and memory while it holds a crowd."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from bench.crowd import Order, Outcome
from bench.processes import ROOT, Failure, Server, stop

SAMPLE_GAP = 1.0  # seconds between two looks at the memory
MARGIN = 2.0  # seconds before the first stream ends at which looking stops


@dataclass(frozen=True)
class Held:
    """A crowd that was held: streams open at once, how they ended, and what one cost."""

    at_once: int
    outcome: Outcome
    kib_per_stream: float


def parent_of(stat: Path) -> int:
    """The parent's pid in a `/proc/<pid>/stat`; 0 where the process is gone."""
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def workers(server: Server) -> list[int]:
    """The pids that serve: the children of a master, or the process itself."""
    pid = server.process.pid
    stats = Path("/proc").glob("[0-9]*/stat")
    return [int(stat.parent.name) for stat in stats if parent_of(stat) == pid] or [pid]


def cpu_seconds(server: Server) -> float:
    """The processor time that the server's workers have used, in seconds."""
    stats = [Path(f"/proc/{pid}/stat").read_text() for pid in workers(server)]
    times = [stat.rpartition(")")[2].split()[11:13] for stat in stats]
    ticks = sum(int(user) + int(system) for user, system in times)
    return ticks / os.sysconf("SC_CLK_TCK")


def pss_kib(pid: int) -> int:
    """The proportional set size of a process, in KiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise Failure(f"the kernel tells no Pss of {pid}")


def memory_kib(server: Server) -> int:
    """The memory of the server's workers, in KiB."""
    return sum(map(pss_kib, workers(server)))


def highest_memory(server: Server, seconds: float) -> int:
    """The highest of the looks taken during so many seconds, in KiB."""
    looks = [memory_kib(server)]
    end = time.monotonic() + seconds - SAMPLE_GAP
    while time.monotonic() < end:
        time.sleep(SAMPLE_GAP)
        looks.append(memory_kib(server))
    return max(looks)


def line_of(stdout: IO[str]) -> dict[str, object]:
    """The crowd's next message."""
    line = stdout.readline()
    if not line:
        raise Failure("the crowd's process ended without its report")
    message: dict[str, object] = json.loads(line)
    return message


def hold(server: Server, order: Order) -> Held:
    """Lets a crowd come, looks at the memory while all are there, and waits for their end."""
    before = memory_kib(server)
    command = [sys.executable, "-m", "bench.crowd"]
    pipe = subprocess.PIPE
    crowd = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
    try:
        assert crowd.stdin and crowd.stdout
        crowd.stdin.write(json.dumps(asdict(order)) + "\n")
        crowd.stdin.flush()
        at_once = int(str(line_of(crowd.stdout)["held"]))
        during = highest_memory(server, order.tokens / order.rate - order.ramp - MARGIN)
        outcome = Outcome(**line_of(crowd.stdout))  # type: ignore[arg-type]
    finally:
        stop(crowd)
    return Held(at_once, outcome, (during - before) / max(at_once, 1))
