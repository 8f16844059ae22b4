"""Claude Code over the gateway: demo-agent makes it create a file by its own tool, and report."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.conftest import Run, terminal
from tests.servers import Server

pytestmark = pytest.mark.long


def test_it_creates_a_file_and_reports(
    run_client: Run, gateway: Server, workplace: Path, tmp_path: Path
) -> None:
    file = workplace / "hello.txt"
    arguments = json.dumps({"file_path": str(file), "content": "made by an agent\n"})
    done = run_client(
        "claude",
        "-p",
        f"Create a file.\ncall Write {arguments}",
        "--model",
        "demo-agent",
        "--permission-mode",
        "acceptEdits",
        "--allowedTools",
        "Bash,Read,Write,Edit",
        "--output-format",
        "json",
        "--no-session-persistence",
        ANTHROPIC_BASE_URL=gateway.url,
        ANTHROPIC_AUTH_TOKEN="any-key",
        ANTHROPIC_SMALL_FAST_MODEL="demo-agent",
        CLAUDE_CONFIG_DIR=str(tmp_path / ".claude"),
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        DISABLE_AUTOUPDATER="1",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert file.read_text() == "made by an agent\n"
    assert report["is_error"] is False
    assert report["result"].startswith("Done.")
    assert report["num_turns"] == 2


def test_it_lists_the_bots(
    start_gateway: Callable[..., Server], workplace: Path, tmp_path: Path
) -> None:
    """Those whose names have "claude" or "anthropic" in them, once it is told to ask for them."""
    gateway = start_gateway(MODEL_ALIASES="claude-of-ours=demo-agent")
    home = tmp_path / ".claude"
    home.mkdir()
    trusted = {str(workplace): {"hasTrustDialogAccepted": True}}
    settings = {"hasCompletedOnboarding": True, "theme": "dark", "projects": trusted}
    (home / ".claude.json").write_text(json.dumps(settings))
    with terminal(
        "claude",
        workplace,
        HOME=str(tmp_path),
        CLAUDE_CONFIG_DIR=str(home),
        ANTHROPIC_BASE_URL=gateway.url,
        ANTHROPIC_AUTH_TOKEN="any-key",
        ANTHROPIC_MODEL="demo-agent",
        ANTHROPIC_DEFAULT_HAIKU_MODEL="demo-agent",
        CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY="1",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        DISABLE_AUTOUPDATER="1",
    ) as screen:
        screen.wait_for("demo-agent")
        screen.type("/model")
        screen.wait_for("Switch model")
        screen.type("\r")
        screen.wait_for("claude-of-ours From gateway")
