"""The operator's commands, as they are run, beside a gateway that goes on serving."""

import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from app.access.sqlite_store import SqliteStore
from app.access.store import LedgerBatch, RowKey, Sums
from app.config import SETTING_NAMES
from tests.servers import ROOT, Server


class Terminal:
    """Where commands are run with these settings."""

    def __init__(self, **settings: str) -> None:
        inherited = {name: value for name, value in os.environ.items() if name not in SETTING_NAMES}
        self._environ = {**inherited, **settings}

    def run(self, *arguments: str, code: int = 0) -> str:
        """What it printed, errors where it failed."""
        done = subprocess.run(
            [sys.executable, "-m", "app", *arguments],
            cwd=ROOT,
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(STATE_DIR=str(tmp_path), STORED_TOKENS="on", ACCESS_TOKENS="old:text")


def secret_of(printed: str) -> str:
    return printed.splitlines()[0].partition(": ")[2]


def test_a_token_from_its_making_to_its_end(
    terminal: Terminal, start_gateway: Callable[..., Server], tmp_path: Path
) -> None:
    gateway = start_gateway(
        STATE_DIR=str(tmp_path), STORED_TOKENS="on", ACCESS_TOKENS="old:text", WEB_CONCURRENCY="2"
    )
    made = terminal.run(
        "tokens", "add", "kid", "--models", "demo-*", "--max-parallel", "2", "--note", "the tablet"
    )
    secret = secret_of(made)
    within_five_seconds(lambda: status(gateway, secret) == 200)
    assert secret not in terminal.run("tokens", "list")
    shown = terminal.run("tokens", "show", "kid")
    assert "models: demo-*" in shown and "max parallel: 2" in shown and "the tablet" in shown
    assert "status: blocked" in terminal.run("tokens", "block", "kid")
    within_five_seconds(lambda: status(gateway, secret) == 401)
    terminal.run("tokens", "unblock", "kid")
    renewed = secret_of(terminal.run("tokens", "rotate", "kid"))
    within_five_seconds(lambda: status(gateway, renewed) == 200)
    within_five_seconds(lambda: status(gateway, secret) == 401)
    terminal.run("tokens", "delete", "kid")
    within_five_seconds(lambda: status(gateway, renewed) == 401)


def status(gateway: Server, token: str) -> int:
    body = {"model": "demo-echo", "messages": [{"role": "user", "content": "hi"}]}
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{gateway.url}/v1/chat/completions"
    return requests.post(url, json=body, headers=headers, timeout=20).status_code


def within_five_seconds(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tokens", "add", "old"), "already"),
        (("tokens", "add", "bad name"), "name"),
        (("tokens", "add", "new", "--expires", "soon"), "expires"),
        (("tokens", "block", "old"), "ACCESS_TOKENS"),
        (("tokens", "show", "nobody"), "nobody"),
        (("usage", "--by", "weather"), "weather"),
        (("usage", "--by", "day,hour"), "at most one"),
        (("usage", "--from", "soon"), "--from"),
    ],
)
def test_what_cannot_be_done_is_told_without_a_trace(
    terminal: Terminal, arguments: tuple[str, ...], words: str
) -> None:
    told = terminal.run(*arguments, code=1)
    assert words in told and "Traceback" not in told


def test_without_stored_tokens(tmp_path: Path) -> None:
    terminal = Terminal(STATE_DIR=str(tmp_path), ACCESS_TOKENS="old:text")
    assert "STORED_TOKENS" in terminal.run("tokens", "add", "new", code=1)
    assert "old" in terminal.run("tokens", "list")


def test_usage(terminal: Terminal, tmp_path: Path) -> None:
    hour = int(time.time()) // 3600 * 3600
    store = SqliteStore(tmp_path)
    rows = {
        RowKey(hour, "alice", 1, "GPT-5", "chat"): Sums(3, 1, 1000, 200, 12.5, 900, 3),
        RowKey(hour, "bob", 1, "GPT-5", "chat"): Sums(1, 0, 10, 20, 0.5),
    }
    store.write(LedgerBatch("1", rows))
    store.close()
    table = [line.split() for line in terminal.run("usage").splitlines()]
    assert table[1][:3] == ["alice", "GPT-5", "3"]
    assert table[3] == ["total", "4", "1", "1010", "220", "13"]
    lines = terminal.run("usage", "--by", "token", "--csv", "--token", "bob").splitlines()
    assert [line.split(",")[0] for line in lines] == ["token", "bob"]


def test_a_clients_configuration_is_printed(terminal: Terminal) -> None:
    printed = terminal.run("setup", "codex", "--base", "http://box.lan:8000/v1/")
    table = tomllib.loads(printed)
    assert table["model_provider"] == "poegate"
    provider = table["model_providers"]["poegate"]
    assert provider["base_url"] == "http://box.lan:8000/v1"
    assert provider["model_catalog_url"] == "http://box.lan:8000/v1/models"
    assert table["features"] == {"api_key_model_discovery": True}
    printed = terminal.run("setup", "claude", "--key", "secret", "--small", "GPT-5-mini")
    env = json.loads(printed.partition("\n")[2])["env"]
    assert env["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:8000"
    assert env["ANTHROPIC_AUTH_TOKEN"] == "secret"
    assert env["ANTHROPIC_DEFAULT_HAIKU_MODEL"] == "GPT-5-mini"
    assert "http://127.0.0.1:8000/v1" in terminal.run("setup", "cline")


def test_a_clients_configuration_is_written_beside_what_is_there(tmp_path: Path) -> None:
    home = Terminal(HOME=str(tmp_path), CODEX_HOME=str(tmp_path / "codex"))
    file = tmp_path / ".claude/settings.json"
    file.parent.mkdir()
    file.write_text('{"theme": "dark", "env": {"EDITOR": "vi"}}')
    home.run("setup", "claude", "--key", "secret", "--write")
    made = json.loads(file.read_text())
    assert (made["theme"], made["env"]["EDITOR"]) == ("dark", "vi")
    assert made["env"]["ANTHROPIC_AUTH_TOKEN"] == "secret"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.with_name("settings.json.bak").read_text())["theme"] == "dark"

    home.run("setup", "opencode", "--key", "secret", "--model", "GPT-5", "--write")
    made = json.loads((tmp_path / ".config/opencode/opencode.json").read_text())
    assert made["model"] == "poegate/GPT-5" and "GPT-5" in made["provider"]["poegate"]["models"]

    file = tmp_path / "codex/config.toml"
    file.parent.mkdir()
    file.write_text('approval_policy = "never"\n\n[features]\ngoals = true\n')
    home.run("setup", "codex", "--model", "GPT-5", "--write")
    made = tomllib.loads(file.read_text())
    assert made["model"] == "GPT-5" and made["approval_policy"] == "never"
    assert made["features"] == {"goals": True}
    assert "names a model" in home.run("setup", "codex", "--write", code=1)


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    home = Terminal(HOME=str(tmp_path))
    assert "needs your key" in home.run("setup", "claude", "--write", code=1)
    assert "in the editor" in home.run("setup", "cline", "--write", code=1)
    file = tmp_path / ".config/opencode/opencode.json"
    file.parent.mkdir(parents=True)
    file.write_text("{ // mine\n}")
    assert "no plain JSON" in home.run("setup", "opencode", "--key", "k", "--write", code=1)
    assert file.read_text() == "{ // mine\n}"
