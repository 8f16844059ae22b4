"""The image, as far as it can be checked without an engine: what it copies, and what it starts."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from app.demo.server import bot_urls
from tests.conftest import KEY
from tests.deploy.guide import commands
from tests.deploy.programs import BIN, DEPLOY, gunicorn_number, running_program
from tests.servers import ROOT, Server, free_port

LINES = re.sub(r"\\\n\s*", "", (DEPLOY / "Dockerfile").read_text()).splitlines()


def _told(instruction: str) -> list[str]:
    """What follows each line's instruction of that name."""
    return [line.split(" ", 1)[1] for line in LINES if line.startswith(f"{instruction} ")]


COPIES = [shlex.split(rest) for rest in _told("COPY")]
COMMAND: list[str] = json.loads(_told("CMD")[-1])
ENVIRON = dict(pair.split("=", 1) for rest in _told("ENV") for pair in shlex.split(rest))


def _copy_as_the_image_does(folder: Path) -> None:
    for *sources, target in COPIES:
        for source in sources:
            copied = folder / target
            if (ROOT / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / source, copied, ignore=ignored)
            else:
                shutil.copy(ROOT / source, copied)


@pytest.fixture(scope="module")
def container(demo: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What the image holds, in a folder of its own, started as the image starts it."""
    folder, port = tmp_path_factory.mktemp("image"), free_port()
    _copy_as_the_image_does(folder)
    environ = {**ENVIRON, "PORT": str(port), "BOT_URLS": bot_urls(demo.url)}
    environ["STATE_DIR"] = str(folder / "state")
    command = [str(BIN / COMMAND[0]), *COMMAND[1:]]
    log = folder.with_suffix(".log")
    with running_program(command, port, log, environ, folder) as server:
        yield server


def test_it_lives(container: Server) -> None:
    assert requests.get(f"{container.url}/healthz", timeout=30).json() == {"status": "ok"}
    assert f"Listening at: http://0.0.0.0:{container.port} " in container.printed()


def test_it_answers(container: Server) -> None:
    answer = requests.post(
        f"{container.url}/v1/chat/completions",
        json={"model": "demo-echo", "messages": [{"role": "user", "content": "hello"}]},
        headers={"x-api-key": KEY},
        timeout=10,
    )
    assert "hello" in answer.json()["choices"][0]["message"]["content"]


def _check_health(port: int) -> int:
    """The exit code of the image's own check. No proxy may be asked for the container itself."""
    [check] = re.findall(r"CMD (\[.*\])", _told("HEALTHCHECK")[0])
    environ = {"PORT": str(port), "http_proxy": "http://127.0.0.1:9"}
    command = [sys.executable, *json.loads(check)[1:]]
    return subprocess.run(command, env=environ, stderr=subprocess.DEVNULL, timeout=20).returncode


def test_the_health_check_tells_a_live_container_from_a_dead_one(container: Server) -> None:
    assert _check_health(container.port) == 0
    assert _check_health(free_port()) != 0


def test_what_is_copied_is_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    sources = {source for *sources, _ in COPIES for source in sources}
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == sources


def test_it_does_not_run_as_root() -> None:
    """The user is set before the command, and after all that needs root."""
    names = [line.split(" ", 1)[0] for line in LINES]
    assert "root" not in _told("USER")[-1]
    assert names.index("RUN") < names.index("USER") < names.index("CMD")
    assert {"RUN", "COPY"}.isdisjoint(names[names.index("USER") :])


def test_compose_builds_this_image_and_gives_streams_time_to_end() -> None:
    compose = (DEPLOY / "compose.yaml").read_text()
    [grace] = re.findall(r"^ +stop_grace_period: (\d+)s$", compose, re.M)
    assert int(grace) > gunicorn_number("graceful_timeout")
    assert re.findall(r"context: (\S+)\n +dockerfile: (\S+)", compose) == [
        ("..", "deploy/Dockerfile")
    ]
    assert f'PORT: "{ENVIRON["PORT"]}"' in compose


def test_what_is_kept_lies_in_a_volume_with_a_name() -> None:
    """The one without a name that the image asks for is lost with its container."""
    [place] = _told("VOLUME")
    compose = (DEPLOY / "compose.yaml").read_text()
    assert re.search(rf"^ +- state:{place}$", compose, re.M)
    assert re.search(r"^  state:\n    name: poegate-state$", compose, re.M)
    [run] = [line for line in commands("Without Compose") if " run -d " in line]
    assert f" -v poegate-state:{place} " in run


def test_compose_bounds_memory_and_logs() -> None:
    compose = (DEPLOY / "compose.yaml").read_text()
    assert re.search(r"^    mem_limit: 2g$", compose, re.M)
    assert re.search(r"max-size: 10m, max-file: \"5\"", compose)
