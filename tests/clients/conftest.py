"""Command-line agents as their users run them, each in a home and a folder of its own."""

import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte
import pytest

BINARIES = Path(__file__).parent / "node_modules/.bin"
SECONDS = 120
COLUMNS, LINES = 150, 60

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """The folder in which the agent works."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def run_client(tmp_path: Path, workplace: Path) -> Run:
    """Runs an installed client to its end. Its home is empty, so nothing of ours leaks in."""

    def run(name: str, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        program = BINARIES / name
        if not program.exists():
            pytest.skip(f"{name} is not installed: npm install --prefix tests/clients")
        return subprocess.run(
            [str(program), *arguments],
            cwd=workplace,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    return run


class Screen:
    """The terminal of a client that is at work."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._shown = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._shown)

    def type(self, keys: str) -> None:
        os.write(self._file, keys.encode())

    def wait_for(self, text: str) -> None:
        """Until the text is on the screen, whatever blanks are in it."""
        wanted, until = text.split(), time.monotonic() + SECONDS
        while " ".join(wanted) not in " ".join("\n".join(self._shown.display).split()):
            assert time.monotonic() < until, "\n".join(self._shown.display)
            if select.select([self._file], [], [], 1)[0]:
                self._stream.feed(os.read(self._file, 65_536))


@contextmanager
def terminal(name: str, folder: Path, **environ: str) -> Iterator[Screen]:
    """Runs an installed client in a terminal."""
    program = BINARIES / name
    if not program.exists():
        pytest.skip(f"{name} is not installed: npm install --prefix tests/clients")
    pid, file = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(program, [name], {"PATH": os.environ["PATH"], "TERM": "linux", **environ})
    termios.tcsetwinsize(file, (LINES, COLUMNS))
    try:
        yield Screen(file)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(file)
