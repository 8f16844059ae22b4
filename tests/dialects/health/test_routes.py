"""Whether the process runs, and whether it can do its work."""

from collections.abc import Callable

import requests

from tests.servers import Server


def test_health(gateway: Server) -> None:
    assert requests.get(f"{gateway.url}/healthz", timeout=5).json() == {"status": "ok"}
    ready = requests.get(f"{gateway.url}/readyz", timeout=5).json()
    assert ready == {
        "status": "ready",
        "vocabulary": "loaded",
        "poe": "reachable",
        "store": "usable",
    }


def test_a_store_that_cannot_be_used_is_told(start_gateway: Callable[..., Server]) -> None:
    gateway = start_gateway(STATE_DIR="/proc/nowhere")
    ready = requests.get(f"{gateway.url}/readyz", timeout=10).json()
    assert (ready["status"], ready["store"]) == ("ready", "unusable")
