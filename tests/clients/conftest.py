"""Command-line agents as their users run them, each in a home and a folder of its own."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

BINARIES = Path(__file__).parent / "node_modules/.bin"
SECONDS = 120

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
