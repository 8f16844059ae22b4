"""Videos that Poe's own API makes, through gunicorn with the openai SDK."""

from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
import requests

from tests.native.asking import Native
from tests.relay.gateways import KEYS

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")


@pytest.fixture(scope="module")
def native(start_native: Callable[..., Native], tmp_path_factory: pytest.TempPathFactory) -> Native:
    return start_native(
        POE_API_KEYS=",".join(KEYS),
        ACCESS_TOKENS="alice-secret,bob-secret",
        STATE_DIR=str(tmp_path_factory.mktemp("videos")),
        MODEL_ALIASES="film=api-video",
        VIDEO_MODEL="film",
    )


@pytest.fixture(autouse=True)
def without_faults(native: Native) -> None:
    requests.post(f"{native.poe.url}/faults", json={}, timeout=5).raise_for_status()


@pytest.fixture
def sdk(native: Native) -> Iterator[openai.OpenAI]:
    base = f"{native.gateway.url}/v1"
    with openai.OpenAI(base_url=base, api_key="alice-secret", max_retries=0) as client:
        yield client


def call(
    native: Native, method: str, path: str, token: str = "alice-secret", **options: Any
) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{native.gateway.url}/v1/videos{path}"
    return requests.request(method, url, headers=headers, timeout=10, **options)


def test_a_video_from_beginning_to_end(
    native: Native, sdk: openai.OpenAI, asked: Callable[[], Any]
) -> None:
    made = sdk.videos.create(prompt="a harbour", seconds="4")
    assert (made.status, made.model) == ("queued", "film")
    assert asked()[-1]["body"] == {"prompt": "a harbour", "seconds": "4", "model": "api-video"}
    key = asked()[-1]["key"]
    found = sdk.videos.retrieve(made.id)
    assert (found.status, found.progress, found.model) == ("completed", 100, "film")
    assert asked()[-1]["key"] == key
    assert sdk.videos.download_content(made.id).content == b"film-data"
    [listed] = [video for video in sdk.videos.list() if video.id == made.id]
    assert (listed.status, listed.prompt) == ("completed", "a harbour")
    sdk.videos.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        sdk.videos.retrieve(made.id)


def test_a_video_is_changed_by_the_key_that_has_it(
    native: Native, sdk: openai.OpenAI, asked: Callable[[], Any]
) -> None:
    keys = set()
    for number in range(8):
        made = sdk.videos.create(prompt=f"a harbour {number}")
        key = asked()[-1]["key"]
        keys.add(key)
        remixed = sdk.videos.remix(made.id, prompt="at night")
        assert remixed.remixed_from_video_id == made.id and remixed.model == "film"
        assert asked()[-1]["key"] == key and asked()[-1]["path"] == f"/v1/videos/{made.id}/remix"
        assert asked()[-1]["body"] == {"prompt": "at night"}
        body = {"prompt": "go on", "seconds": 4, "video": {"id": remixed.id}}
        extended = call(native, "POST", "/extensions", json=body)
        assert extended.status_code == 200, extended.text
        assert asked()[-1]["key"] == key and asked()[-1]["body"] == body
        form = {"prompt": "on", "seconds": "4", "video[id]": remixed.id}
        assert call(native, "POST", "/extensions", data=form).status_code == 200
        assert asked()[-1]["body"] == {**body, "prompt": "on", "seconds": "4"}
        assert sdk.videos.retrieve(extended.json()["id"]).status == "completed"
    assert len(keys) > 1


def test_a_video_is_nobody_elses(
    native: Native, sdk: openai.OpenAI, asked: Callable[[], Any]
) -> None:
    made = sdk.videos.create(prompt="a secret harbour")
    before = len(asked())
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/content", None),
        ("DELETE", "", None),
        ("POST", "/remix", {"prompt": "mine"}),
    ):
        answer = call(native, method, f"/{made.id}{path}", "bob-secret", json=body)
        assert answer.status_code == 404
    stolen = {"prompt": "mine", "video": {"id": made.id}}
    assert call(native, "POST", "/extensions", "bob-secret", json=stolen).status_code == 404
    assert len(asked()) == before


def test_a_bots_video_cannot_be_changed(native: Native) -> None:
    made = call(native, "POST", "", json={"model": "demo-video", "prompt": "a bay"})
    assert made.headers["x-poegate-upstream"] == "bot; a bot of BOT_URLS"
    changed = call(native, "POST", f"/{made.json()['id']}/remix", json={"prompt": "x"})
    assert changed.status_code == 404 and "input_reference" in changed.json()["error"]["message"]


def test_a_bot_that_can_be_asked_otherwise_is(native: Native) -> None:
    made = call(native, "POST", "", json={"model": "count-3", "prompt": "a bay"})
    assert made.headers["x-poegate-upstream"] == "bot; Poe lists more than /v1/videos for it"
    picture: Any = {"input_reference": {"file_id": "file-1"}, "prompt": "a bay"}
    refused = call(native, "POST", "", json=picture)
    assert refused.headers["x-poegate-upstream"] == "bot; files by their ids"


def test_an_error_of_poes_is_told(native: Native) -> None:
    requests.post(
        f"{native.poe.url}/faults", json=dict.fromkeys(KEYS, "no_points"), timeout=5
    ).raise_for_status()
    assert call(native, "POST", "", json={"prompt": "a bay"}).status_code == 402
