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


def test_it_reads_the_catalog(
    run_client: Run, gateway: Server, workplace: Path, tmp_path: Path
) -> None:
    """Then it knows the bots, warns of none, and hands out its tool for patches."""
    home = tmp_path / "codex"
    home.mkdir()
    catalog = f'model_catalog_url = "{gateway.url}/v1/models"\n'
    features = "[features]\napi_key_model_discovery = true\n"
    (home / "config.toml").write_text(CONFIG.format(url=gateway.url) + catalog + features)
    environ = {"CODEX_HOME": str(home), "POEGATE_KEY": "any-key"}
    listed = run_client("codex", "debug", "models", **environ)
    models = {model["slug"]: model for model in json.loads(listed.stdout)["models"]}
    assert models["Gemini-2.5-Pro"]["context_window"] == 1_048_576
    assert "demo-agent" in models
    patch = "*** Begin Patch\n*** Add File: hello.txt\n+made by a patch\n*** End Patch"
    done = run_client(
        "codex",
        "exec",
        "--skip-git-repo-check",
        "--dangerously-bypass-approvals-and-sandbox",
        "--json",
        f"Create a file.\ncall apply_patch {json.dumps({'input': patch})}",
        **environ,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "metadata" not in done.stdout + done.stderr
    assert (workplace / "hello.txt").read_text() == "made by a patch\n"
