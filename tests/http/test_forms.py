"""Forms: the payload that one means, and how the openai SDK's forms reach a bot."""

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
import requests
from flask import Flask

from app.config import Settings
from app.core.conversation import Media
from app.dialects.audio.schemas import TranscriptionSchema
from app.dialects.images.schemas import EditSchema
from app.dialects.videos.schemas import CreateVideoSchema
from app.errors import InvalidRequest
from app.factory import create_app
from app.http.forms import MAX_DEPTH, read_form
from app.schemas.loading import BaseSchema, load_payload
from tests.conftest import KEY
from tests.servers import Server

PNG = b"\x89PNG\r\n\x1a\n"
Fields = list[tuple[str, Any]]


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(Settings())


def file(name: str = "a.png", data: bytes = PNG) -> Any:
    return name, data, "image/png"


@pytest.fixture
def read(app: Flask) -> Callable[..., dict[str, Any]]:
    def read(schema: BaseSchema, parts: Fields) -> dict[str, Any]:
        plain: Any = {"files": [(name, part) for name, part in parts if isinstance(part, tuple)]}
        plain["files"] += [(name, (None, part)) for name, part in parts if isinstance(part, str)]
        sent = requests.Request("POST", "http://h.test/", **plain).prepare()
        kind = sent.headers["Content-Type"]
        with app.test_request_context(method="POST", data=sent.body, content_type=kind):
            return read_form(schema)

    return read


@pytest.mark.parametrize(
    ("parts", "payload"),
    [
        ([("a[b]", "1")], {"a": {"b": 1}}),
        ([("a[b]", "1"), ("a[c]", "x")], {"a": {"b": 1, "c": "x"}}),
        ([("a[b][c]", "true"), ("a[d]", "2.5")], {"a": {"b": {"c": True}, "d": 2.5}}),
        ([("a[b][]", "1"), ("a[b][]", "x")], {"a": {"b": [1, "x"]}}),
        ([("a[b][]", "1")], {"a": {"b": [1]}}),
        ([("a[b]", "1"), ("a[b]", "2")], {"a": {"b": [1, 2]}}),
        ([("a[]", "1")], {"a": [1]}),
        ([("a[]", "1"), ("a", "2")], {"a": [1, 2]}),
        ([("a[b][c][d][e][f]", "1")], {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}),
        ([("a[0]", "x")], {"a": {"0": "x"}}),
        ([("a[__class__]", "x")], {"a": {"__class__": "x"}}),
        ([("a[b", "1"), ("b]", "2"), ("[c]", "3")], {"a[b": 1, "b]": 2, "[c]": 3}),
        ([("a[b]c", "1"), ("a[[b]]", "2"), ("a[b]]", "3")], {"a[b]c": 1, "a[[b]]": 2, "a[b]]": 3}),
        ([("prompt", "1"), ("size", "2")], {"prompt": "1", "size": "2"}),
        ([("prompt[a]", "1")], {"prompt": {"a": "1"}}),
        ([("input_reference[file_id]", "12")], {"input_reference": {"file_id": "12"}}),
        ([("extra_body", '{"a": 1}')], {"extra_body": {"a": 1}}),
        ([("extra_body[a][b]", "1")], {"extra_body": {"a": {"b": 1}}}),
        ([("null", "null"), ("list", "[1]"), ("e", "")], {"null": "null", "list": "[1]", "e": ""}),
    ],
)
def test_what_a_form_means(
    read: Callable[..., dict[str, Any]], parts: Fields, payload: dict[str, Any]
) -> None:
    told = read(CreateVideoSchema(), parts)
    assert told == payload and json.dumps(told) == json.dumps(payload)


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ([("a", "1"), ("a[b]", "2")], "a"),
        ([("a[b]", "2"), ("a", "1")], "a"),
        ([("a[]", "1"), ("a[b]", "2")], "a"),
        ([("a[b]", "1"), ("a[b][c][d]", "2")], "a.b"),
        ([("extra_body", '{"a": 1}'), ("extra_body[b]", "2")], "extra_body"),
        ([("input_reference[file_id]", "f"), ("input_reference", file())], "input_reference"),
        ([("a" + "[b]" * (MAX_DEPTH + 1), "1")], "a" + "[b]" * (MAX_DEPTH + 1)),
        ([("a" + "[b]" * 100_000, "1")], "a" + "[b]" * 100_000),
        ([("a[][b]", "1")], "a[][b]"),
        ([("a[][]", "1")], "a[][]"),
        ([("input_reference[image_url]", file())], "input_reference[image_url]"),
        ([("a[]", file())], "a"),
        ([("input_reference", file(data=b""))], "input_reference"),
    ],
)
def test_forms_that_mean_nothing(
    read: Callable[..., dict[str, Any]], parts: Fields, param: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(CreateVideoSchema(), parts)
    assert caught.value.param == param


def test_files_and_texts_of_one_name(read: Callable[..., dict[str, Any]]) -> None:
    link = "https://h.test/a.png"
    told = read(EditSchema(), [("image", link), ("image[]", file()), ("image[]", file("b.png"))])
    images = told["image"]
    assert images[0] == link and all(isinstance(image, Media) for image in images[1:])
    assert [image.param for image in images[1:]] == ["image[1]", "image[2]"]


def test_parts_of_known_objects_are_loaded(read: Callable[..., dict[str, Any]]) -> None:
    svg = read(EditSchema(), [("prompt", "a"), ("image[file_id]", "7"), ("svg[width]", "100")])
    loaded = load_payload(EditSchema(), svg)
    assert (loaded["image"], loaded["svg"]) == ([{"file_id": "7"}], {"width": 100})
    parts = [("model", "m"), ("file", file()), ("chunking_strategy[type]", "server_vad")]
    loaded = load_payload(TranscriptionSchema(), read(TranscriptionSchema(), parts))
    assert loaded["chunking_strategy"] == {"type": "server_vad"}


def test_many_parts_take_no_time(read: Callable[..., dict[str, Any]]) -> None:
    told = read(CreateVideoSchema(), [(f"a[{number}][b][]", "1") for number in range(9_000)])
    assert len(told["a"]) == 9_000 and told["a"]["8999"] == {"b": [1]}


CAMERA = {"camera": {"zoom": 2, "path": {"loop": True}}, "flags": [1, 2], "tone": "warm"}


@pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")
def test_objects_of_the_sdk_reach_the_bot(client: openai.OpenAI, seen: Callable[[], Any]) -> None:
    prompt = '[["file", {"url": "https://h.test/a", "content_type": "video/mp4", "name": "a"}]]'
    video = client.videos.create_and_poll(
        model="script-", prompt=prompt, extra_body=CAMERA, poll_interval_ms=100
    )
    assert video.status == "completed", video.error
    assert seen()["last"]["script-"]["query"][-1]["parameters"] == CAMERA


@pytest.mark.parametrize(
    ("path", "form", "param"),
    [
        ("videos", {"seconds": "1" + "0" * 400}, "seconds"),
        ("videos", {"camera": "x", "camera[zoom]": "2"}, "camera"),
        ("videos", {"cameras[][zoom]": "2"}, "cameras[][zoom]"),
        ("images/variations", {"n": "9" * 5_000}, "n"),
        ("images/variations", {"model": "x" * 300}, "model"),
    ],
)
def test_a_400_names_the_field(
    gateway: Server, path: str, form: dict[str, str], param: str
) -> None:
    answer = requests.post(
        f"{gateway.url}/v1/{path}",
        data={"model": "demo-image", "prompt": "x", **form},
        files={"input_reference" if path == "videos" else "image": PNG},
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=5,
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize("path", ["videos", "files", "usage/points_history"])
@pytest.mark.parametrize("limit", ["9" * 400, "-" + "9" * 4_000, "1e400", "NaN"])
def test_a_limit_beyond_all_numbers(gateway: Server, path: str, limit: str) -> None:
    answer = requests.get(
        f"{gateway.url}/v1/{path}?limit={limit}",
        headers={"Authorization": f"Bearer {KEY}"},
        timeout=5,
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "limit"
