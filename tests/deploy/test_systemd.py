"""The systemd unit: what it starts really starts, and tells, reloads and stops as it says."""

import json
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import KEY
from tests.deploy.programs import BIN, DEPLOY, gunicorn_number, running_program
from tests.servers import ROOT, Server, free_port

pytestmark = pytest.mark.long

PLACE = "/opt/poegate"
ANALYZER = shutil.which("systemd-analyze")


def _here(text: str) -> str:
    """The unit's paths, for a gateway that is not installed but lies in this working copy."""
    return text.replace(f"{PLACE}/.venv/bin", str(BIN)).replace(PLACE, str(ROOT))


def _lines() -> dict[str, list[str]]:
    """Every key of the unit with its values, in their order: ExecReload has three."""
    values = defaultdict(list)
    for line in (DEPLOY / "poegate.service").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            values[key].append(value)
    return values


UNIT = _lines()
START = shlex.split(_here(UNIT["ExecStart"][0]))
CHECK = shlex.split(_here(UNIT["ExecReload"][1]))


def test_it_starts_a_program_of_the_place_it_works_in() -> None:
    assert UNIT["WorkingDirectory"] == [PLACE]
    assert UNIT["ExecStart"][0].startswith(f"{PLACE}/.venv/bin/")
    assert Path(START[0]).is_file()


def test_it_runs_as_nobody_and_keeps_its_keys_to_itself() -> None:
    assert UNIT["DynamicUser"] == ["yes"]
    assert UNIT["EnvironmentFile"] == ["/etc/poegate.env"]
    assert UNIT["NoNewPrivileges"] == UNIT["PrivateTmp"] == UNIT["ProtectHome"] == ["yes"]
    assert UNIT["ProtectSystem"] == ["strict"]


def test_what_ends_it_for_good() -> None:
    """The code of gunicorn.conf.py, which the unit does not start again after."""
    assert int(UNIT["RestartPreventExitStatus"][0]) == gunicorn_number("EX_CONFIG")


@pytest.mark.parametrize("setting", ["IDLE_TIMEOUT", "TOOL_ADAPTER", "HOST"])
def test_a_bad_setting_ends_it_with_that_code(setting: str) -> None:
    """TOOL_ADAPTER is found out by a worker, the other one before."""
    environ = {setting: "nonsense", "PORT": str(free_port()), "PATH": str(BIN)}
    result = subprocess.run(START, cwd=ROOT, env=environ, capture_output=True, timeout=60)
    assert result.returncode == gunicorn_number("EX_CONFIG")
    assert f"poegate: {setting}: ".encode() in result.stderr


def test_it_gives_streams_time_to_end() -> None:
    """Only the master gets SIGTERM; it knows how to let its workers finish."""
    assert int(UNIT["TimeoutStopSec"][0]) > gunicorn_number("graceful_timeout")
    assert UNIT["KillMode"] == ["mixed"]


def test_it_may_hold_a_worker_full_of_streams() -> None:
    """Each takes a file descriptor for the client, and one for the bot."""
    assert int(UNIT["LimitNOFILE"][0]) > 2 * gunicorn_number("worker_connections")


if ANALYZER:  # where there is none, the other tests still hold the unit to all that it says

    def test_systemd_finds_no_fault(tmp_path: Path) -> None:
        unit, address = tmp_path / "poegate.service", tmp_path / "poegate.socket"
        shutil.copy(DEPLOY / "poegate.socket", address)
        # The programs must exist where the test runs, and a small CI image has no /bin/kill.
        unit.write_text(
            _here((DEPLOY / "poegate.service").read_text()).replace("/bin/kill", "/bin/sh")
        )
        result = subprocess.run(
            [str(ANALYZER), "verify", "--man=no", str(unit), str(address)],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (result.returncode, result.stdout + result.stderr) == (0, "")


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "poegate.toml"
    path.write_text('[bot]\n"first-name" = "status-404"\n')
    return path


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """The end of the socket on which systemd listens for a service's own words."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(20)
        yield listener


@pytest.fixture
def service(
    toml: Path, systemd: socket.socket, upstream: Server, tmp_path: Path
) -> Iterator[Server]:
    """ExecStart's command as systemd runs it, before the simulated Poe."""
    port = free_port()
    environ = {
        "PORT": str(port),
        "POEGATE_CONFIG": str(toml),
        "POE_BASE_URL": f"{upstream.url}/bot/",
        "POE_API_URL": upstream.url,
        "NOTIFY_SOCKET": systemd.getsockname(),
        "HOME": "/nonexistent",
    }
    with running_program(START, port, tmp_path / "log", environ) as server:
        yield server


def _asked_bot(service: Server, model: str) -> str:
    """The bot that a name reaches: Poe's 404 tells it."""
    answer = requests.post(
        f"{service.url}/v1/chat/completions",
        json={"model": model, "messages": [{"role": "user", "content": "x"}]},
        headers={"Authorization": f"Bearer {KEY}", "Connection": "close"},
        timeout=10,
    )
    assert answer.status_code == 404
    return str(answer.json()["error"]["message"])


def test_it_tells_systemd_that_it_listens(service: Server, systemd: socket.socket) -> None:
    assert UNIT["Type"] == ["notify"]
    assert systemd.recv(1000).startswith(b"READY=1")
    lines = [json.loads(line) for line in service.printed().splitlines()]
    assert {line["level"] for line in lines} == {"INFO"}
    assert all(line["time"] for line in lines)


def test_a_reload_takes_the_changed_file_over(service: Server, toml: Path) -> None:
    assert UNIT["ExecReload"][2] == "/bin/kill -HUP $MAINPID"
    assert "status-404" in _asked_bot(service, "first-name")
    toml.write_text('[bot]\n"second-name" = "status-404"\n')
    service.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 20
    while "status-404" not in _asked_bot(service, "second-name"):
        assert time.monotonic() < deadline, service.printed()
        time.sleep(0.2)


@pytest.mark.parametrize(("text", "code"), [("port = 8001", 0), ("port = 'broken", 1)])
def test_the_check_before_a_reload(toml: Path, text: str, code: int) -> None:
    """gunicorn ends when it is told to reload a file that it cannot read, and all streams end."""
    toml.write_text(text)
    environ = {"POEGATE_CONFIG": str(toml), "PATH": str(BIN)}
    result = subprocess.run(CHECK, cwd=ROOT, env=environ, capture_output=True, timeout=60)
    assert bool(result.returncode) == bool(code), result.stderr


def test_it_ends_cleanly_when_systemd_says_so(service: Server) -> None:
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(15) == 0
