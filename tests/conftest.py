"""The real parts: demo bots, a misbehaving Poe, and gunicorn with a gevent worker before them."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import openai
import pytest
import requests
from hypothesis import HealthCheck, settings

from app.demo.server import bot_urls
from tests.servers import COVERAGE_FOLDER, START_SECONDS, Server, free_port, running

# How long an example takes to make up says how busy the machine is.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

KEY = "test-key"

GUNICORN = ("-m", "gunicorn")

StartGateway = Callable[..., Server]
"""Takes the settings, by their names as environment variables."""


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
def gateways(
    demo: Server, upstream: Server, logs: Path
) -> Callable[[], AbstractContextManager[StartGateway]]:
    """Opens a block in which gateways can be started; at its end they end, all at once."""
    return partial(_gateways, demo, upstream, logs)


@pytest.fixture(scope="module")
def start_gateway(
    gateways: Callable[[], AbstractContextManager[StartGateway]],
) -> Iterator[StartGateway]:
    """Starts a gateway of its own settings; it runs until the module's tests have."""
    with gateways() as start:
        yield start


@contextmanager
def _gateways(demo: Server, upstream: Server, logs: Path) -> Iterator[StartGateway]:
    servers: list[Server] = []
    with ExitStack() as stack:

        def start(*program: str, **settings: str) -> Server:
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
            server = stack.enter_context(running(program or GUNICORN, port, log, environ))
            servers.append(server)
            # gunicorn listens before its worker is there; this answer comes from the worker.
            requests.get(f"{server.url}/healthz", timeout=START_SECONDS).raise_for_status()
            return server

        yield start
        for server in servers:  # all at once: some wait for what they are still at
            server.process.terminate()


@pytest.fixture(scope="session")
def gateway(gateways: Callable[[], AbstractContextManager[StartGateway]]) -> Iterator[Server]:
    """One gunicorn worker that passes the client's key through, with short time limits.

    All modules share it. It alone is measured for coverage: the instruments cost a second a start.
    """
    covered = ["-m", "tests.covered", COVERAGE_FOLDER, "gunicorn"] if COVERAGE_FOLDER else GUNICORN
    limits = {"FIRST_EVENT_TIMEOUT": "2", "IDLE_TIMEOUT": "2"}
    with gateways() as start:
        yield start(*covered, **limits, HEADERS_WAIT="1", KEEPALIVE_SECONDS="1")


@pytest.fixture
def client(gateway: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def seen(upstream: Server) -> Callable[[], Any]:
    """What the simulated Poe was asked, and which of its streams were closed on it."""
    return lambda: requests.get(f"{upstream.url}/seen", timeout=5).json()


SLOW_FILES = (
    "tests/attacks/",
    "tests/dialects/videos/test_jobs.py",
    "tests/relay/",
    "tests/native/",
    "tests/dialects/audio/",
    "tests/dialects/responses/",
    "tests/poe/test_transport.py",
    "tests/deploy/",
    "tests/web/",
    "tests/test_soak.py",
)
"""These begin first: at the end no processor then waits for a long one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives each test an id of its own: of several with one id pytest-xdist runs only one.

    schemathesis gives all of its tests the id of their function, and tells them by their names.
    """
    for item in items:
        if item.parent is not None and not item.nodeid.endswith(item.name):
            item._id = item.parent.id.child(item.name)
    ids = [item.nodeid for item in items]
    assert len(set(ids)) == len(ids)
    items.sort(key=lambda item: not item.nodeid.startswith(SLOW_FILES))


SKIPPED = 64
"""The exit status then, none of pytest's own: to run what failed again remedies nothing."""


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI everything that a test needs is installed: a skipped test is a failure there."""
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = SKIPPED
