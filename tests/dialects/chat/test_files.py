"""Files in messages, through gunicorn, to a real upload server and on to the bot."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
import requests

from tests.conftest import KEY
from tests.servers import Server, free_port, running

PNG = b"\x89PNG\r\n\x1a\n of the test"
DATA_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()


@pytest.fixture(scope="module")
def uploads(logs: Path) -> Iterator[Server]:
    port = free_port()
    command = ["-m", "tests.upload_server", str(port)]
    with running(command, port, logs / "uploads.log") as server:
        yield server


@pytest.fixture(scope="module")
def sdk(start_gateway: Callable[..., Server], uploads: Server) -> Iterator[openai.OpenAI]:
    gateway = start_gateway(POE_UPLOAD_URL=f"{uploads.url}/poe_api/")
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def ask(sdk: openai.OpenAI, *parts: Any, model: str = "count-1") -> str | None:
    content: Any = [{"type": "text", "text": "look"}, *parts]
    answer = sdk.chat.completions.create(
        model=model, messages=[{"role": "user", "content": content}]
    )
    return answer.choices[0].message.content


def image(url: str) -> Any:
    return {"type": "image_url", "image_url": {"url": url}}


def asked(uploads: Server) -> list[Any]:
    found: list[Any] = requests.get(f"{uploads.url}/uploads/{KEY}", timeout=5).json()["asked"]
    return found


def test_files_are_attached_in_their_order(
    sdk: openai.OpenAI, uploads: Server, seen: Callable[[], Any]
) -> None:
    wav = base64.b64encode(b"RIFF-of-the-test").decode()
    pdf = "data:application/pdf;base64," + base64.b64encode(b"%PDF-of-the-test").decode()
    ask(
        sdk,
        image(DATA_URL),
        {"type": "input_audio", "input_audio": {"data": wav, "format": "wav"}},
        {"type": "file", "file": {"file_data": pdf, "filename": "paper.pdf"}},
        image("https://example.com/pictures/cat.jpg"),
        {"type": "video_url", "video_url": {"url": "https://example.com/film.mp4"}},
    )
    message = seen()["last"]["count-1"]["query"][-1]
    assert message["content"] == "look"
    names = [attachment["name"] for attachment in message["attachments"]]
    assert names == ["image.png", "audio.wav", "paper.pdf", "cat.jpg", "film.mp4"]
    assert all(attachment["url"].startswith("http") for attachment in message["attachments"])
    assert len(asked(uploads)) == 5


def test_the_same_file_is_uploaded_once(sdk: openai.OpenAI, uploads: Server) -> None:
    url = "data:image/png;base64," + base64.b64encode(b"sent again and again").decode()
    before = len(asked(uploads))
    for _ in range(3):
        ask(sdk, image(url))
    assert len(asked(uploads)) == before + 1


def test_ones_own_bots_get_files_without_an_upload(
    start_gateway: Callable[..., Server], upstream: Server, seen: Callable[[], Any]
) -> None:
    gateway = start_gateway(BOT_URLS=f"own=http://127.0.0.1:{upstream.port}/bot/count-8")
    with openai.OpenAI(base_url=gateway.url, api_key=KEY) as sdk:
        ask(sdk, image(DATA_URL), model="own")
    [attachment] = seen()["last"]["count-8"]["query"][-1]["attachments"]
    assert attachment["url"] == DATA_URL and attachment["content_type"] == "image/png"


def test_an_upload_that_fails_names_its_part(start_gateway: Callable[..., Server]) -> None:
    gateway = start_gateway(POE_UPLOAD_URL="http://127.0.0.1:9/")
    with (
        openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=0) as sdk,
        pytest.raises(openai.InternalServerError) as caught,
    ):
        ask(sdk, image(DATA_URL))
    assert caught.value.status_code == 502
    assert caught.value.param == "messages[0].content[1].image_url"


def test_a_picture_of_an_earlier_turn_is_attached_again(
    client: openai.OpenAI, seen: Callable[[], Any]
) -> None:
    link = "https://pfst.cf2.poecdn.net/base/image/0a1b?w=1024"
    messages: Any = [
        {"role": "user", "content": "Draw a cat"},
        {"role": "assistant", "content": f"![cat]({link})"},
        {"role": "user", "content": "Now in blue"},
    ]
    client.chat.completions.create(model="count-2", messages=messages)
    _, drawn, last = seen()["last"]["count-2"]["query"]
    [attachment] = drawn["attachments"]
    assert (attachment["url"], attachment["content_type"]) == (link, "image/png")
    assert last["attachments"] == []


@pytest.mark.parametrize(
    "kind", ["image/png\r\nX-Evil: 1", "image/png%0d%0aX: 1", "image/p\u00e9ng"]
)
def test_what_is_no_content_type_is_refused_on_arrival(
    sdk: openai.OpenAI, uploads: Server, kind: str
) -> None:
    """It would become a header of the upload."""
    before = len(asked(uploads))
    with pytest.raises(openai.BadRequestError, match="Not a content type") as caught:
        ask(sdk, image(f"data:{kind};base64,QUJD"))
    assert caught.value.param == "messages[0].content[1].image_url"
    assert len(asked(uploads)) == before
