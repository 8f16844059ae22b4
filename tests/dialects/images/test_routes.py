"""Images through gunicorn with the openai SDK."""

import base64
import json
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import openai
import pytest
import requests

from app.demo.picture import colours_for, draw
from app.demo.server import bot_urls
from tests.conftest import KEY
from tests.poe.test_downloads import untouched
from tests.servers import Server

PROMPT = "a harbour at dawn"
PNG = draw(colours_for(PROMPT))
BEARER = {"Authorization": f"Bearer {KEY}"}


class Painter(BaseHTTPRequestHandler):
    """Bots of the test's own, by path, and the file that they link to."""

    asked: dict[str, Any] = {}
    calls: defaultdict[str, Iterator[int]] = defaultdict(lambda: count(1))

    def do_POST(self) -> None:  # noqa: N802 - as the standard library has it
        payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = self.path.strip("/")
        self.asked[name] = payload["query"][-1]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        getattr(self, name)(next(self.calls[name]))
        self.tell("done")

    def do_GET(self) -> None:  # noqa: N802
        found = self.path in ("/file", "/late")
        if self.path == "/late":
            time.sleep(2.6)
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        self.wfile.write(PNG if found else b"")

    def tell(self, name: str, /, **data: Any) -> None:
        self.wfile.write(f"event: {name}\r\ndata: {json.dumps(data)}\r\n\r\n".encode())

    def give(self, path: str = "file", kind: str = "image/png") -> None:
        url = f"http://{self.headers['Host']}/{path}"
        self.tell("file", url=url, content_type=kind, name="file")

    def paint(self, _: int) -> None:
        self.give()

    def flaky(self, call: int) -> None:
        """One picture, then an error, then a text."""
        if call % 3 == 1:
            self.give()
        elif call % 3 == 2:
            self.tell("error", text="broken brush", allow_retry=False)
        else:
            self.tell("text", text="no paint")

    def slow(self, _: int) -> None:
        time.sleep(2.6)
        self.give()

    def heavy(self, _: int) -> None:
        self.give("late")

    def late_fault(self, _: int) -> None:
        time.sleep(1.5)
        self.tell("error", text="out of paint", allow_retry=False)

    def lost(self, _: int) -> None:
        self.tell("text", text="Here it is.")
        self.give("nothing")

    def half(self, _: int) -> None:
        self.give("nothing")
        self.give()

    def mute(self, _: int) -> None:
        self.tell("text", text="I only talk.")

    def sing(self, _: int) -> None:
        self.give(kind="audio/mpeg")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def painter() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Painter)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def studio(start_gateway: Callable[..., Server], painter: str, demo: Server) -> Server:
    """A gateway whose bots are the demo's and all of the painter's."""
    names = ("paint", "flaky", "slow", "heavy", "late_fault", "lost", "half", "sing", "mute")
    own = ",".join(f"{name}={painter}/{name}" for name in names)
    return start_gateway(
        BOT_URLS=f"{bot_urls(demo.url)},{own}",
        MODEL_ALIASES="gpt-image-1=demo-image",
        IMAGE_MODEL="demo-image",
        HEADERS_WAIT="1",
        KEEPALIVE_SECONDS="1",
    )


@pytest.fixture
def sdk(studio: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{studio.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def pictures(answer: Any) -> list[bytes]:
    return [base64.b64decode(entry.b64_json, validate=True) for entry in answer.data]


def message_of(caught: pytest.ExceptionInfo[openai.APIStatusError]) -> str:
    return str(caught.value.response.json()["error"]["message"])


def test_a_picture_by_url(sdk: openai.OpenAI) -> None:
    answer = sdk.images.generate(prompt=PROMPT, size="1024x1024", user="someone")
    [entry] = answer.data or []
    assert entry.b64_json is None and entry.revised_prompt is None
    assert requests.get(str(entry.url), timeout=5).content == PNG
    assert abs(answer.created - time.time()) < 60
    assert answer.usage and answer.usage.input_tokens > 0


def test_a_picture_in_the_answer(sdk: openai.OpenAI) -> None:
    answer = sdk.images.generate(model="gpt-image-1", prompt=PROMPT, response_format="b64_json")
    assert pictures(answer) == [PNG]


def test_several_pictures(sdk: openai.OpenAI) -> None:
    answer = sdk.images.generate(prompt=PROMPT, n=3, response_format="b64_json")
    assert pictures(answer) == [PNG] * 3
    one = sdk.images.generate(prompt=PROMPT)
    assert answer.usage and one.usage
    assert answer.usage.input_tokens == 3 * one.usage.input_tokens


def test_parameters_reach_the_bot(sdk: openai.OpenAI) -> None:
    sdk.images.generate(
        model="paint",
        prompt=PROMPT,
        size="1536x1024",
        quality="high",
        background="auto",
        extra_body={"seed": 4},
    )
    assert Painter.asked["paint"]["content"] == PROMPT
    parameters = {"aspect": "3:2", "size": "1536x1024", "quality": "high", "seed": 4}
    assert Painter.asked["paint"]["parameters"] == parameters


def test_streamed(sdk: openai.OpenAI) -> None:
    events = list(sdk.images.generate(prompt=PROMPT, stream=True, partial_images=1, n=2))
    kinds = Counter(event.type for event in events)
    assert kinds == {"image_generation.partial_image": 2, "image_generation.completed": 2}
    assert {base64.b64decode(event.b64_json) for event in events} == {PNG}


def test_streamed_without_partial_pictures(sdk: openai.OpenAI) -> None:
    [event] = sdk.images.generate(prompt=PROMPT, stream=True)
    assert event.type == "image_generation.completed"
    assert event.usage.total_tokens > 0


@pytest.mark.parametrize("choices", [1, 2])
@pytest.mark.parametrize("model", ["slow", "heavy"])
def test_a_slow_bot_or_file_is_waited_for_with_signs_of_life(
    studio: Server, model: str, choices: int
) -> None:
    response = requests.post(
        f"{studio.url}/v1/images/generations",
        json={"model": model, "prompt": "x", "stream": True, "n": choices},
        headers=BEARER,
        timeout=10,
    )
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.count(": keep-alive\n") >= 2
    assert response.text.count("event: image_generation.completed\n") == choices
    assert "[DONE]" not in response.text


def test_one_image_is_edited(sdk: openai.OpenAI) -> None:
    answer = sdk.images.edit(
        model="paint", image=PNG, prompt="redder", size="1024x1792", n=1, response_format="b64_json"
    )
    assert pictures(answer) == [PNG]
    asked = Painter.asked["paint"]
    [file] = asked["attachments"]
    assert asked["content"] == "redder"
    assert asked["parameters"] == {"aspect": "4:7", "size": "1024x1792"}
    assert file["content_type"] == "image/png"
    assert base64.b64decode(file["url"].partition(",")[2]) == PNG


def test_several_images_with_a_mask_are_edited(sdk: openai.OpenAI) -> None:
    second, mask = draw("000000ffffff"), draw("ffffff000000")
    sdk.images.edit(
        model="paint",
        image=[("one.png", PNG), ("two.bin", second, "application/octet-stream")],
        mask=("hole.png", mask),
        prompt="redder",
    )
    files = Painter.asked["paint"]["attachments"]
    assert [file["name"] for file in files] == ["one.png", "two.bin", "mask.png"]
    assert {file["content_type"] for file in files} == {"image/png"}
    decoded = [base64.b64decode(file["url"].partition(",")[2]) for file in files]
    assert decoded == [PNG, second, mask]


def test_an_edit_streamed(sdk: openai.OpenAI) -> None:
    [shown, done] = sdk.images.edit(
        image=PNG, prompt=PROMPT, stream=True, partial_images=1, quality="high"
    )
    assert (shown.type, done.type) == ("image_edit.partial_image", "image_edit.completed")
    assert base64.b64decode(done.b64_json) == PNG


def test_an_edit_in_json(studio: Server) -> None:
    data_url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    body = {
        "model": "paint",
        "prompt": "redder",
        "images": [{"image_url": "https://h.test/a.png"}, {"image_url": data_url}],
        "mask": {"image_url": data_url},
    }
    url = f"{studio.url}/images/edits"
    assert requests.post(url, json=body, headers=BEARER, timeout=5).status_code == 200
    files = Painter.asked["paint"]["attachments"]
    assert [file["name"] for file in files] == ["a.png", "image.png", "mask.png"]
    assert [file["url"] for file in files] == ["https://h.test/a.png", data_url, data_url]


def test_variations(sdk: openai.OpenAI) -> None:
    with pytest.warns(DeprecationWarning):
        answer = sdk.images.create_variation(
            model="paint", image=("me.png", PNG), n=2, response_format="b64_json"
        )
    assert pictures(answer) == [PNG] * 2
    assert Painter.asked["paint"]["content"] == "Make a variation of this image."
    assert [file["name"] for file in Painter.asked["paint"]["attachments"]] == ["me.png"]


def test_no_file_is_told_in_the_bots_words(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        sdk.images.generate(model="demo-echo", prompt="I draw no people.")
    assert caught.value.status_code == 502
    assert "I draw no people." in message_of(caught)


def test_what_came_is_given(sdk: openai.OpenAI) -> None:
    answer = sdk.images.generate(model="flaky", prompt="x", n=3, response_format="b64_json")
    assert pictures(answer) == [PNG]


def test_what_came_is_given_streamed(sdk: openai.OpenAI) -> None:
    [event] = sdk.images.generate(model="flaky", prompt="x", n=3, stream=True)
    assert event.type == "image_generation.completed"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("choices", [1, 3])
def test_all_of_them_fail(sdk: openai.OpenAI, choices: int, stream: bool) -> None:
    with pytest.raises(openai.RateLimitError):
        sdk.images.generate(model="status-429", prompt="x", n=choices, stream=stream)


def test_a_failure_within_the_stream(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError, match="out of paint"):
        list(sdk.images.generate(model="late_fault", prompt="x", n=2, stream=True))


def test_links_in_the_text(client: openai.OpenAI, demo: Server) -> None:
    """By the bot of the simulated Poe that says what its prompt is."""
    url = f"{demo.url}/files/{colours_for(PROMPT)}.png"
    script = [["text", {"text": f"Painted in oil. ![a harbour]({url})"}]]
    answer = client.images.generate(model="script-", prompt=json.dumps(script))
    [entry] = answer.data or []
    assert (entry.revised_prompt, entry.url) == ("Painted in oil.", url)


def test_a_bot_of_poe_does_not_lead_the_gateway_to_a_server_of_its_own_network(
    client: openai.OpenAI, demo: Server
) -> None:
    """Not even to one of BOT_URLS, whose own bots may link to it."""
    script = [["text", {"text": f"![a]({demo.url}/files/{colours_for(PROMPT)}.png)"}]]
    with pytest.raises(openai.InternalServerError, match="not an https link"):
        client.images.generate(
            model="script-", prompt=json.dumps(script), response_format="b64_json"
        )


def test_audio_counts_too(sdk: openai.OpenAI, painter: str) -> None:
    answer = sdk.images.generate(model="sing", prompt="la")
    assert answer.data and answer.data[0].url == f"{painter}/file"


def test_a_file_that_cannot_be_fetched(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        sdk.images.generate(model="lost", prompt="x", response_format="b64_json")
    assert "HTTP 404" in message_of(caught)
    answer = sdk.images.generate(model="half", prompt="x", response_format="b64_json")
    assert pictures(answer) == [PNG]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "localhost", "[::ffff:7f00:1]"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_link_into_the_gateways_network(client: openai.OpenAI, host: str, scheme: str) -> None:
    with untouched() as port:
        url = f"{scheme}://{host}:{port}/secret"
        script = [["file", {"url": url, "content_type": "image/png", "name": "x"}]]
        with pytest.raises(openai.InternalServerError) as caught:
            client.images.generate(
                model="script-", prompt=json.dumps(script), response_format="b64_json"
            )
    assert caught.value.status_code == 502
    assert str(port) not in message_of(caught)


def test_leaving_closes_every_bot(gateway: Server, seen: Callable[[], Any]) -> None:
    with pytest.raises(requests.Timeout):
        requests.post(
            f"{gateway.url}/v1/images/generations",
            json={"model": "endless-images", "prompt": "x", "n": 3},
            headers=BEARER,
            timeout=0.5,
        )
    time.sleep(2)
    assert seen()["closed"]["/bot/endless-images"] == 3


@pytest.mark.parametrize(
    ("path", "request_", "param"),
    [
        ("generations", {"json": {}}, "prompt"),
        ("generations", {"json": {"prompt": "x", "n": 11}}, "n"),
        ("generations", {"json": {"prompt": "x", "response_format": "jpg"}}, "response_format"),
        ("generations", {"json": [1]}, None),
        ("edits", {"json": {"prompt": "x"}}, "image"),
        ("edits", {"data": {"prompt": "x"}}, "image"),
        ("edits", {"files": {"image": PNG}}, "prompt"),
        ("edits", {"files": {"image": b""}, "data": {"prompt": "x"}}, "image"),
        ("edits", {"files": {"image": PNG}, "data": {"prompt": "x", "n": "two"}}, "n"),
        ("edits", {"files": {"image": PNG}, "data": {"prompt": "x", "n": "12"}}, "n"),
        ("edits", {"files": {"image": PNG}, "data": {"prompt": "x", "stream": "x"}}, "stream"),
        ("edits", {"files": {"mask": PNG}, "data": {"prompt": "x"}}, "image"),
        ("edits", {"files": [("image[]", PNG), ("image[]", b"")]}, "image[1]"),
        ("edits", {"data": b"--x--", "headers": {"Content-Type": "multipart/form-data"}}, None),
        ("edits", {"data": {"prompt": "x", "image": "ftp://h/a"}}, "image"),
        ("variations", {"data": {"n": "1"}}, "image"),
    ],
)
def test_bad_fields_are_named(
    gateway: Server, path: str, request_: dict[str, Any], param: str | None
) -> None:
    headers = BEARER | request_.pop("headers", {})
    url = f"{gateway.url}/v1/images/{path}"
    response = requests.post(url, **request_, headers=headers, timeout=5)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == param and error["type"] == "invalid_request_error"


def test_a_file_under_an_unknown_name_is_refused(studio: Server) -> None:
    answer = requests.post(
        f"{studio.url}/v1/images/edits",
        data={"model": "paint", "prompt": "redder"},
        files={"image": PNG, "extra": PNG},
        headers=BEARER,
        timeout=5,
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "extra"


def test_parameters_in_a_form_have_their_types(sdk: openai.OpenAI) -> None:
    sdk.images.edit(
        model="paint",
        image=PNG,
        prompt="redder",
        extra_body={"seed": 4, "sharp": True, "tone": "warm"},
    )
    parameters = Painter.asked["paint"]["parameters"]
    assert parameters == {"seed": 4, "sharp": True, "tone": "warm"}


def test_json_that_curl_calls_a_form(studio: Server) -> None:
    answer = requests.post(
        f"{studio.url}/v1/images/generations",
        data=json.dumps({"model": "paint", "prompt": "redder"}),
        headers={**BEARER, "Content-Type": "application/x-www-form-urlencoded"},
        timeout=5,
    )
    assert answer.status_code == 200 and answer.json()["data"]


def test_no_sdk_asks_again_for_what_costs_points(studio: Server) -> None:
    before = next(Painter.calls["mute"])
    with openai.OpenAI(base_url=f"{studio.url}/v1", api_key=KEY, max_retries=2) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            client.images.generate(model="mute", prompt="x")
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert caught.value.response.json()["error"]["metadata"]["retryable"] is False
    assert next(Painter.calls["mute"]) == before + 2
