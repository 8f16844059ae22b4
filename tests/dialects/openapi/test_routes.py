"""GET /openapi.json: every route is in it, and real answers are as it says."""

import base64
import copy
import time
import tomllib
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from app.config import Settings
from app.demo.sound import name_of, play
from app.dialects.openapi.routes import ERRORS, describe, path_of
from app.errors import ApiError, InternalError
from app.factory import create_app
from app.http.operations import operation_of
from tests.conftest import KEY
from tests.servers import Server, free_port, running
from tests.upload_server import FOLDER

ROOT = Path(__file__).parents[3]
BASE = "urn:openapi"
CREDENTIAL = {"Authorization": f"Bearer {KEY}"}
VERSIONED = {**CREDENTIAL, "anthropic-version": "2023-06-01"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return describe(create_app(Settings()))


@pytest.fixture(scope="module")
def strict(document: dict[str, Any]) -> dict[str, Any]:
    """The same, but that answers may hold nothing that it does not tell."""
    strict = copy.deepcopy(document)
    for name, schema in strict["components"]["schemas"].items():
        if name.startswith("answers."):
            schema.setdefault("additionalProperties", False)
    return strict


@pytest.fixture(scope="module")
def files(start_gateway: Callable[..., Server], logs: Path) -> Iterator[Server]:
    """A gateway whose client can upload files and has points."""
    port = free_port()
    with running(["-m", "tests.file_server", str(port)], port, logs / "kept.log") as kept:
        yield start_gateway(POE_UPLOAD_URL=kept.url + FOLDER)


def operations(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(path, method.upper()) for path, item in document["paths"].items() for method in item}


def test_it_works(gateway: Server, document: dict[str, Any]) -> None:
    """Without a credential, with and without /v1."""
    for path in ("/openapi.json", "/v1/openapi.json"):
        answer = requests.get(gateway.url + path, timeout=10)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json() == document


def test_every_route_is_in_the_document_and_no_other(document: dict[str, Any]) -> None:
    rules = create_app(Settings()).url_map.iter_rules()
    served = {
        (path_of(rule), method)
        for rule in rules
        if not rule.endpoint.startswith("unsupported.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert operations(document) == served


def test_every_schema_is_one(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = list(references(document))
    assert len(found) > 100
    for reference in found:
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    told = [document["paths"][path][method.lower()] for path, method in operations(document)]
    assert len({operation["operationId"] for operation in told}) == len(told)
    assert all(operation["summary"] for operation in told)


def test_every_error_is_told_by_its_class() -> None:
    def tree(kind: type[ApiError]) -> Iterator[type[ApiError]]:
        yield kind
        for inner in kind.__subclasses__():
            yield from tree(inner)

    first_of_status: dict[int, str] = {}
    for kind in tree(ApiError):
        first_of_status.setdefault(kind.status, kind.__name__)
    del first_of_status[InternalError.status]  # a defect is nothing to count on
    assert {status: name for status, (name, _) in ERRORS.items()} == first_of_status


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    module, _, name = project["tool"]["setuptools"]["dynamic"]["version"]["attr"].rpartition(".")
    version = getattr(import_module(module), name)
    assert describe(create_app(Settings()))["info"]["version"] == version
    assert "version" not in project["project"]


def test_a_view_that_says_nothing_is_not_described() -> None:
    assert operation_of(test_it_works) is None


def hold(strict: dict[str, Any], method: str, path: str, answer: requests.Response) -> Any:
    """Checks an answer against what the document says of it; gives its JSON."""
    told = strict["paths"][path][method]["responses"][str(answer.status_code)]
    if "$ref" in told:
        told = strict["components"]["responses"][told["$ref"].rpartition("/")[2]]
    kind = answer.headers["content-type"].partition(";")[0]
    assert any(fnmatchcase(kind, pattern) for pattern in told["content"])
    for name in told["headers"].keys() - {"Retry-After"}:
        assert name in answer.headers
    if kind != "application/json":
        return None
    resource = DRAFT202012.create_resource(strict)
    registry: Registry[Any] = Registry().with_resource(BASE, resource)
    schema = _absolute(told["content"][kind]["schema"])
    Draft202012Validator(schema, registry=registry).validate(answer.json())
    return answer.json()


def _absolute(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: BASE + inner if name == "$ref" else _absolute(inner)
            for name, inner in value.items()
        }
    return list(map(_absolute, value)) if isinstance(value, list) else value


TOOL = {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}
ASK = [{"role": "user", "content": 'call add {"a": 1}'}]
CHAT = {"model": "demo-agent", "messages": ASK}
CHAT_TOOLS = [{"type": "function", "function": TOOL}]
THINK = [{"role": "user", "content": "think of it"}]
CLAUDE_TOOL = {"name": "add", "input_schema": {"type": "object"}}
RESPONSES_TOOL = {"type": "function", **TOOL}
CUSTOM = {"type": "custom", "name": "add"}

ANSWERED: dict[str, tuple[str, dict[str, Any]]] = {
    "chat calls": (
        "/chat/completions",
        {**CHAT, "tools": CHAT_TOOLS},
    ),
    "chat calls a custom tool": (
        "/chat/completions",
        {**CHAT, "tools": [{"type": "custom", "custom": {"name": "add"}}]},
    ),
    "chat calls a function": ("/chat/completions", {**CHAT, "functions": [TOOL]}),
    "chat thinks": ("/chat/completions", {"model": "demo-reasoner", "messages": THINK, "n": 2}),
    "chat is cut": (
        "/chat/completions",
        {"model": "demo-echo", "messages": THINK, "max_tokens": 1},
    ),
    "completion": ("/completions", {"model": "demo-echo", "prompt": ["a", "b"], "echo": True}),
    "message calls": ("/messages", {**CHAT, "max_tokens": 99, "tools": [CLAUDE_TOOL]}),
    "message thinks": (
        "/messages",
        {"model": "demo-reasoner", "messages": THINK, "max_tokens": 99},
    ),
    "message is stopped": (
        "/messages",
        {"model": "demo-echo", "messages": THINK, "max_tokens": 9, "stop_sequences": ["of"]},
    ),
    "tokens": ("/messages/count_tokens", {"model": "demo-echo", "messages": THINK}),
    "response calls": (
        "/responses",
        {"model": "demo-agent", "input": ASK, "tools": [RESPONSES_TOOL], "tool_choice": "auto"},
    ),
    "response calls a custom tool": (
        "/responses",
        {"model": "demo-agent", "input": ASK, "tools": [CUSTOM], "tool_choice": CUSTOM},
    ),
    "response calls into a namespace": (
        "/responses",
        {
            "model": "demo-agent",
            "input": [{"role": "user", "content": "call math.add {}"}],
            "tools": [{"type": "namespace", "name": "math", "tools": [RESPONSES_TOOL]}],
        },
    ),
    "response thinks": ("/responses", {"model": "demo-reasoner", "input": "think"}),
    "response is cut": (
        "/responses",
        {"model": "demo-echo", "input": "one two three", "max_output_tokens": 1},
    ),
    "pictures": ("/images/generations", {"model": "demo-image", "prompt": "dawn", "n": 2}),
    "pictures inline": (
        "/images/generations",
        {"model": "demo-image", "prompt": "dawn", "response_format": "b64_json"},
    ),
}


@pytest.mark.parametrize("name", ANSWERED)
def test_answers_are_as_described(gateway: Server, strict: dict[str, Any], name: str) -> None:
    path, body = ANSWERED[name]
    answer = requests.post(gateway.url + path, json=body, headers=CREDENTIAL, timeout=20)
    assert answer.status_code == 200, answer.text
    told = hold(strict, "post", path, answer)
    kind = name.partition(" calls")
    if kind[1]:
        assert "add" in answer.text
    assert told


STREAMED = ("chat thinks", "completion", "message thinks", "response thinks", "pictures")


@pytest.mark.parametrize("name", STREAMED)
def test_streams_are_of_the_described_type(
    gateway: Server, strict: dict[str, Any], name: str
) -> None:
    path, body = ANSWERED[name]
    streamed = {**body, "stream": True}
    answer = requests.post(gateway.url + path, json=streamed, headers=CREDENTIAL, timeout=20)
    assert answer.headers["content-type"].startswith("text/event-stream")
    hold(strict, "post", path, answer)


REFUSED = {
    400: {"model": "demo-echo", "messages": 5, "max_tokens": 1},
    402: {"model": "status-402", "messages": THINK, "max_tokens": 1},
    403: {"model": "status-403", "messages": THINK, "max_tokens": 1},
    404: {"model": "no-such-bot", "messages": THINK, "max_tokens": 1},
    408: {"model": "silent-0", "messages": THINK, "max_tokens": 1},
    413: {"model": "status-413", "messages": THINK, "max_tokens": 1},
    429: {"model": "status-429", "messages": THINK, "max_tokens": 1},
    502: {"model": "status-500", "messages": THINK, "max_tokens": 1},
    529: {"model": "status-503", "messages": THINK, "max_tokens": 1},
}


@pytest.mark.parametrize("path", ["/chat/completions", "/messages"])
@pytest.mark.parametrize("status", REFUSED)
def test_errors_are_as_described(
    gateway: Server, strict: dict[str, Any], path: str, status: int
) -> None:
    answer = requests.post(gateway.url + path, json=REFUSED[status], headers=CREDENTIAL, timeout=20)
    assert answer.status_code == status
    told = hold(strict, "post", path, answer)
    assert told["error"]["message"]


@pytest.mark.parametrize("path", ["/chat/completions", "/messages"])
def test_a_missing_credential_is_as_described(
    gateway: Server, strict: dict[str, Any], path: str
) -> None:
    answer = requests.post(gateway.url + path, json={}, timeout=10)
    assert answer.status_code == 401
    hold(strict, "post", path, answer)


def test_kept_responses_are_as_described(gateway: Server, strict: dict[str, Any]) -> None:
    body = {"model": "demo-echo", "input": [{"role": "user", "content": "hello"}]}
    made = requests.post(f"{gateway.url}/responses", json=body, headers=CREDENTIAL, timeout=20)
    one = f"{gateway.url}/responses/{made.json()['id']}"
    path = "/responses/{response_id}"
    kept = requests.get(one, headers=CREDENTIAL, timeout=10)
    assert hold(strict, "get", path, kept) == made.json()
    items = requests.get(f"{one}/input_items", headers=CREDENTIAL, timeout=10)
    assert hold(strict, "get", f"{path}/input_items", items)["data"]
    refused = requests.post(f"{one}/cancel", headers=CREDENTIAL, timeout=10)
    assert refused.status_code == 400
    hold(strict, "post", f"{path}/cancel", refused)
    deleted = requests.delete(one, headers=CREDENTIAL, timeout=10)
    assert hold(strict, "delete", path, deleted)["deleted"] is True
    gone = requests.get(one, headers=CREDENTIAL, timeout=10)
    assert gone.status_code == 404
    hold(strict, "get", path, gone)


@pytest.mark.parametrize("headers", [CREDENTIAL, VERSIONED], ids=["openai", "anthropic"])
def test_files_are_as_described(
    files: Server, strict: dict[str, Any], headers: dict[str, str]
) -> None:
    form: Any = {"purpose": (None, "user_data"), "file": ("a.txt", b"words", "text/plain")}
    made = requests.post(f"{files.url}/files", files=form, headers=headers, timeout=20)
    file = hold(strict, "post", "/files", made)
    one, path = f"{files.url}/files/{file['id']}", "/files/{file_id}"
    listed = requests.get(f"{files.url}/files", headers=headers, timeout=10)
    assert file in hold(strict, "get", "/files", listed)["data"]
    found = requests.get(one, headers=headers, timeout=10)
    assert hold(strict, "get", path, found) == file
    content = requests.get(f"{one}/content", headers=headers, timeout=10)
    assert content.content == b"words"
    deleted = requests.delete(one, headers=headers, timeout=10)
    assert hold(strict, "delete", path, deleted)["id"] == file["id"]


def test_edits_by_form_are_as_described(gateway: Server, files: Server, strict: Any) -> None:
    picture = requests.post(
        f"{gateway.url}/images/generations",
        json={"model": "demo-image", "prompt": "dawn", "response_format": "b64_json"},
        headers=CREDENTIAL,
        timeout=20,
    ).json()["data"][0]["b64_json"]
    form: Any = {
        "model": (None, "demo-image"),
        "prompt": (None, "dusk"),
        "image": ("a.png", base64.b64decode(picture)),
    }
    answer = requests.post(f"{files.url}/images/edits", files=form, headers=CREDENTIAL, timeout=20)
    assert hold(strict, "post", "/images/edits", answer)["data"]


def test_speech_is_as_described(gateway: Server, strict: dict[str, Any]) -> None:
    body = {"model": "demo-speech", "input": "good morning"}
    path = "/audio/speech"
    answer = requests.post(gateway.url + path, json=body, headers=CREDENTIAL, timeout=20)
    assert answer.headers["content-type"] == "audio/wav"
    hold(strict, "post", path, answer)


@pytest.mark.parametrize("form", ["json", "verbose_json", "text"])
@pytest.mark.parametrize("path", ["/audio/transcriptions", "/audio/translations"])
def test_transcriptions_are_as_described(
    files: Server, strict: dict[str, Any], path: str, form: str
) -> None:
    sent: Any = {
        "model": (None, "demo-transcriber"),
        "response_format": (None, form),
        "file": ("a.wav", play(name_of("hello"))),
    }
    answer = requests.post(files.url + path, files=sent, headers=CREDENTIAL, timeout=20)
    assert answer.status_code == 200, answer.text
    told = hold(strict, "post", path, answer)
    assert (told is None) == (form == "text")
    if form == "verbose_json":
        assert told["segments"]


def test_videos_are_as_described(gateway: Server, strict: dict[str, Any]) -> None:
    body = {"model": "demo-video", "prompt": "a wave"}
    made = requests.post(f"{gateway.url}/videos", json=body, headers=CREDENTIAL, timeout=20)
    video = hold(strict, "post", "/videos", made)
    one, path = f"{gateway.url}/videos/{video['id']}", "/videos/{video_id}"
    until = time.monotonic() + 10
    while video["status"] == "in_progress" and time.monotonic() < until:
        time.sleep(0.05)
        video = hold(strict, "get", path, requests.get(one, headers=CREDENTIAL, timeout=10))
    assert video["status"] == "completed"
    listed = requests.get(f"{gateway.url}/videos", headers=CREDENTIAL, timeout=10)
    assert video in hold(strict, "get", "/videos", listed)["data"]
    hold(strict, "get", f"{path}/content", requests.get(f"{one}/content", headers=CREDENTIAL))
    deleted = requests.delete(one, headers=CREDENTIAL, timeout=10)
    assert hold(strict, "delete", path, deleted)["deleted"] is True


@pytest.mark.parametrize(
    "path, name",
    [
        ("/models", None),
        ("/models/{name}", "Gemini-2.5-Pro"),
        ("/models/{name}", "Bilder/Größe:v1.5"),
        ("/usage/current_balance", None),
        ("/usage/points_history", None),
        ("/healthz", None),
        ("/readyz", None),
        ("/openapi.json", None),
    ],
)
def test_what_is_told_is_as_described(
    gateway: Server, strict: dict[str, Any], path: str, name: str | None
) -> None:
    url = gateway.url + path.replace("{name}", name or "")
    key = {"x-api-key": "points-100-5-7"}
    answer = requests.get(url, headers=key, timeout=10)
    assert answer.status_code == 200
    assert hold(strict, "get", path, answer)
