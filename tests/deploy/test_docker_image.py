"""The image, built from the unchanged Dockerfile and run by deploy/README's own lines.

The tests are one story and run in the file's order.
"""

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.engine import BASE, Engine, engine
from tests.deploy.guide import commands
from tests.deploy.releases import CURRENT, PREVIOUS

pytestmark = pytest.mark.long

ECHO: dict[str, object] = {
    "model": "demo-echo",
    "messages": [{"role": "user", "content": "hello"}],
}
KEPT: dict[str, object] = {"model": "demo-echo", "input": "remember me"}

BUILD, RUN, STOP, REMOVE, *MIGRATE = commands("Without Compose")
OLDER = f"poegate:{PREVIOUS.removeprefix('v')}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="module")
def docker(folder: Path) -> Iterator[Engine]:
    with engine(folder) as docker:
        yield docker


def _kept(docker: Engine, response: str) -> bool:
    return bool(docker.curl(f"/v1/responses/{response}").get("output"))


@pytest.fixture(scope="module")
def kept(docker: Engine, folder: Path) -> str:
    """The id of a response that the release before has kept, run as its own guide says."""
    guide = (folder / PREVIOUS / "deploy/README.md").read_text()
    [run] = re.findall(r"`(docker run -d [^`]+)`", guide)
    docker.docker(f"docker build -f deploy/Dockerfile -t {OLDER} .", folder / PREVIOUS)
    docker.docker(re.sub(r" poegate$", f" {OLDER}", run), folder / PREVIOUS)
    return str(docker.curl("/v1/responses", KEPT)["id"])


def test_state_of_the_release_before_is_taken_over(docker: Engine, folder: Path, kept: str) -> None:
    """By the lines for containers that were started without a named volume."""
    docker.docker(BUILD, folder / CURRENT)
    for line in MIGRATE:
        docker.docker(line, folder / CURRENT)
    docker.docker(RUN, folder / CURRENT)
    assert _kept(docker, kept)


def test_it_answers(docker: Engine, kept: str) -> None:
    assert "hello" in str(docker.curl("/v1/chat/completions", ECHO))


def test_it_has_no_privilege_and_writes_nowhere_else(docker: Engine, kept: str) -> None:
    assert docker.podman("exec", "poegate", "id", "-u").strip() == "10001"
    for path in ("/srv/poegate/x", "/usr/local/x"):
        assert "exit code" in docker.podman("exec", "poegate", "touch", path, check=False)
    status = docker.podman("exec", "poegate", "cat", "/proc/self/status")
    assert re.search(r"^CapEff:\s+0+$", status, re.M)


def test_the_image_checks_its_health(docker: Engine, kept: str) -> None:
    docker.podman("healthcheck", "run", "poegate")


def test_an_upgrade_keeps_the_state(docker: Engine, folder: Path, kept: str) -> None:
    for line in (STOP, REMOVE, RUN):
        docker.docker(line, folder / CURRENT)
    assert _kept(docker, kept)


def test_the_way_back_keeps_it_too(docker: Engine, folder: Path, kept: str) -> None:
    """The release before, on the new volume."""
    for line in (STOP, REMOVE, re.sub(r" \S+$", f" {OLDER}", RUN)):
        docker.docker(line, folder / PREVIOUS)
    assert _kept(docker, kept)
    for line in (STOP, REMOVE):
        docker.docker(line, folder / PREVIOUS)


def test_a_bad_setting_ends_it_with_its_own_code(docker: Engine, folder: Path) -> None:
    line = RUN.replace("-d --name poegate", "--rm -e IDLE_TIMEOUT=soon")
    line = line.replace(" --restart unless-stopped", "")
    assert docker.docker(line, folder / CURRENT, check=False) == "exit code 78"


def test_its_size_and_its_start(docker: Engine, folder: Path, kept: str) -> None:
    """deploy/README.md tells how long it takes, and what the image adds to its base."""
    image, base = (docker.inspect("image", name)["Size"] for name in (RUN.split()[-1], BASE))
    assert isinstance(image, int) and isinstance(base, int)
    assert image - base < 150e6
    began = time.monotonic()
    docker.docker(RUN, folder / CURRENT)
    docker.curl("/healthz")
    seconds = time.monotonic() - began
    assert seconds < 30
    docker.docker(STOP, folder / CURRENT)
    sys.stdout.write(
        f"image: {(image - base) / 1e6:.0f} MB over its base, started in {seconds:.1f} s\n"
    )
