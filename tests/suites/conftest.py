"""A gateway before the bots that follow rules, and the demo's."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.demo.server import bot_urls
from tests.servers import Server, free_port, running
from tests.suites.rules_bot import NAME, THINKING
from tests.upload_server import FOLDER


@pytest.fixture(scope="module")
def rules(
    start_gateway: Callable[..., Server], demo: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The gateway under test, whose Poe takes uploads."""
    logs: Path = tmp_path_factory.mktemp("suite")
    bots, files = free_port(), free_port()
    with (
        running(["-m", "tests.suites.rules_bot", str(bots)], bots, logs / "rules.log") as server,
        running(["-m", "tests.file_server", str(files)], files, logs / "files.log") as poe_files,
    ):
        urls = ",".join(f"{name}={server.url}/{name}" for name in (NAME, THINKING))
        yield start_gateway(
            BOT_URLS=f"{urls},{bot_urls(demo.url)}",
            IMAGE_MODEL="demo-image",
            VIDEO_MODEL="demo-video",
            POE_UPLOAD_URL=poe_files.url + FOLDER,
            STATE_DIR=str(logs / "state"),
        )
