"""What a server uses, seen from outside: processor time and memory."""

import os
import time
from pathlib import Path

from bench.failure import Failure
from bench.processes import Server

SAMPLE_GAP = 1.0  # seconds between two looks at the memory


def parent_of(stat: Path) -> int:
    """The parent's pid in a `/proc/<pid>/stat`; 0 where the process is gone."""
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def family(server: Server) -> list[int]:
    """The pids of the server: its first process, and all that descend from it."""
    parents = {int(stat.parent.name): parent_of(stat) for stat in Path("/proc").glob("[0-9]*/stat")}
    pids = [server.process.pid]
    for pid in pids:  # grows meanwhile
        pids += [child for child, parent in parents.items() if parent == pid]
    return pids


def cpu_seconds(server: Server) -> float:
    """The processor time that the server has used, all its processes and threads, in seconds."""
    stats = [Path(f"/proc/{pid}/stat").read_text() for pid in family(server)]
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
    """The memory of all the server's processes, in KiB."""
    return sum(map(pss_kib, family(server)))


def highest_memory(server: Server, seconds: float) -> int:
    """The highest of the looks taken during so many seconds, in KiB."""
    looks = [memory_kib(server)]
    end = time.monotonic() + seconds - SAMPLE_GAP
    while time.monotonic() < end:
        time.sleep(SAMPLE_GAP)
        looks.append(memory_kib(server))
    return max(looks)
