"""Whether the process runs, and whether it can do its work."""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from shutil import copy, copytree, ignore_patterns

import pytest
import requests

from app.core.tokens import VOCABULARY
from tests.servers import ROOT, Server


def test_health(gateway: Server) -> None:
    assert requests.get(f"{gateway.url}/healthz", timeout=5).json() == {"status": "ok"}
    ready = requests.get(f"{gateway.url}/readyz", timeout=5).json()
    assert ready == {
        "status": "ready",
        "vocabulary": "loaded",
        "poe": "reachable",
        "store": "usable",
        "reasons": [],
    }


@pytest.mark.parametrize("fault", ["missing", "damaged"])
def test_without_its_vocabulary_nothing_is_served_and_nothing_fetched(
    start_gateway: Callable[..., Server], tmp_path: Path, fault: str
) -> None:
    copytree(ROOT / "app", tmp_path / "app", ignore=ignore_patterns("__pycache__", "vendor"))
    for name in ("wsgi.py", "gunicorn.conf.py"):
        copy(ROOT / name, tmp_path)
    vocabulary = tmp_path / "app/core" / VOCABULARY.name
    if fault == "missing":
        vocabulary.unlink()
    else:
        vocabulary.write_bytes(vocabulary.read_bytes()[:-100])
    from_there = "import os; os.chdir({!r}); from gunicorn.app.wsgiapp import run; run()"
    gateway = start_gateway("-c", from_there.format(str(tmp_path)))
    ready = requests.get(f"{gateway.url}/readyz", timeout=5)
    assert (ready.status_code, ready.json()["error"]["type"]) == (503, "api_error")
    body = {"model": "demo-echo", "messages": [{"role": "user", "content": "x"}]}
    headers = {"Authorization": "Bearer key"}
    chat = f"{gateway.url}/v1/chat/completions"
    assert requests.post(chat, json=body, headers=headers, timeout=5).status_code == 503
    assert "The vocabulary for counting tokens cannot be loaded." in gateway.printed()
    assert vocabulary.exists() is (fault == "damaged"), (
        "tiktoken would remove it and ask for another"
    )


def test_a_store_that_cannot_be_used_is_told(start_gateway: Callable[..., Server]) -> None:
    gateway = start_gateway(STATE_DIR="/proc/nowhere")
    ready = requests.get(f"{gateway.url}/readyz", timeout=10).json()
    assert (ready["status"], ready["store"]) == ("degraded", "unusable")
    [reason] = ready["reasons"]
    assert reason.startswith("The state cannot be kept")


def test_it_answers_within_a_second_whatever_hangs(start_gateway: Callable[..., Server]) -> None:
    """Neither Poe nor Redis answers a connection; and another client asks meanwhile."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as silent:
        port = silent.getsockname()[1]
        gateway = start_gateway(
            POE_API_URL=f"http://127.0.0.1:{port}", STATE_URL=f"redis://127.0.0.1:{port}"
        )
        for _ in range(3):
            began = time.monotonic()
            answer = requests.get(f"{gateway.url}/readyz", timeout=10)
            assert time.monotonic() - began < 4  # the machine has other work
            assert answer.status_code == 200
            assert (answer.json()["status"], len(answer.json()["reasons"])) == ("degraded", 2)


def test_a_refused_key_is_known_before_a_client_asks(start_gateway: Callable[..., Server]) -> None:
    gateway = start_gateway(POE_API_KEYS="status-401", ACCESS_TOKENS="tok", BOT_URLS="")
    until = time.monotonic() + 30
    while requests.get(f"{gateway.url}/readyz", timeout=10).status_code != 503:
        assert time.monotonic() < until
        time.sleep(0.2)
    assert "Poe refuses key 1 of POE_API_KEYS" in gateway.printed()


@pytest.mark.parametrize(("bots", "status"), [("", 503), ("own=http://127.0.0.1:9/", 200)])
def test_a_gateway_whose_keys_are_all_refused(
    start_gateway: Callable[..., Server], tmp_path: Path, bots: str, status: int
) -> None:
    """It can serve nothing, or bots of one's own."""
    gateway = start_gateway(
        POE_API_KEYS="key-1,key-2", ACCESS_TOKENS="tok", BOT_URLS=bots, STATE_DIR=str(tmp_path)
    )
    assert requests.get(f"{gateway.url}/readyz", timeout=10).json()["status"] == "ready"
    requests.post(
        f"{gateway.url}/v1/chat/completions",
        json={"model": "status-401", "messages": [{"role": "user", "content": "x"}]},
        headers={"x-api-key": "tok"},
        timeout=30,
    )
    answer = requests.get(f"{gateway.url}/readyz", timeout=10)
    assert answer.status_code == status
    assert "Poe refuses all keys of POE_API_KEYS" in answer.text
    if status == 503:
        assert answer.headers["Retry-After"] == "60"
