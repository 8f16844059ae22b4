"""Gateways before a simulated Poe with its own API."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import KEY
from tests.native.asking import CHAT, Native
from tests.servers import Server, free_port, running


@pytest.fixture(scope="package")
def poe(logs: Path) -> Iterator[Server]:
    port = free_port()
    with running(["-m", "tests.poe_api", str(port)], port, logs / "poe-api.log") as server:
        yield server


@pytest.fixture(scope="module")
def start_native(poe: Server, start_gateway: Callable[..., Server]) -> Callable[..., Native]:
    """Starts a gateway before it; UPSTREAM is ``auto`` where settings do not say otherwise."""

    def start(**settings: str) -> Native:
        urls = {"POE_BASE_URL": f"{poe.url}/bot/", "POE_API_URL": poe.url}
        gateway = start_gateway(**{**urls, "UPSTREAM": "auto", **settings})
        native = Native(gateway, poe, settings.get("ACCESS_TOKENS", KEY).split(",")[0])
        native.wait_for(CHAT, "api-ok")
        return native

    return start


@pytest.fixture(scope="module")
def auto(start_native: Callable[..., Native]) -> Native:
    """Clients send their own keys; ``mine`` is another name of ``api-ok``."""
    return start_native(
        MODEL_ALIASES="mine=api-ok,mine-*=api-ok",
        FIRST_EVENT_TIMEOUT="2",
        IDLE_TIMEOUT="2",
        HEADERS_WAIT="1",
        KEEPALIVE_SECONDS="1",
    )


@pytest.fixture
def asked(poe: Server) -> Callable[[], list[dict[str, Any]]]:
    """What Poe's own API was asked."""
    return lambda: list(requests.get(f"{poe.url}/native", timeout=5).json()["requests"])
