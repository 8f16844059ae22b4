"""The line by which a Heroku-style platform starts the gateway."""

import os
import time
from pathlib import Path

import requests

from tests.deploy.programs import BIN, running_program
from tests.servers import ROOT, STOP_SECONDS, free_port


def test_the_platforms_line_serves_on_its_port_and_ends_when_told(tmp_path: Path) -> None:
    """A shell may run the line, so it is all processes that the platform tells to end."""
    kind, _, line = (ROOT / "Procfile").read_text().strip().partition(": ")
    port = free_port()
    environ = {"PORT": str(port), "PATH": f"{BIN}:{os.environ['PATH']}"}
    with running_program(["sh", "-c", line], port, tmp_path / "log", environ) as server:
        assert kind == "web"
        assert requests.get(f"{server.url}/healthz", timeout=5).json() == {"status": "ok"}
        assert f"Listening at: http://0.0.0.0:{port} " in server.printed()
    deadline = time.monotonic() + STOP_SECONDS
    while "Shutting down: Master" not in server.printed():
        assert time.monotonic() < deadline, server.printed()
        time.sleep(0.1)


def test_the_line_begins_with_a_program() -> None:
    """Dokku runs it without a shell, where HOST=0.0.0.0 would be the program's name."""
    line = (ROOT / "Procfile").read_text().partition(": ")[2]
    assert "=" not in line.split()[0] and line.split()[0] != "exec"
