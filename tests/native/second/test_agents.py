"""Claude Code and Codex at work through UPSTREAM=auto, a second gateway in Poe's place."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import run_client, workplace  # noqa: F401 - fixtures
from tests.clients.test_claude_code import test_it_creates_a_file_and_reports as claude_works
from tests.clients.test_codex import test_it_creates_a_file_and_reports as codex_works
from tests.native.asking import CHAT, Native
from tests.servers import Server, free_port, running

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def gateway(start_gateway: Callable[..., Server], logs: Path) -> Iterator[Server]:
    second, port = start_gateway(), free_port()
    command = ["-m", "tests.native.second.front", str(port), second.url]
    with running(command, port, logs / "front.log") as front:
        first = start_gateway(BOT_URLS="", UPSTREAM="auto", POE_API_URL=front.url)
        Native(first, front, "any-key").wait_for(CHAT, "demo-agent")
        yield first


def ways_of(gateway: Server) -> set[str]:
    """Which ways the POSTs of agents went."""
    marks = ('"path": "/v1/responses"', '"path": "/v1/messages"')
    lines = [one for one in gateway.printed().splitlines() if any(mark in one for mark in marks)]
    return {line.split('"upstream": "')[1].split('"')[0] for line in lines if "upstream" in line}


def test_claude_code(
    run_client: Any,  # noqa: F811
    gateway: Server,
    workplace: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    claude_works(run_client, gateway, workplace, tmp_path)
    assert "api; Poe lists /v1/messages for it" in ways_of(gateway)


def test_codex(
    run_client: Any,  # noqa: F811
    gateway: Server,
    workplace: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    codex_works(run_client, gateway, workplace, tmp_path)
    assert "api; Poe lists /v1/responses for it" in ways_of(gateway)
