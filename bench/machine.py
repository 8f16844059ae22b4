"""The machine that measures, and how much of it others took meanwhile."""

import os
import platform
import resource
import time
from pathlib import Path

OTHERS_LIMIT = 0.1  # the share of the cores above which the numbers are doubtful


def description() -> str:
    """The processor, its cores and the Python, in a phrase."""
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def busy_seconds() -> float:
    """Processor seconds that the whole machine has used since it was started, stolen ones too."""
    user, nice, system, _idle, _wait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    """Processor seconds of this process and of its descendants that have ended."""
    uses = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(use.ru_utime + use.ru_stime for use in uses)


class Others:
    """A watch on what the machine does besides this run."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.busy = busy_seconds() - own_seconds()

    def share(self) -> float:
        """The share of the cores, 0 to 1, that others used since; ask when the servers ended."""
        theirs = busy_seconds() - own_seconds() - self.busy
        return max(0.0, theirs / (time.monotonic() - self.began) / (os.cpu_count() or 1))
