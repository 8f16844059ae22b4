"""The Vercel AI SDK's six kinds of models, and both vendors' helpers that parse, in Node."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ROOT, Server
from tests.suites.rules_bot import NAME, SENTENCE, THINKING

pytestmark = pytest.mark.long

CLIENTS = ROOT / "tests/clients"
THOUGHT = "I follow my rules."
CITY = {"city": "a city"}


def run(script: str, *arguments: str) -> Any:
    """What the script printed. Skips where its packages are not installed."""
    if not Path(CLIENTS / "node_modules/ai").exists():
        pytest.skip("npm install --prefix tests/clients")
    done = subprocess.run(
        ["node", str(CLIENTS / script), *arguments],
        env={**os.environ, "NODE_NO_WARNINGS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


KINDS = {
    "openai-chat": "",  # @ai-sdk/openai reads no reasoning from Chat Completions
    "openai-responses": THOUGHT,
    "openai-compatible": THOUGHT,
    "open-responses": THOUGHT,
    "anthropic": THOUGHT,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_ai_sdk(rules: Server, kind: str) -> None:
    """Texts, reasoning, tools over several steps and objects, whole and streamed."""
    report = run("ai_sdk.mjs", rules.url, kind, NAME, THINKING)
    assert (report["whole"]["text"], report["whole"]["finish"]) == (SENTENCE, "stop")
    assert (report["stream"]["text"], report["stream"]["finish"]) == (SENTENCE, "stop")
    assert report["whole"]["tokens"] == report["stream"]["tokens"] > 0
    assert (report["thought"], report["thinking"]["reasoning"]) == (KINDS[kind], KINDS[kind])
    assert report["calls"] == [3, 3, 3]
    assert report["tools"] == "It gave: sum 3"
    assert report["toolsStreamed"]["text"].endswith("It gave: sum 3")
    assert report["object"] == CITY and set(report["both"]) == {"city"}


def test_the_ai_sdk_with_completions(rules: Server) -> None:
    report = run("ai_sdk.mjs", rules.url, "openai-completion", NAME, THINKING)
    assert report["whole"]["text"] == report["stream"]["text"] == SENTENCE


def test_the_helpers_that_parse(rules: Server) -> None:
    """A call has no content beside it; an answer is of the format."""
    report = run("sdk_helpers.mjs", rules.url, NAME)
    assert len(report) == 6
    for name, answers in report.items():
        called = name.endswith("call")
        for answer in answers:
            assert answer["parsed"] == (None if called else {"city": "Oslo"})
            assert answer["calls"] == ([{"a": 3}] if called else [])
