"""OpenAI's Videos, without a socket: payloads to queries, answers to records to video objects."""

from typing import Any

import pytest

from app.core.conversation import Media, Text
from app.core.events import Answer, Finished, MediaReply, Usage
from app.core.paging import Page
from app.dialects.videos import translate as videos
from app.dialects.videos.schemas import ContentQuerySchema, CreateVideoSchema
from app.errors import InvalidRequest, NotFound, UpstreamError
from app.schemas.loading import load_payload
from app.schemas.parameters import from_form

FILM = MediaReply("https://h.test/a.mp4", "video/mp4", "a.mp4")
LINK = "https://h.test/a.png"
HUGE = 10**400
"""A whole number that JSON can carry and no float can hold."""

POSTER = MediaReply(LINK, "image/png", "a.png")


def load(**fields: Any) -> dict[str, Any]:
    return load_payload(CreateVideoSchema(), {"prompt": "a harbour", **fields})


def parse(**fields: Any) -> Any:
    names = {"sora-2": "Sora-2"}
    return videos.parse(load(**fields), lambda name: names.get(name, name), "Veo-3")


def record(**fields: Any) -> Any:
    new = videos.new_record(load(**fields), "Veo-3", video_id="video_1", created=5, expires=9)
    return {**new, "status": "in_progress", "completed_at": None, "error": None, "beat": 1.0}


def answer(*files: MediaReply) -> Answer:
    return Answer((Text("Here."), *files), Finished("stop", Usage(1, 1)))


def test_it_works() -> None:
    query = parse(model="sora-2", seconds="8", size="720x1280")
    assert (query.model, query.bot) == ("sora-2", "Sora-2")
    [message] = query.messages
    assert (message.role, message.parts) == ("user", (Text("a harbour"),))
    parameters = {"seconds": 8, "duration": 8, "size": "720x1280", "aspect": "9:16"}
    assert query.parameters == parameters
    assert parse().bot == "Veo-3" and parse().parameters == {}


@pytest.mark.parametrize(
    ("fields", "parameters"),
    [
        ({"seconds": 4}, {"seconds": 4, "duration": 4}),
        ({"seconds": 4.0}, {"seconds": 4, "duration": 4}),
        ({"seconds": "2.5"}, {"seconds": 2.5, "duration": 2.5}),
        ({"seconds": None, "size": None}, {}),
        ({"seconds": 4, "duration": 6}, {"seconds": 4, "duration": 6}),
        ({"seconds": 4, "extra_body": {"duration": 6}}, {"seconds": 4, "duration": 6}),
        ({"size": "auto"}, {}),
        ({"size": "1080p"}, {"size": "1080p"}),
        ({"size": "1920x1080"}, {"size": "1920x1080", "aspect": "16:9"}),
        ({"size": "1920x1080", "aspect": "1:1"}, {"size": "1920x1080", "aspect": "1:1"}),
        ({"n": 2, "seed": 4}, {"n": 2, "seed": 4}),
    ],
)
def test_parameters(fields: dict[str, Any], parameters: dict[str, Any]) -> None:
    assert parse(**fields).parameters == parameters


def test_references() -> None:
    file = Media("image/png", "a.png", "input_reference", data=b"x")
    for reference, part in (
        (file, file),
        (LINK, Media("image/png", "a.png", "input_reference", LINK)),
        ({"image_url": LINK}, Media("image/png", "a.png", "input_reference", LINK)),
        ({"image_url": LINK, "file_id": None}, None),
        ({"file_id": "file-1"}, Media("", "file-1", "input_reference.file_id", file_id="file-1")),
    ):
        [_, told] = parse(input_reference=reference).messages[0].parts
        assert part is None or told == part


def test_the_prompt_has_a_longest_length() -> None:
    assert len(load(prompt="x" * 32_000)["prompt"]) == 32_000
    with pytest.raises(InvalidRequest) as caught:
        load(prompt="x" * 32_001)
    assert caught.value.param == "prompt"


@pytest.mark.parametrize(
    "seconds", ["1e3", " 4", "٤", "+4", "4s", "99999", float("inf"), -1, {}, HUGE, -HUGE]
)
def test_lengths_that_are_none(seconds: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        load(seconds=seconds)
    assert caught.value.param == "seconds"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", 4),
        ("2.5", 2.5),
        ("true", True),
        ("false", False),
        ("True", "True"),
        ("null", "null"),
        ("[1]", "[1]"),
        ('"4"', '"4"'),
        ("1e999", "1e999"),
        ("NaN", "NaN"),
        ("9" * 5_000, "9" * 5_000),
        ("[" * 100_000, "[" * 100_000),
        ("", ""),
    ],
)
def test_what_texts_of_a_form_mean(text: str, value: Any) -> None:
    meant = from_form(text)
    assert meant == value and type(meant) is type(value)


def test_a_video_while_it_is_made() -> None:
    assert videos.render_video(record(seconds=8, size="1280x720")) == {
        "id": "video_1",
        "object": "video",
        "model": "Veo-3",
        "prompt": "a harbour",
        "seconds": "8",
        "size": "1280x720",
        "status": "in_progress",
        "progress": 0,
        "created_at": 5,
        "completed_at": None,
        "expires_at": 9,
        "error": None,
        "remixed_from_video_id": None,
    }
    told = videos.render_video(record())
    assert (told["seconds"], told["size"]) == ("auto", "auto")


@pytest.mark.parametrize(
    ("seconds", "text"), [("4", "4"), (4.0, "4"), (1234.567, "1234.567"), ("3599.999", "3599.999")]
)
def test_the_length_is_told_as_it_was_asked(seconds: Any, text: str) -> None:
    assert record(seconds=seconds)["seconds"] == text


@pytest.mark.parametrize("files", [(FILM,), (POSTER, FILM), (FILM, POSTER)])
def test_a_video_once_it_is_made(files: tuple[MediaReply, ...]) -> None:
    done: Any = {
        **record(),
        "status": "completed",
        "completed_at": 7,
        **videos.made(answer(*files)),
    }
    assert videos.file_of(done) == FILM
    told = videos.render_video(done)
    assert (told["status"], told["progress"], told["completed_at"]) == ("completed", 100, 7)
    assert "file" not in told and "beat" not in told


def test_another_file_where_there_is_no_video() -> None:
    assert videos.made(answer(POSTER))["file"]["url"] == POSTER.url
    shouting = MediaReply("https://h.test/b", "VIDEO/MP4", "b")
    assert videos.made(answer(POSTER, shouting))["file"]["url"] == shouting.url


def test_a_file_within_the_answer_has_a_largest_size() -> None:
    url = "data:video/mp4;base64,"
    fits = url + "A" * (videos.MAX_LINK_CHARS - len(url))
    assert videos.made(answer(MediaReply(fits, "video/mp4", "a")))["file"]["url"] == fits
    with pytest.raises(UpstreamError, match="too large"):
        videos.made(answer(MediaReply(fits + "A", "video/mp4", "a")))


def test_no_file() -> None:
    with pytest.raises(NotFound) as caught:
        videos.file_of(record())
    assert caught.value.code == "video_not_ready"
    failed: Any = {
        **record(),
        "status": "failed",
        "error": {"code": "no_file", "message": "It said: X"},
    }
    with pytest.raises(NotFound, match="It said: X") as caught:
        videos.file_of(failed)
    assert caught.value.code == "no_file"


def test_the_list() -> None:
    page = Page([record()], has_more=True)
    assert page.render(videos.render_video) == {
        "object": "list",
        "data": [videos.render_video(record())],
        "has_more": True,
        "first_id": "video_1",
        "last_id": "video_1",
    }


def test_only_the_video_itself_can_be_had() -> None:
    assert load_payload(ContentQuerySchema(), {})["variant"] == "video"
    assert load_payload(ContentQuerySchema(), {"variant": ""})["variant"] == "video"
    with pytest.raises(InvalidRequest) as caught:
        load_payload(ContentQuerySchema(), {"variant": "thumbnail"})
    assert caught.value.param == "variant"
