"""``python -m app.demo`` as a newcomer runs it: the real gateway before the real bots."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import SETTING_NAMES, Settings, load_settings
from app.demo.__main__ import all_bot_urls, gateway_url, welcome

ROOT = Path(__file__).parents[2]
READY_SECONDS = 60

Running = tuple["subprocess.Popen[str]", str]


@pytest.fixture
def running() -> Iterator[Running]:
    """The process of ``python -m app.demo``, and all that it printed until it was ready."""
    own = {name: text for name, text in os.environ.items() if name not in SETTING_NAMES}
    environ = {**own, "PORT": "0", "BOT_URLS": "mine=http://127.0.0.1:9/mine"}
    environ.pop("POEGATE_CONFIG", None)
    process = start(environ)
    try:
        yield process, read_until(process, "Every other model name")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=READY_SECONDS)


def start(environ: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "app.demo"],
        cwd=ROOT,
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def read_until(process: "subprocess.Popen[str]", phrase: str) -> str:
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if phrase in line:
            return "".join(lines)
    pytest.fail(f"it ended before it printed {phrase!r}:\n{''.join(lines)}")


def children_of(process: "subprocess.Popen[str]") -> dict[str, int]:
    """The pids of the two servers, by the module that they run."""
    pids = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    lines = {pid: Path(f"/proc/{pid}/cmdline").read_text().split("\0") for pid in pids}
    return {words[words.index("-m") + 1]: int(pid) for pid, words in lines.items()}


def post(line: str) -> str:
    """What the server answers to the printed curl line."""
    url, *options = shlex.split(line)[2:]
    assert options[0::2] == ["-H", "-H", "-d"]
    headers = dict(option.split(": ") for option in options[1:4:2])
    request = urllib.request.Request(url, options[5].encode(), headers)
    with urllib.request.urlopen(request) as response:
        return str(response.read().decode())


def test_it_works(running: Running) -> None:
    process, printed = running
    [line] = re.findall(r"^ *(curl -N .*)$", printed, re.MULTILINE)
    assert "data: [DONE]" in post(line)
    servers = children_of(process)
    assert sorted(servers) == ["gunicorn", "uvicorn"]
    process.send_signal(signal.SIGINT)
    assert process.wait(READY_SECONDS) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in servers.values())


@pytest.mark.parametrize(
    ("module", "title"), [("uvicorn", "the demo bots' server"), ("gunicorn", "the gateway")]
)
def test_where_one_server_dies_both_end(running: Running, module: str, title: str) -> None:
    process, _ = running
    servers = children_of(process)
    time.sleep(0.5)  # gunicorn's worker learns of its master's death only once it runs
    os.kill(servers[module], signal.SIGKILL)
    assert f"poegate: {title} ended by SIGKILL" in process.communicate(timeout=READY_SECONDS)[0]
    assert process.returncode == 1
    assert not any(Path(f"/proc/{pid}").exists() for pid in servers.values())


def test_a_taken_port_is_one_clear_line(running: Running) -> None:
    _, printed = running
    port = re.findall(r"serves at http://127.0.0.1:(\d+)", printed)[0]
    second = start({**os.environ, "HOST": "127.0.0.1", "PORT": port})
    said = second.communicate(timeout=READY_SECONDS)[0]
    assert re.fullmatch(rf"poegate: cannot listen on 127.0.0.1, port {port}: .*\n", said)
    assert second.returncode == 1


def test_a_setting_that_cannot_be_read_is_one_clear_line() -> None:
    process = start({**os.environ, "PORT": "eight"})
    said = process.communicate(timeout=READY_SECONDS)[0]
    assert said.startswith("poegate: PORT: ") and said.count("\n") == 1
    assert process.returncode == 1


def test_the_users_own_bots_come_after_the_demo_bots() -> None:
    own = Settings(bot_urls=(("*", "http://127.0.0.1:9/{bot}?a,b"),))
    joined = all_bot_urls("http://127.0.0.1:7", own)
    settings = load_settings({"BOT_URLS": joined})
    assert settings.url_of("demo-echo") == "http://127.0.0.1:7/demo-echo"
    assert settings.url_of("mine") == "http://127.0.0.1:9/mine?a,b"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("box.lan", "http://box.lan:80"),
    ],
)
def test_the_printed_address_can_be_called(host: str, url: str) -> None:
    assert gateway_url(host, 80) == url


def test_a_gateway_with_tokens_of_its_own_asks_for_one_and_shows_none() -> None:
    text = welcome("http://127.0.0.1:8000", Settings(access_tokens=("s3cret",)))
    assert "Bearer ONE_OF_YOUR_ACCESS_TOKENS" in text
    assert "s3cret" not in text and "any-key" not in text
