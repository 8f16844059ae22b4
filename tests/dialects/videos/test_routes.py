"""Videos through gunicorn with the openai SDK."""

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import openai
import pytest
import requests
from openai.types import Video

from app.config import Settings
from app.demo.picture import colours_for, draw
from app.demo.server import bot_urls
from app.demo.video import shoot
from app.state.store import Store
from tests.servers import Server, free_port, running
from tests.upload_server import FOLDER

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")

PROMPT = "a harbour at dawn"
AVI = shoot(colours_for(PROMPT))
PNG = draw(colours_for(PROMPT))
NAPS_MS = 100
METRICS = "metrics-secret"
MONTH = 30 * 24 * 3600


@pytest.fixture(scope="module")
def poe_files(logs: Path) -> Iterator[Server]:
    port = free_port()
    log = logs / "files-of-videos.log"
    with running(["-m", "tests.file_server", str(port)], port, log) as server:
        yield server


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("videos"))


@pytest.fixture(scope="module")
def studio(
    start_gateway: Callable[..., Server],
    demo: Server,
    upstream: Server,
    poe_files: Server,
    state_dir: str,
) -> Server:
    return start_gateway(
        BOT_URLS=f"{bot_urls(demo.url)},own-script={upstream.url}/bot/script-",
        MODEL_ALIASES="sora-2=demo-video",
        VIDEO_MODEL="demo-video",
        POE_UPLOAD_URL=poe_files.url + FOLDER,
        STATE_DIR=state_dir,
        METRICS_TOKEN=METRICS,
    )


@pytest.fixture
def key() -> str:
    """A client of its own for each test."""
    return f"key-{uuid4().hex}"


@pytest.fixture
def sdk(studio: Server, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{studio.url}/v1", api_key=key, max_retries=0) as client:
        yield client


def ask(server: Server, key: str, method: str, path: str = "", **options: Any) -> Any:
    headers = {"Authorization": f"Bearer {key}"}
    url = f"{server.url}/v1/videos{path}"
    return requests.request(method, url, headers=headers, timeout=10, **options)


def script(*files: tuple[str, str], text: str = "") -> str:
    """A prompt by which the simulated Poe's bot gives these files, as urls and content types."""
    events: list[Any] = [["text", {"text": text}]] if text else []
    for url, kind in files:
        events.append(["file", {"url": url, "content_type": kind, "name": "made"}])
    return json.dumps(events)


def film(sdk: openai.OpenAI, **fields: Any) -> Video:
    return sdk.videos.create_and_poll(poll_interval_ms=NAPS_MS, **fields)


def error_of(video: Video) -> tuple[str, str]:
    assert video.status == "failed" and video.error and video.progress == 0
    return video.error.code, video.error.message


def test_it_works(studio: Server, key: str) -> None:
    """The SDK here refuses what its own types do not allow."""
    with openai.OpenAI(
        base_url=f"{studio.url}/v1", api_key=key, max_retries=0, _strict_response_validation=True
    ) as sdk:
        asked = sdk.videos.create(model="sora-2", prompt=PROMPT, seconds="4", size="1280x720")
        assert asked.id.startswith("video_") and asked.object == "video"
        assert (asked.status, asked.progress, asked.model) == ("in_progress", 0, "sora-2")
        assert (asked.prompt, asked.seconds, asked.size) == (PROMPT, "4", "1280x720")
        assert asked.expires_at and asked.expires_at - asked.created_at == MONTH
        assert abs(asked.created_at - time.time()) < 60
        done = sdk.videos.poll(asked.id, poll_interval_ms=NAPS_MS)
        assert (done.status, done.progress, done.error) == ("completed", 100, None)
        assert done.completed_at and asked.created_at <= done.completed_at <= time.time()
        told = done.to_dict() | {"status": "in_progress", "progress": 0, "completed_at": None}
        assert told == asked.to_dict()
        content = sdk.videos.download_content(asked.id)
        assert content.read() == AVI
        assert content.response.headers["content-type"] == "video/x-msvideo"
        assert content.response.headers["content-length"] == str(len(AVI))
        deleted = sdk.videos.delete(asked.id)
        assert deleted.deleted and deleted.object == "video.deleted" and deleted.id == asked.id
        for forgotten in (sdk.videos.retrieve, sdk.videos.download_content, sdk.videos.delete):
            with pytest.raises(openai.NotFoundError):
                forgotten(asked.id)


def prompt_tokens(studio: Server) -> float:
    """As /metrics counts them, of all models."""
    headers = {"Authorization": f"Bearer {METRICS}"}
    text = requests.get(f"{studio.url}/metrics", headers=headers, timeout=10).text
    found = re.findall(r'poegate_tokens_total\{model="[^"]*",type="prompt"\} (\S+)', text)
    return sum(map(float, found))


def test_metrics_count_what_a_job_used(studio: Server, sdk: openai.OpenAI) -> None:
    before = prompt_tokens(studio)
    assert film(sdk, model="demo-video", prompt=PROMPT).status == "completed"
    deadline = time.monotonic() + 20
    while prompt_tokens(studio) == before and time.monotonic() < deadline:
        time.sleep(0.1)
    assert prompt_tokens(studio) > before


def test_it_works_without_a_model_and_in_json(studio: Server, key: str) -> None:
    asked = ask(studio, key, "POST", json={"prompt": PROMPT})
    assert asked.status_code == 200
    assert int(asked.headers["openai-poll-after-ms"]) == 2000
    video = asked.json()
    assert (video["model"], video["seconds"], video["size"]) == ("demo-video", "auto", "auto")
    while video["status"] == "in_progress":
        time.sleep(NAPS_MS / 1000)
        answer = ask(studio, key, "GET", f"/{video['id']}")
        video = answer.json()
    assert video["status"] == "completed"
    assert "openai-poll-after-ms" not in answer.headers
    assert ask(studio, key, "GET", f"/{video['id']}/content?variant=video").content == AVI


def test_parameters_reach_the_bot(
    sdk: openai.OpenAI, studio: Server, key: str, seen: Callable[[], Any]
) -> None:
    prompt = script(("https://h.test/a.mp4", "video/mp4"))
    own = {"seed": 4, "audio": True, "style": "noir", "looks": ["1:1", "2.5"]}
    film(sdk, model="script-", prompt=prompt, seconds="8", size="1280x720", extra_body=own)
    asked = seen()["last"]["script-"]["query"][-1]
    assert asked["content"] == prompt and asked["role"] == "user"
    usual = {"seconds": 8, "duration": 8, "size": "1280x720", "aspect": "16:9"}
    assert asked["parameters"] == {**usual, **own, "looks": ["1:1", 2.5]}

    body = {"model": "script-", "prompt": prompt, "seconds": 2.5, "size": "auto"}
    video = ask(studio, key, "POST", json={**body, "duration": "5s", "seed": "4"}).json()
    assert video["seconds"] == "2.5"
    sdk.videos.poll(video["id"], poll_interval_ms=NAPS_MS)
    asked = seen()["last"]["script-"]["query"][-1]
    assert asked["parameters"] == {"seconds": 2.5, "duration": "5s", "seed": "4"}


def test_a_video_goes_before_other_files(sdk: openai.OpenAI) -> None:
    sky = draw(colours_for("sky"))
    picture = (f"data:image/png;base64,{base64.b64encode(sky).decode()}", "image/png")
    start = AVI[:2_000]
    avi = (f"data:video/x-msvideo;base64,{base64.b64encode(start).decode()}", "video/x-msvideo")
    inline = f"data:video/mp4;base64,{base64.b64encode(b'not much of a film').decode()}"
    for files, data, kind in (
        ([picture, avi], start, "video/x-msvideo"),
        ([picture], sky, "image/png"),
        ([(inline, "video/mp4")], b"not much of a film", "video/mp4"),
    ):
        video = film(sdk, model="own-script", prompt=script(*files, text="Here it is."))
        video = sdk.videos.retrieve(video.id)
        assert video.status == "completed", video.error
        content = sdk.videos.download_content(video.id)
        assert content.read() == data
        assert content.response.headers["content-type"] == kind


def last_files(seen: Callable[[], Any]) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = seen()["last"]["script-"]["query"][-1]["attachments"]
    return files


def test_a_reference_as_a_file(sdk: openai.OpenAI, seen: Callable[[], Any]) -> None:
    prompt = script(("https://h.test/a.mp4", "video/mp4"))
    film(sdk, model="own-script", prompt=prompt, input_reference=("first.png", PNG))
    [file] = last_files(seen)
    assert (file["name"], file["content_type"]) == ("first.png", "image/png")
    assert base64.b64decode(file["url"].partition(",")[2]) == PNG

    film(sdk, model="script-", prompt=prompt, input_reference=PNG)
    [file] = last_files(seen)
    assert file["content_type"] == "image/png"
    assert requests.get(file["url"], timeout=5).content == PNG


@pytest.mark.parametrize("form", [False, True])
def test_a_reference_as_a_link(
    studio: Server, sdk: openai.OpenAI, key: str, seen: Callable[[], Any], form: bool
) -> None:
    data_url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    prompt = script(("https://h.test/a.mp4", "video/mp4"))
    for url, name in (("https://h.test/first.png", "first.png"), (data_url, "image.png")):
        link = {"input_reference": {"image_url": url}}
        sent: dict[str, Any] = {"model": "own-script", "prompt": prompt}
        if form:
            video = film(sdk, **sent, extra_body=link)
        else:
            made = ask(studio, key, "POST", json=sent | link).json()
            video = sdk.videos.poll(made["id"], poll_interval_ms=NAPS_MS)
        assert video.status == "completed", video.error
        [file] = last_files(seen)
        assert (file["url"], file["name"], file["content_type"]) == (url, name, "image/png")


def test_a_reference_by_its_id(sdk: openai.OpenAI, seen: Callable[[], Any]) -> None:
    file_id = sdk.files.create(file=("first.png", PNG), purpose="vision").id
    prompt = script(("https://h.test/a.mp4", "video/mp4"))
    reference = {"input_reference": {"file_id": file_id}}
    video = film(sdk, model="script-", prompt=prompt, extra_body=reference)
    assert video.status == "completed", video.error
    [file] = last_files(seen)
    assert requests.get(file["url"], timeout=5).content == PNG
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.with_options(api_key="somebody-else").videos.create(prompt="x", extra_body=reference)
    assert caught.value.code == "file_not_found"
    assert caught.value.param == "input_reference.file_id"
    assert list(sdk.with_options(api_key="somebody-else").videos.list()) == []


def test_the_list(sdk: openai.OpenAI, studio: Server, key: str) -> None:
    ids = [sdk.videos.create(model="status-404", prompt=f"{number}").id for number in range(5)]
    assert [video.id for video in sdk.videos.list()] == ids[::-1]
    assert [video.id for video in sdk.videos.list(order="asc", limit=2)] == ids
    page = ask(studio, key, "GET", f"?limit=2&order=asc&after={ids[0]}").json()
    assert [video["id"] for video in page.pop("data")] == ids[1:3]
    assert page == {
        "object": "list",
        "has_more": True,
        "first_id": ids[1],
        "last_id": ids[2],
    }
    sdk.videos.delete(ids[1])
    assert [video.id for video in sdk.videos.list(order="asc")] == [ids[0], *ids[2:]]


def test_nobody_else_finds_it(sdk: openai.OpenAI) -> None:
    video_id = sdk.videos.create(prompt=PROMPT).id
    other = sdk.with_options(api_key="somebody-else")
    for ask_for in (other.videos.retrieve, other.videos.download_content, other.videos.delete):
        with pytest.raises(openai.NotFoundError):
            ask_for(video_id)
    assert list(other.videos.list()) == []
    assert sdk.videos.poll(video_id, poll_interval_ms=NAPS_MS).status == "completed"


@pytest.mark.parametrize(
    ("bot", "code", "words"),
    [
        ("typed-insufficient_fund", "insufficient_credits", "too much"),
        ("typed-user_caused_error", "invalid_request_error", "too much"),
        ("typed-privacy_authorization_error", "moderation_error", "too much"),
        ("typed-user_message_too_long", "context_length_exceeded", "too long"),
        ("status-401", "authentication_error", "401"),
        ("status-404", "not_found_error", "status-404"),
        ("status-429", "rate_limit_error", "429"),
        ("status-503", "overloaded_error", "503"),
        ("cut-2", "upstream_error", ""),
        ("garbage-json", "upstream_error", ""),
        ("demo-echo", "no_file", "It said: a harbour at dawn"),
        ("demo-error", "upstream_error", "always fails"),
    ],
)
def test_bots_that_fail(sdk: openai.OpenAI, bot: str, code: str, words: str) -> None:
    video = film(sdk, model=bot, prompt=PROMPT)
    told, message = error_of(video)
    assert told == code and words in message
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.videos.download_content(video.id)
    assert caught.value.code == code and message in caught.value.message


def test_content_that_is_not_there_yet(sdk: openai.OpenAI) -> None:
    video_id = sdk.videos.create(prompt=PROMPT).id
    with pytest.raises(openai.NotFoundError, match="not ready yet") as caught:
        sdk.videos.download_content(video_id)
    assert caught.value.code == "video_not_ready"
    assert sdk.videos.poll(video_id, poll_interval_ms=NAPS_MS).status == "completed"
    for variant in ("thumbnail", "spritesheet"):
        with pytest.raises(openai.BadRequestError) as refused:
            sdk.videos.download_content(video_id, variant=variant)
        assert refused.value.param == "variant"


def test_a_link_that_is_no_longer_kept(sdk: openai.OpenAI, key: str, state_dir: str) -> None:
    """It lies by itself, so that lists need not read it, and may be swept away before the rest."""
    video = film(sdk, prompt=PROMPT)
    assert sdk.videos.download_content(video.id).read() == AVI
    owner = hashlib.sha256(key.encode()).hexdigest()
    Store(Settings(state_dir=state_dir)).forget(owner, f"{video.id}/file", "videos")
    assert sdk.videos.retrieve(video.id).status == "completed"
    with pytest.raises(openai.NotFoundError) as caught:
        sdk.videos.download_content(video.id)
    assert caught.value.code == "file_not_kept"


def test_a_link_that_may_not_be_followed(sdk: openai.OpenAI) -> None:
    prompt = script(("http://127.0.0.1:9/secret.mp4", "video/mp4"))
    video = film(sdk, model="script-", prompt=prompt)
    assert video.status == "completed"  # it is the client that downloads, and not the gateway
    with pytest.raises(openai.InternalServerError) as caught:
        sdk.videos.download_content(video.id)
    assert caught.value.status_code == 502


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": 1}, "prompt"),
        ({"prompt": "x" * 32_001}, "prompt"),
        ({"prompt": "x", "model": ""}, "model"),
        ({"prompt": "x", "model": "\ud800"}, "model"),
        ({"prompt": "x", "seconds": True}, "seconds"),
        ({"prompt": "x", "seconds": "four"}, "seconds"),
        ({"prompt": "x", "seconds": "-4"}, "seconds"),
        ({"prompt": "x", "seconds": 0}, "seconds"),
        ({"prompt": "x", "seconds": 1e9}, "seconds"),
        ({"prompt": "x", "seconds": [4]}, "seconds"),
        ({"prompt": "x", "size": 720}, "size"),
        ({"prompt": "x", "input_reference": 1}, "input_reference"),
        ({"prompt": "x", "input_reference": ""}, "input_reference"),
        ({"prompt": "x", "input_reference": {}}, "input_reference"),
        ({"prompt": "x", "input_reference": {"file_id": ["a"]}}, "input_reference"),
        ({"prompt": "x", "input_reference": {"file_id": "a", "image_url": "b"}}, "input_reference"),
        ({"prompt": "x", "input_reference": {"image_url": "ftp://h/a"}}, "input_reference"),
        ({"prompt": "x", "input_reference": {"file_id": "file-1"}}, "input_reference.file_id"),
        ({"prompt": "x", "extra_body": 1}, "extra_body"),
    ],
)
def test_bad_fields_are_named(studio: Server, key: str, fields: dict[str, Any], param: str) -> None:
    answer = ask(studio, key, "POST", json=fields)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["param"], error["type"]) == (param, "invalid_request_error")
    assert ask(studio, key, "GET").json()["data"] == []


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"files": {"input_reference": PNG}}, "prompt"),
        ({"files": {"input_reference": b""}, "data": {"prompt": "x"}}, "input_reference"),
        ({"files": {"mask": PNG}, "data": {"prompt": "x"}}, "mask"),
        ({"files": [("input_reference[]", PNG)], "data": {"prompt": "x"}}, "input_reference"),
        ({"data": {"prompt": "x", "seconds": "four"}}, "seconds"),
        ({"data": {"prompt": "x", "input_reference[color]": "red"}}, "input_reference"),
    ],
)
def test_bad_fields_of_forms_are_named(
    studio: Server, key: str, options: dict[str, Any], param: str
) -> None:
    answer = ask(studio, key, "POST", **options)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "order=up", "after=nothing"])
def test_a_list_that_cannot_be(studio: Server, key: str, query: str) -> None:
    answer = ask(studio, key, "GET", f"?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == query.partition("=")[0]


@pytest.mark.parametrize("path", ["", "/video_1", "/video_1/content"])
def test_a_credential_is_needed(studio: Server, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = requests.request(method, f"{studio.url}/videos{path}", json={}, timeout=5)
        assert answer.status_code in (401, 405)
    assert requests.get(f"{studio.url}/videos{path}", timeout=5).status_code == 401


def test_what_bots_cannot_do(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="input_reference") as caught:
        sdk.videos.remix("video_1", prompt="x")
    assert caught.value.code == "unsupported_endpoint"
    with pytest.raises(openai.NotFoundError, match="input_reference"):
        sdk.videos.edit(prompt="x", video=AVI)
    with pytest.raises(openai.NotFoundError, match="input_reference"):
        sdk.videos.extend(prompt="x", seconds="4", video=AVI)
    with pytest.raises(openai.NotFoundError, match="characters"):
        sdk.videos.get_character("char_1")
