"""The real parts: demo bots, a misbehaving Poe, and gunicorn with a gevent worker before them."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openai
import pytest
import requests

from app.demo.server import bot_urls
from tests.servers import Server, free_port, running

KEY = "test-key"


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def demo(logs: Path) -> Iterator[Server]:
    """fastapi_poe's own bot server with the demo bots."""
    port = free_port()
    command = ["-m", "uvicorn", "app.demo.server:application", "--factory", "--port", str(port)]
    with running([*command, "--log-level", "warning"], port, logs / "demo.log") as server:
        yield server


@pytest.fixture(scope="session")
def upstream(logs: Path) -> Iterator[Server]:
    """A simulated Poe that misbehaves as its bots' names say."""
    port = free_port()
    with running(["-m", "tests.upstream", str(port)], port, logs / "upstream.log") as server:
        yield server


@pytest.fixture(scope="session")
def start_gateway(demo: Server, upstream: Server, logs: Path) -> Iterator[Callable[..., Server]]:
    """Starts a gateway of its own settings; it runs until the session ends."""
    servers: list[Server] = []
    with ExitStack() as stack:

        def start(**settings: str) -> Server:
            port = free_port()
            environ = {
                "PORT": str(port),
                "POE_BASE_URL": f"{upstream.url}/bot/",
                "POE_API_URL": upstream.url,
                "BOT_URLS": bot_urls(demo.url),
                "STATE_DIR": str(logs / "state"),
                "CORS_ORIGINS": "*",
                **settings,
            }
            log = logs / f"gateway-{port}.log"
            server = stack.enter_context(running(["-m", "gunicorn"], port, log, environ))
            servers.append(server)
            # gunicorn listens before its worker is there; this answer comes from the worker.
            requests.get(f"{server.url}/healthz", timeout=30).raise_for_status()
            return server

        yield start
        for server in servers:  # all at once: some wait for what they are still at
            server.process.terminate()


@pytest.fixture(scope="session")
def gateway(start_gateway: Callable[..., Server]) -> Server:
    """One gunicorn worker that passes the client's key through, with short time limits."""
    return start_gateway(
        FIRST_EVENT_TIMEOUT="2", IDLE_TIMEOUT="2", HEADERS_WAIT="1", KEEPALIVE_SECONDS="1"
    )


@pytest.fixture
def client(gateway: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def seen(upstream: Server) -> Callable[[], Any]:
    """What the simulated Poe was asked, and which of its streams were closed on it."""
    return lambda: requests.get(f"{upstream.url}/seen", timeout=5).json()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI everything that a test needs is installed: a skipped test is a failure there."""
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
