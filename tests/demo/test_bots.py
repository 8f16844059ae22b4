"""What each demo bot sends, as Poe's own client library reads it off the real server."""

import json
import re
import signal
import struct
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator

import fastapi_poe as fp
import pytest
from fastapi_poe.client import BotErrorNoRetry

from app.config import load_settings
from app.demo.__main__ import start_bots
from app.demo.bots import FAILURES, FINDINGS, SEARCH_STATUS, STORY, words
from app.demo.children import StopRequests, run_together
from app.demo.picture import SIDE, colours_for, draw
from app.demo.server import BOTS, bot_urls
from tests.servers import free_port

Parts = list[fp.PartialResponse]


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """The address of a demo server that runs for this module's tests."""
    stop = StopRequests()
    with start_bots(free_port(), stop) as server:
        run_together([server], stop, ready=lambda: stop.signals.append(signal.SIGTERM))
        yield f"http://{server.probe.netloc}"


def ask(base: str, bot: str, *texts: str, roles: str = "user") -> Parts:
    """Everything that the bot sends back. ``roles`` names one for each text, or one for all."""
    names = roles.split() * (len(texts) if " " not in roles else 1)
    messages = [
        fp.ProtocolMessage.model_validate({"role": role, "content": text})
        for role, text in zip(names, texts, strict=True)
    ]
    return list(fp.get_bot_response_sync(messages, bot, "any-key", base_url=f"{base}/"))


def texts_of(parts: Parts) -> list[str]:
    return [part.text for part in parts]


def test_it_works(base: str) -> None:
    assert texts_of(ask(base, "demo-echo", "one two three")) == ["one ", "two ", "three"]


@pytest.mark.parametrize(
    "text",
    [
        " leading, and trailing \n",
        "tabs\tand\r\n\r\nline ends\u2028of every\u00a0kind",
        "   \n ",
        "data: {}\n\nevent: done\n\n",
        "\U0001f9ed\u200d\u0661 \x00 \ufeff",
        "x" * 100_000,
        "w " * 2_000,
    ],
)
def test_echo_gives_back_the_very_text(base: str, text: str) -> None:
    parts = ask(base, "demo-echo", text)
    assert "".join(texts_of(parts)) == text
    assert len(parts) == len(words(text))


def test_echo_reads_the_last_user_message(base: str) -> None:
    said = ("be brief", "first", "answer", "second", "prefill")
    parts = ask(base, "demo-echo", *said, roles="system user bot user bot")
    assert texts_of(parts) == ["second"]


@pytest.mark.parametrize("role", ["user", "system"])
def test_echo_answers_where_nothing_was_said(base: str, role: str) -> None:
    assert "".join(texts_of(ask(base, "demo-echo", "", roles=role))) == "(your message was empty)"


def test_story_tells_200_words_at_about_50_a_second(base: str) -> None:
    start = time.monotonic()
    parts = ask(base, "demo-story", "Tell me one.")
    assert "".join(texts_of(parts)) == STORY
    assert len(parts) == len(STORY.split()) == 200
    assert 3.5 < time.monotonic() - start < 10


def test_reasoner_thinks_in_quote_lines_and_then_answers(base: str) -> None:
    parts = ask(base, "demo-reasoner", "How long is this?")
    assert max(map(len, texts_of(parts))) == 4
    title, thoughts, answer = "".join(texts_of(parts)).split("\n\n")
    assert title == "*Thinking...*"
    assert all(line.startswith("> ") for line in thoughts.split("\n"))
    assert answer == "Your message has 4 words and 17 characters."


def test_image_ends_its_status_lines_with_a_file(base: str) -> None:
    parts = ask(base, "demo-image", "a red kite")
    steps = [(part.text, part.is_replace_response) for part in parts if not part.attachment]
    # fastapi_poe follows a file event with a text event for the part's own text, here none.
    assert steps == [
        ("Generating image...", False),
        ("Generating image (1s elapsed)", True),
        ("", True),
        ("", False),
    ]
    [file] = [part.attachment for part in parts if part.attachment]
    colours = colours_for("a red kite")
    assert (file.content_type, file.name) == ("image/png", f"{colours}.png")
    assert file.url == f"{base}/files/{colours}.png"


def chunks_of(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kind and body of each chunk, its checksum seen to."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at = 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length) == (zlib.crc32(kind + body),)
        yield kind, body
        at += length + 12


def test_the_picture_is_a_png_that_decodes(base: str) -> None:
    [url] = [part.attachment.url for part in ask(base, "demo-image", "sea") if part.attachment]
    with urllib.request.urlopen(url) as response:
        assert response.headers["Content-Type"] == "image/png"
        png = response.read()
    (first, header), (second, pixels), (last, nothing) = chunks_of(png)
    assert (first, second, last, nothing) == (b"IHDR", b"IDAT", b"IEND", b"")
    assert struct.unpack(">IIBBBBB", header) == (SIDE, SIDE, 8, 2, 0, 0, 0)
    rows = zlib.decompress(pixels)
    assert len(rows) == SIDE * (1 + 3 * SIDE)
    assert not any(rows[:: 1 + 3 * SIDE])  # every row says "no filter"
    colours = bytes.fromhex(colours_for("sea"))
    assert rows[1:4] == colours[:3] and rows[-3:] == colours[3:]


def test_pictures_differ_with_the_prompt() -> None:
    assert draw(colours_for("sea")) != draw(colours_for("sky"))
    assert len(colours_for("\ud800")) == 12  # half a surrogate pair is a prompt too


@pytest.mark.parametrize("name", ["red", "0123456789ab0", "0123456789AB", "..%2Fpasswd"])
def test_a_name_that_describes_no_picture_is_not_found(base: str, name: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{base}/files/{name}.png")
    with caught.value:
        assert caught.value.code == 404


def test_search_sends_its_answer_again_as_a_replacement(base: str) -> None:
    meta, *told, status, again, suggested = ask(base, "demo-search", "Tides?")
    assert isinstance(meta, fp.MetaResponse) and meta.suggested_replies
    assert "".join(texts_of(told)) == FINDINGS and len(told) > 10
    assert status.text == SEARCH_STATUS
    assert (again.text, again.is_replace_response) == (FINDINGS, True)
    assert suggested.is_suggested_reply and suggested.text.endswith("?")
    assert not any(part.is_replace_response or part.is_suggested_reply for part in told)


@pytest.mark.parametrize("kind", [kind for kind in FAILURES if kind])
def test_error_fails_as_it_is_told(base: str, kind: str) -> None:
    assert failure(base, f" {kind}\n") == {
        "text": FAILURES[kind],
        "allow_retry": False,
        "error_type": kind,
    }


@pytest.mark.parametrize("text", ["hello", "", "None"])
def test_error_without_a_type_says_how_to_choose_one(base: str, text: str) -> None:
    said = failure(base, text)
    assert said == {"text": FAILURES[None], "allow_retry": False}
    assert "error_type" in said["text"]


def failure(base: str, text: str) -> dict[str, str]:
    with pytest.raises(BotErrorNoRetry) as caught:
        ask(base, "demo-error", text)
    return json.loads(str(caught.value))  # type: ignore[no-any-return]


def test_every_bot_has_an_address_in_bot_urls() -> None:
    settings = load_settings({"BOT_URLS": bot_urls("http://127.0.0.1:9000")})
    assert [name for name, _ in settings.bot_urls] == [bot.name for bot in BOTS]
    assert all(re.fullmatch(r"demo-[a-z]+", bot.name) for bot in BOTS)
    assert settings.url_of("demo-echo") == "http://127.0.0.1:9000/demo-echo"
