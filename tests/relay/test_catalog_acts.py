"""What Poe's list of models says of a bot decides how that bot is asked."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.conftest import KEY, StartGateway
from tests.servers import Server

BEARER = {"Authorization": f"Bearer {KEY}"}
USER = [{"role": "user", "content": "x"}]
FUNCTION = {"name": "add", "parameters": {"type": "object", "properties": {}}}
TOOLS = [{"type": "function", "function": FUNCTION}]


@pytest.fixture(scope="module")
def auto(start_gateway: StartGateway) -> Server:
    server = start_gateway(TOOL_ADAPTER="auto", WEB_SEARCH_BOT="count-9")
    return with_its_list(server)


@pytest.fixture(scope="module")
def usual(start_gateway: StartGateway) -> Server:
    return with_its_list(start_gateway())


def with_its_list(server: Server) -> Server:
    assert requests.get(f"{server.url}/v1/models", headers=BEARER, timeout=10).status_code == 200
    return server


def ask(server: Server, path: str, **body: Any) -> requests.Response:
    answer = requests.post(f"{server.url}/v1/{path}", json=body, headers=BEARER, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer


def chat(server: Server, model: str, **fields: Any) -> requests.Response:
    return ask(server, "chat/completions", model=model, messages=USER, **fields)


@pytest.fixture
def parameters_of(seen: Callable[[], Any]) -> Callable[[str], Any]:
    """The parameters that a bot was last asked with."""
    return lambda bot: seen()["last"][bot]["query"][-1]["parameters"]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("chat/completions", {"messages": USER, "reasoning_effort": "medium"}),
        ("responses", {"input": "x", "reasoning": {"effort": "medium"}}),
        ("messages", {"messages": USER, "max_tokens": 9, "output_config": {"effort": "medium"}}),
        (
            "messages",
            {
                "messages": USER,
                "max_tokens": 9_000,
                "thinking": {"type": "enabled", "budget_tokens": 2_000},
            },
        ),
    ],
)
def test_an_effort_becomes_what_the_bot_has(
    usual: Server, parameters_of: Callable[[str], Any], path: str, fields: dict[str, Any]
) -> None:
    answer = ask(usual, path, model="count-7", **fields)
    asked = parameters_of("count-7")
    assert asked["thinking_level"] == "low"
    assert "reasoning_effort" not in asked and "thinking_budget" not in asked
    assert "x-poegate-warning" not in answer.headers


def test_the_names_end_sets_the_effort(usual: Server, parameters_of: Callable[[str], Any]) -> None:
    answer = chat(usual, "poe/COUNT-7:high")
    assert parameters_of("count-7") == {"thinking_level": "high"}
    assert answer.json()["model"] == "poe/COUNT-7:high"
    chat(usual, "count-7:high", thinking_level="low")
    assert parameters_of("count-7") == {"thinking_level": "low"}


@pytest.mark.parametrize("stream", [False, True])
def test_a_parameter_that_the_bot_lacks_is_left_out_and_said(
    usual: Server, parameters_of: Callable[[str], Any], stream: bool
) -> None:
    answer = chat(usual, "count-7", mood="dark", stream=stream)
    assert not parameters_of("count-7")
    said = answer.headers["x-poegate-warning"]
    assert said == "mood is left out: count-7 has no such parameter"
    chat(usual, "count-3", mood="dark")
    assert parameters_of("count-3") == {"mood": "dark"}


SEARCHING = [
    ("chat/completions", {"messages": USER, "web_search_options": {}}),
    ("responses", {"input": "x", "tools": [{"type": "web_search"}]}),
    ("responses", {"input": "x", "tools": [{"type": "web_search_preview"}]}),
    (
        "messages",
        {
            "messages": USER,
            "max_tokens": 900,
            "tools": [{"type": "web_search_20250305", "name": "web_search"}],
        },
    ),
]


@pytest.mark.parametrize(("path", "fields"), SEARCHING)
def test_web_search(
    usual: Server,
    auto: Server,
    parameters_of: Callable[[str], Any],
    path: str,
    fields: dict[str, Any],
) -> None:
    ask(usual, path, model="count-7", **fields)
    assert parameters_of("count-7")["web_search"] is True
    answer = ask(usual, path, model="count-3", **fields)
    assert "web search is left out" in answer.headers["x-poegate-warning"]
    answer = ask(auto, path, model="count-3", **fields)
    assert "x-poegate-warning" not in answer.headers
    assert answer.json()["model"] == "count-3" and ":8 " in answer.text, "that is count-9"


def test_auto_offers_tools_as_the_bot_takes_them(auto: Server, seen: Callable[[], Any]) -> None:
    chat(auto, "count-7", tools=TOOLS)
    assert [tool["function"]["name"] for tool in seen()["last"]["count-7"]["tools"]] == ["add"]
    chat(auto, "count-3", tools=TOOLS)
    asked = seen()["last"]["count-3"]
    assert not asked.get("tools") and "add" in asked["query"][0]["content"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_bot_that_refuses_native_tools_gets_prompted_ones(
    start_gateway: StartGateway, seen: Callable[[], Any], stream: bool
) -> None:
    server = with_its_list(start_gateway(TOOL_ADAPTER="auto"))
    before = seen()["calls"].get("toolless-1", 0)
    answer = chat(server, "toolless-1", tools=TOOLS, stream=stream)
    said = "".join(re.findall(r'"content":"(.*?)"', answer.text))
    assert said.endswith("x:0 ") and seen()["calls"]["toolless-1"] == before + 2
    assert "add" in seen()["last"]["toolless-1"]["query"][0]["content"]
    chat(server, "toolless-1", tools=TOOLS)
    assert seen()["calls"]["toolless-1"] == before + 3, "it is remembered"


def test_another_fault_of_the_request_is_told_once(auto: Server, seen: Callable[[], Any]) -> None:
    before = seen()["calls"].get("status-400", 0)
    body = {"model": "status-400", "messages": USER, "tools": TOOLS}
    url = f"{auto.url}/v1/chat/completions"
    assert requests.post(url, json=body, headers=BEARER, timeout=9).status_code == 400
    assert seen()["calls"]["status-400"] == before + 1


def test_a_bot_that_writes_no_text_is_told_no_tools(usual: Server, seen: Callable[[], Any]) -> None:
    chat(usual, "count-8", tools=TOOLS)
    assert seen()["last"]["count-8"]["query"][0]["content"] == "x"
    forced = {"model": "count-8", "messages": USER, "tools": TOOLS, "tool_choice": "required"}
    url = f"{usual.url}/v1/chat/completions"
    requests.post(url, json=forced, headers=BEARER, timeout=9)
    assert "add" in seen()["last"]["count-8"]["query"][0]["content"]


def test_models_are_found_whatever_their_case(usual: Server) -> None:
    for name, id_ in (
        ("gemini-2.5-PRO", "gemini-2.5-PRO"),
        ("Gemini-2.5-Pro", "Gemini-2.5-Pro"),
        ("openai/COUNT-7", "openai/COUNT-7"),
    ):
        answer = requests.get(f"{usual.url}/v1/models/{name}", headers=BEARER, timeout=9)
        assert (answer.status_code, answer.json()["id"]) == (200, id_)
    missing = requests.get(f"{usual.url}/v1/models/openai/Nobody", headers=BEARER, timeout=9)
    assert missing.status_code == 404
