"""What the ledger keeps when a worker is killed, the gateway is stopped, or its disk is lost."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from app.access.sqlite_store import SqliteStore
from tests.relay.gateways import KEYS, TOKEN
from tests.servers import Server

pytestmark = pytest.mark.long


def start(start_gateway: Callable[..., Server], folder: Path, **settings: str) -> Server:
    return start_gateway(
        POE_API_KEYS=",".join(KEYS),
        ACCESS_TOKENS=f"alice:{TOKEN}",
        ADMIN_TOKEN="operator",
        STATE_DIR=str(folder),
        **settings,
    )


def ask(gateway: Server) -> int:
    body = {"model": "count-1", "messages": [{"role": "user", "content": "a"}]}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = f"{gateway.url}/v1/chat/completions"
    return requests.post(url, json=body, headers=headers, timeout=20).status_code


def counted(folder: Path) -> int:
    store = SqliteStore(folder)
    try:
        return sum(sums.requests for _, sums in store.rows(0, 10**11))
    finally:
        store.close()


def worker_of(gateway: Server) -> int:
    found = subprocess.run(
        ["pgrep", "-P", str(gateway.process.pid)], capture_output=True, text=True, check=True
    )
    return int(found.stdout.split()[0])


def test_kill_9_loses_at_most_a_second(
    start_gateway: Callable[..., Server], tmp_path: Path
) -> None:
    gateway = start(start_gateway, tmp_path)
    assert [ask(gateway) for _ in range(10)] == [200] * 10
    time.sleep(2.5)
    ended: list[float] = []
    until = time.monotonic() + 3
    while time.monotonic() < until:
        assert ask(gateway) == 200
        ended.append(time.monotonic())
    os.kill(worker_of(gateway), signal.SIGKILL)
    killed = time.monotonic()
    # A second between two writes, and what a busy machine takes to write.
    old = 10 + len([at for at in ended if at < killed - 2.0])
    assert old <= counted(tmp_path) <= 10 + len(ended)


def test_a_stop_loses_nothing(start_gateway: Callable[..., Server], tmp_path: Path) -> None:
    gateway = start(start_gateway, tmp_path)
    assert [ask(gateway) for _ in range(25)] == [200] * 25
    gateway.process.terminate()
    gateway.process.wait(40)
    assert counted(tmp_path) == 25


def test_answers_go_on_without_the_ledgers_file(
    start_gateway: Callable[..., Server], tmp_path: Path
) -> None:
    """And what could not be written is written later."""
    path = tmp_path / "access.sqlite"
    path.mkdir()
    gateway = start(start_gateway, tmp_path)
    assert [ask(gateway) for _ in range(10)] == [200] * 10
    time.sleep(2)
    headers = {"Authorization": "Bearer operator"}
    health = requests.get(f"{gateway.url}/admin/health", headers=headers, timeout=10).json()
    assert health["ledger"]["usable"] is False and health["ledger"]["pending"] > 0
    assert "ledger_unusable" in [warning["code"] for warning in health["warnings"]]
    usage = requests.get(f"{gateway.url}/admin/usage", headers=headers, timeout=10)
    assert (usage.status_code, "Retry-After" in usage.headers) == (503, True)
    path.rmdir()
    time.sleep(3)
    assert counted(tmp_path) == 10
    assert "written again" in gateway.printed()


@pytest.mark.parametrize("settings", [{"LEDGER": "off"}])
def test_a_ledger_that_is_off_counts_nothing(
    start_gateway: Callable[..., Server], tmp_path: Path, settings: dict[str, str]
) -> None:
    gateway = start(start_gateway, tmp_path, **settings)
    assert ask(gateway) == 200
    time.sleep(2)
    assert counted(tmp_path) == 0
