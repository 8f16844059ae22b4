"""What of an Anthropic request reaches the bot, and the requests beside POST /messages."""

import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import pytest

from tests.anthropic_stream import checked
from tests.conftest import KEY
from tests.dialects.messages.test_routes import HELLO, TEXT, raw, whole
from tests.servers import Server


@pytest.fixture(scope="module")
def aliasing(start_gateway: Callable[..., Server], upstream: Server) -> Server:
    """A gateway to which count-1 is a bot of one's own: it gets files inline."""
    return start_gateway(
        BOT_URLS=f"count-1={upstream.url}/bot/count-1",
        MODEL_ALIASES="claude-*=count-1",
    )


@pytest.fixture
def own_bot(aliasing: Server) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=aliasing.url, api_key=KEY, max_retries=0) as sdk:
        yield sdk


def test_everything_reaches_the_bot(own_bot: anthropic.Anthropic, seen: Callable[[], Any]) -> None:
    png, pdf = b"\x89PNG\r\n", b"%PDF-1.7"
    image = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(png).decode()}
    report = {
        "type": "base64",
        "media_type": "application/pdf",
        "data": base64.b64encode(pdf).decode(),
    }
    content: Any = [
        {"type": "image", "source": image, "cache_control": {"type": "ephemeral"}},
        {"type": "image", "source": {"type": "url", "url": "https://h.example/a.jpg"}},
        {"type": "document", "source": report, "title": "Report"},
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "Snow."},
        },
        {"type": "text", "text": "Look."},
    ]
    whole(
        own_bot,
        model="claude-of-tests",
        system=[{"type": "text", "text": "Be kind."}, {"type": "text", "text": "Be brief."}],
        messages=[
            {"role": "user", "content": content},
            {"role": "system", "content": "You are in a test."},
            {"role": "assistant", "content": [{"type": "text", "text": "Well?"}]},
            {"role": "user", "content": "Now."},
        ],
        stop_sequences=["END"],
        thinking={"type": "enabled", "budget_tokens": 1024},
        metadata={"user_id": "someone"},
        service_tier="auto",
        output_config={"effort": "low"},
        extra_body={"temperature": 0.5, "top_k": 3, "top_p": 0.5, "aspect": "1:1"},
    )
    query = seen()["last"]["count-1"]
    said = [(turn["role"], turn["content"]) for turn in query["query"]]
    assert said[0] == ("system", "Be kind.\nBe brief.")
    assert said[1][0] == "user" and said[1][1].endswith("Look.") and "Snow." in said[1][1]
    assert said[2:] == [("system", "You are in a test."), ("bot", "Well?"), ("user", "Now.")]
    attached = [(file["content_type"], file["url"]) for file in query["query"][1]["attachments"]]
    assert attached == [
        ("image/png", f"data:image/png;base64,{image['data']}"),
        ("image/jpeg", "https://h.example/a.jpg"),
        ("application/pdf", f"data:application/pdf;base64,{report['data']}"),
    ]
    assert query["query"][-1]["parameters"] == {
        "thinking_budget": 1024,
        "reasoning_effort": "low",
        "top_p": 0.5,
        "top_k": 3,
        "max_tokens": 1000,
        "aspect": "1:1",
    }
    assert (query["temperature"], query["stop_sequences"]) == (0.5, ["END"])


@pytest.mark.parametrize("model", ["claude-sonnet-4-5-20250929", "claude-3-5-haiku-latest"])
def test_the_model_told_is_the_one_that_was_asked(aliasing: Server, model: str) -> None:
    assert raw(aliasing, model=model).json()["model"] == model
    start = checked(raw(aliasing, model=model, stream=True).text)[0]
    assert start["message"]["model"] == model


def test_count_tokens_tells_what_usage_will_tell(claude: anthropic.Anthropic) -> None:
    tools: Any = [{"name": "add", "description": "Adds.", "input_schema": {"type": "object"}}]
    for request in ({}, {"system": "Be kind. " * 3_000}, {"tools": tools}):
        counted = claude.messages.count_tokens(model="demo-echo", messages=HELLO, **request)
        assert counted.input_tokens == whole(claude, **request).usage.input_tokens
    plain = claude.beta.messages.count_tokens(model="demo-echo", messages=HELLO, tools=[])
    assert 0 < plain.input_tokens < counted.input_tokens


def test_many_counts_at_once(gateway: Server) -> None:
    def count(number: int) -> int:
        path = "/v1/messages/count_tokens?beta=true"
        said = [{"role": "user", "content": "foo " * number}]
        answer = raw(gateway, path, messages=said, tools=[], max_tokens=None).json()
        tokens: int = answer["input_tokens"]
        return tokens

    with ThreadPoolExecutor(37) as pool:
        counts = list(pool.map(count, range(1, 38)))
    assert counts == sorted(counts) and len(set(counts)) == 37


@pytest.mark.parametrize(
    "path", ["/v1/messages", "/messages", "/v1/messages?beta=true", "//v1//messages"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": KEY, "anthropic-version": "2023-06-01"},
        {"Authorization": f"Bearer {KEY}", "anthropic-version": "2026-10-21"},
        {
            "Authorization": f"Bearer {KEY}",
            "anthropic-version": "2099-01-01",
            "anthropic-beta": "x-1",
        },
        {"x-api-key": KEY},
    ],
)
def test_any_credential_and_version(gateway: Server, path: str, headers: dict[str, str]) -> None:
    answer = raw(gateway, path, headers=headers)
    assert answer.status_code == 200 and answer.json()["content"][0]["text"] == TEXT
