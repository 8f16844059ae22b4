"""Any program as a server on loopback, where tests.servers starts Python modules."""

import os
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers import ROOT, Server, running

DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent
"""Where the virtual environment of these tests has its programs."""

# In a session of its own, for a shell may stay between us and the server.
_BECOME = """
import os, sys
os.setsid()
os.chdir(sys.argv[1])
os.execvp(sys.argv[2], sys.argv[2:])
"""


@contextmanager
def running_program(
    command: Sequence[str],
    port: int,
    log: Path,
    environ: dict[str, str] | None = None,
    folder: Path = ROOT,
) -> Iterator[Server]:
    """The program in that folder, until the block ends: then its whole group is told to end."""
    with running(["-c", _BECOME, str(folder), *command], port, log, environ) as server:
        try:
            yield server
        finally:
            if server.process.poll() is None:
                os.killpg(server.process.pid, signal.SIGTERM)


def gunicorn_number(name: str) -> int:
    """One of the whole numbers that gunicorn.conf.py sets."""
    found = re.search(rf"^{name} = ([\d_]+)$", (ROOT / "gunicorn.conf.py").read_text(), re.M)
    assert found, f"gunicorn.conf.py does not set {name}"
    return int(found[1])
