"""The line by which a Heroku-style platform starts the gateway."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import requests

from app.demo.server import bot_urls
from tests.conftest import KEY
from tests.deploy.programs import BIN, running_program
from tests.servers import ROOT, STOP_SECONDS, Server, free_port

pytestmark = pytest.mark.long


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


class Dyno:
    """A platform of Heroku's kind: honcho runs the Procfile with a PORT and two workers."""

    def __init__(self, demo: Server, folder: Path) -> None:
        self.port = free_port()
        self.log = folder / "dyno.log"
        self._environ = {
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "2",
            "BOT_URLS": bot_urls(demo.url),
            "STATE_DIR": str(folder / "state"),
            "HEADERS_WAIT": "1",
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }

    def start(self) -> AbstractContextManager[Server]:
        command = [str(BIN / "honcho"), "start", "web"]
        return running_program(command, self.port, self.log, self._environ)


@pytest.fixture
def dyno(demo: Server, tmp_path: Path) -> Iterator[Server]:
    with Dyno(demo, tmp_path).start() as server:
        yield server


def _workers(log: str) -> int:
    return log.count("Booting worker")


def test_a_platform_runs_it(dyno: Server) -> None:
    """On its port, with as many workers as it says; a stream's first byte comes in 30 seconds."""
    began = time.monotonic()
    body = {"model": "demo-story", "stream": True}
    with requests.post(
        f"{dyno.url}/v1/chat/completions",
        json={**body, "messages": [{"role": "user", "content": "x"}]},
        headers={"x-api-key": KEY},
        stream=True,
        timeout=30,
    ) as answer:
        pieces = answer.iter_content(None)
        assert next(pieces)
        assert time.monotonic() - began < 30
        assert _workers(dyno.printed()) == 2
        # The platform's SIGTERM: what runs is ended in its own time.
        os.kill(dyno.process.pid, signal.SIGTERM)
        stopped = time.monotonic()
        assert b"".join(pieces).endswith(b"data: [DONE]\n\n")
    dyno.process.wait(30)
    assert time.monotonic() - stopped < 30


def test_the_line_begins_with_a_program() -> None:
    """Dokku runs it without a shell, where HOST=0.0.0.0 would be the program's name."""
    line = (ROOT / "Procfile").read_text().partition(": ")[2]
    assert "=" not in line.split()[0] and line.split()[0] != "exec"
