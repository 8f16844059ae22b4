"""Codex over the gateway: demo-agent makes it create a file by its own tool, and report."""

import json
from pathlib import Path

import pytest

from tests.clients.conftest import Run
from tests.servers import Server

pytestmark = pytest.mark.long

CONFIG = """
model = "demo-agent"
model_provider = "poegate"

[model_providers.poegate]
name = "Poegate"
base_url = "{url}/v1"
env_key = "POEGATE_KEY"
wire_api = "responses"
"""


def test_it_shows_reasoning(run_client: Run, gateway: Server, tmp_path: Path) -> None:
    home = tmp_path / "codex"
    home.mkdir()
    config = CONFIG.format(url=gateway.url).replace("demo-agent", "demo-reasoner")
    (home / "config.toml").write_text(config)
    done = run_client(
        "codex",
        "exec",
        "--skip-git-repo-check",
        "--dangerously-bypass-approvals-and-sandbox",
        "--json",
        "one two",
        CODEX_HOME=str(home),
        POEGATE_KEY="any-key",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    items = [json.loads(line).get("item", {}) for line in done.stdout.splitlines()]
    texts = {item.get("type"): item.get("text") for item in items}
    assert "I count words" in texts["reasoning"]
    assert texts["agent_message"].startswith("Your message has")


def test_it_creates_a_file_and_reports(
    run_client: Run, gateway: Server, workplace: Path, tmp_path: Path
) -> None:
    home = tmp_path / "codex"
    home.mkdir()
    (home / "config.toml").write_text(CONFIG.format(url=gateway.url))
    last = tmp_path / "last.txt"
    arguments = json.dumps({"cmd": "printf 'made by an agent' > hello.txt"})
    done = run_client(
        "codex",
        "exec",
        "--skip-git-repo-check",
        "--dangerously-bypass-approvals-and-sandbox",
        "--json",
        "-o",
        str(last),
        f"Create a file.\ncall exec_command {arguments}",
        CODEX_HOME=str(home),
        POEGATE_KEY="any-key",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (workplace / "hello.txt").read_text() == "made by an agent"
    assert last.read_text().startswith("Done.")
