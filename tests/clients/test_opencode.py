"""opencode over the gateway, by each of its three ways to ask: it shows text and reasoning."""

import json
from pathlib import Path

import pytest

from tests.clients.conftest import Run
from tests.servers import Server

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
    "package", ["@ai-sdk/openai", "@ai-sdk/openai-compatible", "@ai-sdk/anthropic"]
)
def test_it_shows_reasoning(
    run_client: Run, gateway: Server, workplace: Path, package: str
) -> None:
    provider = {
        "npm": package,
        "name": "Poegate",
        "options": {"baseURL": f"{gateway.url}/v1", "apiKey": "any-key"},
        "models": {"demo-reasoner": {"name": "Reasoner", "reasoning": True}},
    }
    config = {"provider": {"poegate": provider}, "autoupdate": False, "share": "disabled"}
    (workplace / "opencode.json").write_text(json.dumps(config))
    done = run_client(
        "opencode",
        "run",
        "--model",
        "poegate/demo-reasoner",
        "--format",
        "json",
        "--thinking",
        "one two",
        OPENCODE_DISABLE_AUTOUPDATE="1",
        OPENCODE_DISABLE_MODELS_FETCH="1",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    parts = [json.loads(line)["part"] for line in done.stdout.splitlines()]
    texts = {part["type"]: part.get("text") for part in parts}
    assert "I count words" in texts["reasoning"]
    assert texts["text"].startswith("Your message has")
