"""OpenAI's Responses through gunicorn, with the openai SDK as the client."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pydantic
import pytest
import requests
from openai.types.responses import Response

from tests.conftest import KEY
from tests.responses_stream import ask, check_response, checked, events_in, streamed
from tests.servers import Server

TEXT = "  Hello,\n\twide   world! \u2603 \U0001f600 "
PIXEL = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture
def sdk(gateway: Server) -> Iterator[openai.OpenAI]:
    """The SDK as its own types' guard: an answer that does not fit them raises."""
    with openai.OpenAI(
        base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0, _strict_response_validation=True
    ) as client:
        yield client


def kinds(response: Response | dict[str, Any]) -> list[str]:
    output = response["output"] if isinstance(response, dict) else response.output
    return [item["type"] if isinstance(item, dict) else item.type for item in output]


def text_of(response: dict[str, Any]) -> str:
    messages = [item for item in response["output"] if item["type"] == "message"]
    return "".join(part["text"] for item in messages for part in item["content"])


def test_it_works(sdk: openai.OpenAI) -> None:
    response = sdk.responses.create(model="demo-echo", input=TEXT)
    check_response(response.model_dump())
    assert response.output_text == TEXT
    assert response.id.startswith("resp_") and response.model == "demo-echo"
    assert (response.status, response.error, response.incomplete_details) == (
        "completed",
        None,
        None,
    )
    [message] = response.output
    assert message.type == "message" and message.status == "completed"
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert response.usage.output_tokens > 0


def test_a_stream_is_in_the_documented_order(gateway: Server) -> None:
    answer = ask(gateway, input=TEXT, stream=True)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.headers["X-Accel-Buffering"] == "no"
    response = checked(events_in(answer.text))
    assert text_of(response) == TEXT
    whole = ask(gateway, input=TEXT).json()
    assert response["usage"] == whole["usage"]
    own = ("id", "output", "created_at", "completed_at")
    assert {name: response[name] for name in response if name not in own} == {
        name: whole[name] for name in whole if name not in own
    }


def test_the_stream_helper(sdk: openai.OpenAI) -> None:
    with sdk.responses.stream(model="demo-echo", input=TEXT) as stream:
        texts = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(texts) == TEXT == final.output_text
    assert final.status == "completed" and final.usage is not None


def test_plain_iteration_of_a_stream(sdk: openai.OpenAI) -> None:
    events = list(sdk.responses.create(model="demo-echo", input=TEXT, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")


class City(pydantic.BaseModel):
    name: str
    people: int


ANSWER = 'Sure! {"name": "Oslo", "people": 700000}'


def test_parsing_into_a_model(sdk: openai.OpenAI) -> None:
    parsed = sdk.responses.parse(model="demo-echo", input=ANSWER, text_format=City)
    assert parsed.output_parsed == City(name="Oslo", people=700_000)
    assert parsed.output_text == '{"name": "Oslo", "people": 700000}'


def test_streaming_into_a_model(sdk: openai.OpenAI) -> None:
    with sdk.responses.stream(model="demo-echo", input=ANSWER, text_format=City) as stream:
        final = stream.get_final_response()
    assert final.output_parsed == City(name="Oslo", people=700_000)


def test_json_mode(sdk: openai.OpenAI) -> None:
    response = sdk.responses.create(
        model="demo-echo", input='Here: {"a": [1]}', text={"format": {"type": "json_object"}}
    )
    assert json.loads(response.output_text) == {"a": [1]}


def test_json_mode_loses_no_words(sdk: openai.OpenAI) -> None:
    """demo-echo says the complaint again, which has no object either."""
    response = sdk.responses.create(
        model="demo-echo", input="none: [] here", text={"format": {"type": "json_object"}}
    )
    assert "JSON only" in response.output_text


def test_an_answer_that_breaks_a_strict_schema_is_an_error(gateway: Server) -> None:
    form = {"type": "json_schema", "name": "n", "strict": True, "schema": {"type": "object"}}
    for stream in (False, True):
        answer = ask(gateway, input="no JSON at all", text={"format": form}, stream=stream)
        assert answer.status_code == 502
        assert answer.json()["error"]["type"] == "upstream_error"


def test_reasoning_is_an_item_of_its_own(gateway: Server, sdk: openai.OpenAI) -> None:
    response = sdk.responses.create(model="demo-reasoner", input="one two")
    assert kinds(response) == ["reasoning", "message"]
    reasoning: Any = response.output[0]
    assert "count words" in reasoning.content[0].text and reasoning.summary == []
    assert response.output_text == "Your message has 2 words and 7 characters."
    assert response.usage and response.usage.output_tokens_details.reasoning_tokens > 0
    live = streamed(gateway, model="demo-reasoner", input="one two")
    assert live["output"][0]["content"][0]["text"] == reasoning.content[0].text
    asked: Any = {"model": "demo-reasoner", "input": "one two", "reasoning": {"summary": "auto"}}
    summarized: Any = sdk.responses.create(**asked).output[0]
    assert summarized.summary[0].text == reasoning.content[0].text
    assert not summarized.content
    assert (
        streamed(gateway, **asked)["output"][0]["summary"][0]["text"] == summarized.summary[0].text
    )
    assert text_of(live) == response.output_text


def test_an_answer_is_incomplete_at_its_limit(gateway: Server, sdk: openai.OpenAI) -> None:
    response = sdk.responses.create(model="demo-story", input="go", max_output_tokens=5)
    assert response.status == "incomplete" and response.output_text
    assert response.incomplete_details
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.usage and response.usage.output_tokens == 5
    message: Any = response.output[0]
    assert message.status == "incomplete"
    live = streamed(gateway, model="demo-story", input="go", max_output_tokens=5)
    assert live["status"] == "incomplete"
    assert text_of(live) == response.output_text


def test_the_helper_takes_an_incomplete_end(sdk: openai.OpenAI) -> None:
    with sdk.responses.stream(model="demo-story", input="go", max_output_tokens=5) as stream:
        last = list(stream)[-1]
    assert last.type == "response.incomplete"


def test_a_picture_comes_as_markdown(gateway: Server) -> None:
    for response in (
        ask(gateway, model="demo-image", input="blue").json(),
        streamed(gateway, model="demo-image", input="blue"),
    ):
        text = text_of(response)
        assert text.startswith("![") and "Generating" not in text


def test_an_answer_without_text(gateway: Server) -> None:
    assert text_of(ask(gateway, model="garbage-empty").json()) == ""
    assert text_of(streamed(gateway, model="garbage-empty")) == ""


def test_what_reaches_the_bot(sdk: openai.OpenAI, seen: Callable[[], Any]) -> None:
    history: Any = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "input_text", "text": "one"}]},
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "two", "annotations": []}],
        },
        {"role": "user", "content": "three"},
    ]
    sdk.responses.create(
        model="count-1",
        instructions="Be kind.",
        input=history,
        temperature=0.5,
        top_p=0.9,
        max_output_tokens=9,
        reasoning={"effort": "high"},
        metadata={"a": "b"},
        prompt_cache_key="k",
        user="u",
        extra_body={"thinking_budget": 1000},
    )
    query = seen()["last"]["count-1"]
    told = [(message["role"], message["content"]) for message in query["query"]]
    assert told == [
        ("system", "Be kind."),
        ("system", "Be brief."),
        ("user", "one"),
        ("bot", "two"),
        ("user", "three"),
    ]
    assert query["temperature"] == 0.5 and query["skip_system_prompt"] is True
    assert query["query"][-1]["parameters"] == {
        "reasoning_effort": "high",
        "top_p": 0.9,
        "max_output_tokens": 9,
        "thinking_budget": 1000,
    }


def test_files_reach_the_bot(start_gateway: Callable[..., Server], upstream: Server) -> None:
    """BOT_URLS: one's own bots get what the client sent as a data URL, without an upload."""
    gateway = start_gateway(BOT_URLS=f"count-2={upstream.url}/bot/count-2")
    parts: Any = [
        {"type": "input_text", "text": "see"},
        {"type": "input_image", "image_url": PIXEL, "detail": "auto"},
        {"type": "input_file", "file_data": "aGk=", "filename": "a.txt"},
        {"type": "input_file", "file_url": "https://example.org/b.pdf"},
    ]
    answer = ask(gateway, model="count-2", input=[{"role": "user", "content": parts}])
    assert answer.status_code == 200
    query = requests.get(f"{upstream.url}/seen", timeout=5).json()["last"]["count-2"]
    attached = [(file["content_type"], file["url"]) for file in query["query"][0]["attachments"]]
    assert attached == [
        ("image/png", PIXEL),
        ("text/plain", "data:text/plain;base64,aGk="),
        ("application/pdf", "https://example.org/b.pdf"),
    ]


@pytest.mark.parametrize("path", ["/responses", "/v1/responses", "//v1//responses"])
def test_every_path_and_both_credentials(gateway: Server, path: str) -> None:
    for headers in ({"Authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}):
        answer = requests.post(
            f"{gateway.url}{path}?beta=true",
            json={"model": "demo-echo", "input": "hi"},
            headers=headers,
            timeout=10,
        )
        assert text_of(answer.json()) == "hi"


def test_silence_is_filled_with_real_events(gateway: Server) -> None:
    """Codex ends a stream of 300 s without an event, and takes no comment for one."""
    answer = ask(gateway, model="slow-7", stream=True)
    events = events_in(answer.text)
    assert text_of(checked(events)) == "t0 t1 t2 t3 t4 "
    assert sum(event["type"] == "response.in_progress" for event in events) >= 3
    assert "\n:" not in answer.text


UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket"}
HANDSHAKE = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


@pytest.mark.parametrize("headers", [UPGRADE | HANDSHAKE, HANDSHAKE, {"Upgrade": "websocket"}])
def test_a_websocket_is_refused_with_426(gateway: Server, headers: dict[str, str]) -> None:
    """Codex goes over to HTTP at once; 404 and 405 would cost it seven tries.

    Behind nginx only the handshake's own headers arrive.
    """
    beta = {"OpenAI-Beta": "responses_websockets=2026-02-06"}
    answer = requests.get(f"{gateway.url}/v1/responses", headers=headers | beta, timeout=10)
    assert answer.status_code == 426
    assert "POST" in answer.json()["error"]["message"]


def test_a_plain_get_is_a_wrong_method(gateway: Server) -> None:
    answer = requests.get(f"{gateway.url}/v1/responses", timeout=10)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert answer.json()["error"]["code"] == "method_not_allowed"


def test_the_tokens_of_a_prompt_are_counted(gateway: Server) -> None:
    def count(**fields: Any) -> int:
        answer = requests.post(
            f"{gateway.url}/v1/responses/input_tokens",
            json={"model": "demo-echo", **fields},
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=10,
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["object"] == "response.input_tokens"
        return int(answer.json()["input_tokens"])

    short = count(input="one two three")
    assert 3 <= short < count(input="one two three", instructions="Be brief.")
    tools = [{"type": "function", "name": "f", "parameters": {"type": "object"}}]
    assert count(input="one two three", tools=tools) > short
    assert count(input="one two three", model=None) == short


def test_a_compaction_is_refused_before_the_bot_is_asked(gateway: Server) -> None:
    answer = requests.post(
        f"{gateway.url}/v1/responses",
        json={"model": "demo-echo", "input": [{"type": "compaction_trigger"}]},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=10,
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "input[0].type"
