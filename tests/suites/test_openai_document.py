"""Answers of every route of OpenAI's, by the schemas of OpenAI's own OpenAPI document."""

import base64
from typing import Any

import pytest
import requests

from app.demo.picture import colours_for, draw
from app.demo.sound import name_of, play
from tests.servers import Server
from tests.suites.answers import FUNCTION, HEADERS, SCHEMA, ask, responses_requests, stream
from tests.suites.openai_document import check, check_events
from tests.suites.rules_bot import NAME, THINKING

HELLO: Any = [{"role": "user", "content": "add 3"}]
TOOL = {"type": "function", "function": FUNCTION}
CUSTOM = {"type": "custom", "custom": {"name": "add", "description": "Takes free text."}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}
CHATS: dict[str, dict[str, Any]] = {
    "text": {},
    "reasoning": {"model": THINKING},
    "choices": {"n": 2},
    "length": {"max_tokens": 2},
    "call": {"tools": [TOOL]},
    "custom": {"tools": [CUSTOM]},
    "format": {"response_format": FORMAT},
    "both": {"response_format": FORMAT, "tools": [TOOL]},
    "picture": {"model": "demo-image"},
}
RESPONSES = responses_requests(NAME, THINKING) | {
    "custom": {"model": NAME, "input": "x", "tools": [{"type": "custom", "name": "patch"}]},
    "namespace": {
        "model": NAME,
        "input": "x",
        "tools": [
            {
                "type": "namespace",
                "name": "agents",
                "description": "Others.",
                "tools": [{"type": "function", **FUNCTION}],
            }
        ],
    },
}


pytestmark = pytest.mark.long


@pytest.mark.parametrize("kind", CHATS)
def test_chat(rules: Server, kind: str) -> None:
    body = {"model": NAME, "messages": HELLO, **CHATS[kind]}
    check(ask(rules, "chat/completions", json=body), "CreateChatCompletionResponse")
    options = {"stream": True, "stream_options": {"include_usage": True}}
    for chunk in stream(rules, "chat/completions", json=body | options):
        check(chunk, "CreateChatCompletionStreamResponse")


def test_completions(rules: Server) -> None:
    body = {"model": NAME, "prompt": ["one", "two"], "max_tokens": 5}
    check(ask(rules, "completions", json=body), "CreateCompletionResponse")
    for chunk in stream(rules, "completions", json=body | {"stream": True}):
        check(chunk, "CreateCompletionResponse")


@pytest.mark.parametrize("kind", RESPONSES)
def test_responses(rules: Server, kind: str) -> None:
    body = RESPONSES[kind]
    response = ask(rules, "responses", json=body)
    check(response, "Response")
    check_events(stream(rules, "responses", json=body | {"stream": True}), "ResponseStreamEvent")
    check(ask(rules, f"responses/{response['id']}", "GET"), "Response")
    again = {"model": NAME, "input": "go on", "previous_response_id": response["id"]}
    later = ask(rules, "responses", json=again)
    items = ask(rules, f"responses/{later['id']}/input_items", "GET")
    check(items, "ResponseItemList")


def test_a_response_that_fails(rules: Server) -> None:
    body = {"model": "cut-3", "input": "hi", "stream": True}
    events = stream(rules, "responses", json=body)
    assert events[-1]["type"] == "response.failed"
    check_events(events, "ResponseStreamEvent")


def test_input_tokens(rules: Server) -> None:
    body = {"model": NAME, "input": "hi"}
    check(ask(rules, "responses/input_tokens", json=body), "TokenCountsResource")


def test_images(rules: Server) -> None:
    body = {"prompt": "blue", "response_format": "b64_json"}
    check(ask(rules, "images/generations", json=body), "ImagesResponse")
    events = stream(rules, "images/generations", json={"prompt": "blue", "stream": True})
    check_events(events, "ImageGenStreamEvent")
    picture = {"image": ("a.png", draw(colours_for("x")), "image/png")}
    form = {"prompt": "red", "model": "demo-image"}
    check(ask(rules, "images/edits", data=form, files=picture), "ImagesResponse")
    events = stream(rules, "images/edits", data=form | {"stream": "true"}, files=picture)
    check_events(events, "ImageEditStreamEvent")


def test_audio(rules: Server) -> None:
    said = {"model": "demo-speech", "input": "hello", "voice": "alloy", "stream_format": "sse"}
    check_events(stream(rules, "audio/speech", json=said), "CreateSpeechResponseStreamEvent")
    sound = {"file": ("a.wav", play(name_of("hello")), "audio/wav")}
    form = {"model": "demo-transcriber"}
    plain = ask(rules, "audio/transcriptions", data=form, files=sound)
    check(plain, "CreateTranscriptionResponseJson")
    verbose = form | {"response_format": "verbose_json", "language": "en"}
    heard = ask(rules, "audio/transcriptions", data=verbose, files=sound)
    check(heard, "CreateTranscriptionResponseVerboseJson")
    events = stream(rules, "audio/transcriptions", data=form | {"stream": "true"}, files=sound)
    check_events(events, "CreateTranscriptionResponseStreamEvent")
    check(ask(rules, "audio/translations", data=form, files=sound), "CreateTranslationResponseJson")
    heard = ask(rules, "audio/translations", data=verbose, files=sound)
    check(heard, "CreateTranslationResponseVerboseJson")


def test_files(rules: Server) -> None:
    data = {"file": ("a.pdf", b"%PDF-1.7 of the test", "application/pdf")}
    file = ask(rules, "files", data={"purpose": "user_data"}, files=data)
    check(file, "OpenAIFile")
    check(ask(rules, f"files/{file['id']}", "GET"), "OpenAIFile")
    check(ask(rules, "files", "GET"), "ListFilesResponse")
    check(ask(rules, f"files/{file['id']}", "DELETE"), "DeleteFileResponse")
    check(ask(rules, "files", "GET"), "ListFilesResponse")


def test_videos(rules: Server) -> None:
    video = ask(rules, "videos", json={"prompt": "a harbour", "seconds": "4"})
    check(video, "VideoResource")
    check(ask(rules, f"videos/{video['id']}", "GET"), "VideoResource")
    check(ask(rules, "videos", "GET"), "VideoListResource")
    check(ask(rules, f"videos/{video['id']}", "DELETE"), "DeletedVideoResource")


def test_models(rules: Server) -> None:
    check(ask(rules, "models", "GET"), "ListModelsResponse")
    check(ask(rules, f"models/{NAME}", "GET"), "Model")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat/completions", {"model": NAME}),
        ("responses", {"model": "no-such-bot", "input": "hi"}),
        ("images/generations", {"prompt": 5}),
        ("no/such/route", {}),
    ],
)
def test_errors(rules: Server, path: str, body: dict[str, Any]) -> None:
    answer = requests.post(f"{rules.url}/v1/{path}", json=body, headers=HEADERS, timeout=10)
    assert answer.status_code >= 400
    check(answer.json(), "ErrorResponse")


def test_a_file_in_a_message(rules: Server) -> None:
    """What the document says of a request is taken."""
    url = f"data:image/png;base64,{base64.b64encode(draw(colours_for('x'))).decode()}"
    content = [{"type": "image_url", "image_url": {"url": url, "detail": "low"}}]
    body = {"model": NAME, "messages": [{"role": "user", "content": content}]}
    check(body, "CreateChatCompletionRequest")
    ask(rules, "chat/completions", json=body)
