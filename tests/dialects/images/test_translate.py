"""Images without a socket: parsing, rendering, stream frames, and files apart from text."""

import json
from typing import Any

import pytest
from openai.types import ImageEditStreamEvent, ImageGenStreamEvent, ImagesResponse
from pydantic import TypeAdapter

from app.core.conversation import Media, Text
from app.core.events import (
    Batch,
    ChoiceEvent,
    Event,
    Finished,
    MediaReply,
    TextDelta,
    Usage,
    flatten,
    fold,
)
from app.core.stages.extract_files import only_files
from app.dialects.images import translate as images
from app.dialects.images.schemas import EditSchema, GenerationSchema, VariationSchema
from app.errors import InvalidRequest, UpstreamError
from app.schemas.loading import BaseSchema, load_payload

DONE = Finished("stop", Usage(7, 3))
PNG = MediaReply("https://h.test/a.png", "image/png", "a.png")
INLINE = MediaReply("data:image/webp;base64,QUJD", "image/webp", "a.webp")


def parsed(schema: BaseSchema, **payload: Any) -> Any:
    loaded = load_payload(schema, payload)
    return images.parse(loaded, type(schema), lambda name: f"bot-{name}", "Default")


def generation(**payload: Any) -> Any:
    return parsed(GenerationSchema(), **{"prompt": "a cat", **payload})


def test_it_works() -> None:
    query = generation(model="m", n=2, user="u", response_format="url", stream=False)
    assert (query.model, query.bot, query.parameters) == ("m", "bot-m", {})
    assert query.messages[0].parts == (Text("a cat"),)


@pytest.mark.parametrize("model", [{}, {"model": None}])
def test_the_default_model(model: Any) -> None:
    query = generation(**model)
    assert (query.model, query.bot) == ("Default", "bot-Default")


def test_parameters_of_the_bot() -> None:
    query = generation(
        size="1536x1024",
        quality="high",
        style="vivid",
        background="auto",
        output_format="webp",
        moderation="low",
        output_compression=50,
        partial_images=2,
        seed=3,
        extra_body={"steps": 5},
    )
    assert query.parameters == {
        "aspect": "3:2",
        "size": "1536x1024",
        "quality": "high",
        "style": "vivid",
        "output_format": "webp",
        "moderation": "low",
        "output_compression": 50,
        "seed": 3,
        "steps": 5,
    }


def test_the_clients_own_aspect_wins() -> None:
    assert generation(size="1024x1024", aspect="16:9").parameters["aspect"] == "16:9"
    assert generation(size="auto", quality="auto").parameters == {}


def test_a_generation_knows_no_image() -> None:
    query = generation(image="https://h.test/a.png")
    assert query.parameters == {"image": "https://h.test/a.png"}
    assert query.messages[0].parts == (Text("a cat"),)


@pytest.mark.parametrize(
    "fields",
    [
        {"image": "https://h.test/a.png"},
        {"image": ["https://h.test/a.png"]},
        {"image": {"url": "https://h.test/a.png"}},
        {"images": [{"image_url": "https://h.test/a.png"}]},
        {"images": [{"image_url": {"url": "https://h.test/a.png"}}]},
    ],
)
def test_an_edit_by_link(fields: Any) -> None:
    [text, image] = parsed(EditSchema(), prompt="redder", **fields).messages[0].parts
    assert text == Text("redder")
    assert (image.url, image.name, image.param) == (
        "https://h.test/a.png",
        "a.png",
        next(iter(fields)),
    )


@pytest.mark.parametrize(
    ("fields", "params"),
    [
        ({"image": {"file_id": "file-1"}}, ["image.file_id"]),
        ({"image": {"file_id": "file-1", "image_url": None}}, ["image.file_id"]),
        ({"images": [{"file_id": "file-1"}]}, ["images.file_id"]),
        ({"images": [{"file_id": "file-1"}] * 2}, ["images[0].file_id", "images[1].file_id"]),
    ],
)
def test_an_edit_by_file_id(fields: Any, params: list[str]) -> None:
    [_, *images, mask] = (
        parsed(EditSchema(), prompt="p", **fields, mask={"file_id": "file-2"}).messages[0].parts
    )
    assert [(image.file_id, image.param) for image in images] == [("file-1", at) for at in params]
    assert (mask.file_id, mask.name, mask.param) == ("file-2", "mask.png", "mask.file_id")


def test_an_edit_with_several_images_and_a_mask() -> None:
    file = Media("image/png", "me.png", "image", data=b"x")
    query = parsed(
        EditSchema(),
        prompt="p",
        image=[file, "data:image/png;base64,QUJD"],
        mask="https://h.test/x.webp",
        markup="data:image/png;base64,QUJD",
    )
    [_, first, second, mask, markup] = query.messages[0].parts
    assert first is file
    assert (second.data, second.param) == (b"ABC", "image[1]")
    assert (mask.name, mask.param, mask.url) == ("mask.webp", "mask", "https://h.test/x.webp")
    assert (markup.name, markup.data) == ("markup.png", b"ABC")


def test_a_variation_without_a_prompt() -> None:
    image = "data:image/png;base64,QUJD"
    assert parsed(VariationSchema(), image=image).messages[0].parts[0] == Text(images.VARY)
    own = parsed(VariationSchema(), image=image, prompt="own words")
    assert own.messages[0].parts[0] == Text("own words")


@pytest.mark.parametrize(
    ("schema", "payload", "param"),
    [
        (GenerationSchema(), {}, "prompt"),
        (GenerationSchema(), {"prompt": ""}, "prompt"),
        (GenerationSchema(), {"prompt": ["a"]}, "prompt"),
        (GenerationSchema(), {"prompt": "a", "n": 0}, "n"),
        (GenerationSchema(), {"prompt": "a", "n": 11}, "n"),
        (GenerationSchema(), {"prompt": "a", "n": True}, "n"),
        (GenerationSchema(), {"prompt": "a", "response_format": "png"}, "response_format"),
        (GenerationSchema(), {"prompt": "a", "partial_images": 4}, "partial_images"),
        (GenerationSchema(), {"prompt": "a", "size": 1024}, "size"),
        (GenerationSchema(), {"prompt": "a", "stream": "yes"}, "stream"),
        (GenerationSchema(), {"prompt": "a", "model": 5}, "model"),
        (GenerationSchema(), {"prompt": "a", "model": ""}, "model"),
        (GenerationSchema(), {"prompt": "a", "model": "x" * 257}, "model"),
        (GenerationSchema(), {"prompt": "a", "model": "\ud800"}, "model"),
        (GenerationSchema(), {"prompt": "a", "output_compression": 101}, "output_compression"),
        (EditSchema(), {"prompt": "a"}, "image"),
        (EditSchema(), {"prompt": "a", "image": None}, "image"),
        (EditSchema(), {"image": "https://h.test/a.png"}, "prompt"),
        (EditSchema(), {"prompt": "a", "image": []}, "image"),
        (EditSchema(), {"prompt": "a", "image": 5}, "image"),
        (EditSchema(), {"prompt": "a", "image": ["https://h/a"] * 17}, "image"),
        (EditSchema(), {"prompt": "a", "images": [{"file_id": ""}]}, "images[0]"),
        (EditSchema(), {"prompt": "a", "image": {"file_id": 5}}, "image"),
        (EditSchema(), {"prompt": "a", "image": ["https://h/a", "ftp://h/a"]}, "image[1]"),
        (EditSchema(), {"prompt": "a", "image": "data:image/png;base64,@@"}, "image"),
        (EditSchema(), {"prompt": "a", "image": "https://h/a", "mask": "x"}, "mask"),
        (VariationSchema(), {}, "image"),
        (VariationSchema(), {"image": None}, "image"),
    ],
)
def test_bad_fields_are_named(schema: BaseSchema, payload: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parsed(schema, **payload)
    assert caught.value.param == param


def made(*events: Event, bring: Any = lambda file: file) -> list[Event]:
    batches: list[Batch] = [[event] for event in events]
    return list(flatten(only_files(batches, bot="Painter", bring=bring)))


def test_files_come_as_they_are_made() -> None:
    assert made(PNG, TextDelta("A "), TextDelta("cat.\n"), DONE) == [PNG, TextDelta("A cat."), DONE]
    assert made(PNG, TextDelta(" \n"), DONE) == [PNG, DONE]


def test_ticks_pass() -> None:
    assert list(only_files([[], [PNG], [], [DONE]], bot="b", bring=lambda file: file)) == [
        [],
        [PNG],
        [],
        [DONE],
    ]


@pytest.mark.parametrize(
    ("text", "url", "kind", "beside"),
    [
        ("![cat](https://h.test/x.png)", "https://h.test/x.png", "image/png", ""),
        (
            "Here: ![](https://h.test/x.webp?s=1)!",
            "https://h.test/x.webp?s=1",
            "image/webp",
            "Here: !",
        ),
        ("![a](http://h.test/y)", "http://h.test/y", "image/png", ""),
        ('![a](https://h.test/y.jpg "a title")', "https://h.test/y.jpg", "image/jpeg", ""),
        ("![a](<https://h.test/y.gif>)", "https://h.test/y.gif", "image/gif", ""),
        ("![a](https://h.test/a(1).png)", "https://h.test/a(1).png", "image/png", ""),
        ("![a](data:image/png;base64,QUJD)", "data:image/png;base64,QUJD", "image/png", ""),
    ],
)
def test_a_linked_image_is_a_file(text: str, url: str, kind: str, beside: str) -> None:
    [file, *rest] = made(TextDelta(text[:5]), TextDelta(text[5:]), DONE)
    assert isinstance(file, MediaReply)
    assert (file.url, file.content_type) == (url, kind)
    assert rest == ([TextDelta(beside), DONE] if beside else [DONE])


def test_a_file_that_is_also_linked_counts_once() -> None:
    text = f"See ![a]({PNG.url}) and ![b](https://h.test/b.png) and ![b](https://h.test/b.png)."
    [first, second, beside, _] = made(PNG, PNG, TextDelta(text), DONE)
    assert first == PNG
    assert isinstance(second, MediaReply) and second.url == "https://h.test/b.png"
    assert beside == TextDelta("See  and  and .")


def test_references_to_files_are_no_words() -> None:
    file = MediaReply("https://h.test/a.png", "image/png", "a.png", "ref1")
    assert made(TextDelta("![x][ref1] Done. [y][other]"), file, DONE) == [
        file,
        TextDelta("Done. [y][other]"),
        DONE,
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I cannot draw that.", "It said: I cannot draw that."),
        (" ", "It said nothing."),
        ("[a](https://h.test/a.png)", "It said: [a]"),
        ("![a](ftp://h.test/a.png)", "It said: ![a]"),
    ],
)
def test_no_file(text: str, words: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        made(TextDelta(text), DONE)
    assert caught.value.message.startswith(f"The bot 'Painter' returned no file. {words}")


def test_a_long_refusal_is_cut() -> None:
    with pytest.raises(UpstreamError) as caught:
        made(TextDelta("x" * 100_000), DONE)
    assert len(caught.value.message) < 3_000


@pytest.mark.parametrize("text", ["![" * 50_000, "![a](" * 30_000, "![](https://h" * 20_000])
def test_hostile_texts_take_no_time(text: str) -> None:
    with pytest.raises(UpstreamError):
        made(TextDelta(text), DONE)


def test_a_file_that_cannot_be_brought_in() -> None:
    def bring(file: MediaReply) -> MediaReply:
        if file is PNG:
            raise UpstreamError("lost")
        return file

    assert made(PNG, INLINE, DONE, bring=bring) == [INLINE, DONE]
    with pytest.raises(UpstreamError, match="lost"):
        made(PNG, TextDelta("Here it is."), DONE, bring=bring)


def answer(*events: Event) -> Any:
    return fold([[*events]])


def test_render() -> None:
    answers = [answer(PNG, PNG, TextDelta("a red cat"), DONE), answer(PNG, DONE), answer(DONE)]
    body = images.render(answers, created=5, inline=False)
    told = ImagesResponse.model_validate(body, strict=True)
    assert told.data and [entry.url for entry in told.data] == [PNG.url] * 3
    assert [entry.revised_prompt for entry in told.data] == ["a red cat", "a red cat", None]
    assert told.created == 5 and told.usage
    assert (told.usage.input_tokens, told.usage.output_tokens, told.usage.total_tokens) == (
        21,
        9,
        30,
    )


def test_render_inline() -> None:
    body = images.render([answer(INLINE, DONE)], created=5, inline=True)
    assert body["data"] == [{"b64_json": "QUJD"}]


def frames(encoder: images.Encoder, *events: Event) -> list[Any]:
    text = b"".join(map(encoder.step, events)).decode()
    told = []
    for block in filter(None, text.split("\n\n")):
        name, data = block.split("\n")
        body = json.loads(data.removeprefix("data: "))
        assert name == f"event: {body['type']}"
        told.append(body)
    return told


def new_encoder(kind: images.Kind, choices: int = 1, inline: bool = True, **asked: Any) -> Any:
    payload = load_payload(GenerationSchema(), {"prompt": "p", **asked})
    return images.Encoder(kind, payload, created=5, inline=inline, choices=choices)


@pytest.mark.parametrize(
    ("kind", "events"),
    [("image_generation", ImageGenStreamEvent), ("image_edit", ImageEditStreamEvent)],
)
def test_stream(kind: images.Kind, events: Any) -> None:
    encoder = new_encoder(kind, partial_images=1, quality="high", size="1024x1024")
    bodies = frames(encoder, INLINE, INLINE, TextDelta("x"), DONE)
    told = [TypeAdapter(events).validate_python(body, strict=True) for body in bodies]
    assert [event.type.partition(".")[2] for event in told] == [
        "partial_image",
        "completed",
        "completed",
    ]
    assert {event.b64_json for event in told} == {"QUJD"}
    assert told[0].partial_image_index == 0
    assert told[1].usage.total_tokens == 10
    assert (told[1].quality, told[1].size, told[1].background) == ("high", "1024x1024", "auto")
    assert told[1].output_format == "webp"


def test_stream_of_several_choices() -> None:
    encoder = new_encoder("image_generation", choices=2, quality="hd")
    bodies = frames(
        encoder,
        ChoiceEvent(1, INLINE),
        ChoiceEvent(0, DONE),
        ChoiceEvent(1, DONE),
        Finished("stop", Usage(14, 6)),
    )
    assert [body["type"] for body in bodies] == ["image_generation.completed"]
    assert bodies[0]["usage"]["total_tokens"] == 10
    assert bodies[0]["quality"] == "auto"


def test_stream_of_links() -> None:
    [body] = frames(new_encoder("image_generation", inline=False), PNG, DONE)
    assert (body["url"], body["b64_json"]) == (PNG.url, "")


def test_a_stream_that_fails() -> None:
    frame = new_encoder("image_generation").fail(UpstreamError("no")).decode()
    assert json.loads(frame.removeprefix("data: "))["error"]["message"] == "no"
