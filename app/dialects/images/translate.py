"""OpenAI's Images: the prompt becomes one user message; the answer's files are the pictures.

The wire format is that of the ``openai`` SDK's ImagesResponse, ImageGenStreamEvent and
ImageEditStreamEvent.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from os.path import splitext
from typing import Any, Literal

from marshmallow import Schema

from app.core.conversation import Media, Message, Part, Query, Text
from app.core.events import Answer, ChoiceEvent, Event, Finished, MediaReply, Usage
from app.core.frames import named_frame
from app.core.media import picture_of
from app.core.media_types import canonical
from app.errors import InvalidRequest
from app.http.openai_stream import OpenAIStream
from app.schemas.loading import field_names
from app.schemas.parameters import aspect_of, bot_parameters

Kind = Literal["image_generation", "image_edit"]

VARY = "Make a variation of this image."
"""The prompt for variations, which have none at OpenAI."""

_PARAMETERS = (
    "background",
    "complexity",
    "frame_count",
    "frame_duration_ms",
    "input_fidelity",
    "moderation",
    "output_compression",
    "output_format",
    "quality",
    "size",
    "style",
    "svg",
)

_QUALITIES = ("low", "medium", "high", "xhigh", "max")
_BACKGROUNDS = ("transparent", "opaque")
_FORMATS = ("png", "webp", "jpeg")


def parse(
    payload: dict[str, Any],
    schema: type[Schema],
    bot_named: Callable[[str], str],
    default_model: str,
) -> Query:
    """The query for one picture. Raises InvalidRequest for what schemas cannot check.

    ``schema``: the schema that loaded the payload.
    """
    model = payload["model"] or default_model
    parts: tuple[Part, ...] = (Text(payload["prompt"] or VARY), *_sources(payload, schema))
    return Query(
        model=model,
        bot=bot_named(model),
        messages=(Message("user", parts),),
        parameters=_parameters(payload, schema),
    )


def _sources(payload: dict[str, Any], schema: type[Schema]) -> Iterator[Media]:
    """The input images, then the mask, which the bot recognises by its name."""
    images = [*_files(payload, schema, "image"), *_files(payload, schema, "images")]
    if not images and "image" in field_names(schema):
        raise InvalidRequest("image: Missing data for required field.", param="image")
    yield from images
    for name in ("mask", "markup"):
        for file in _files(payload, schema, name):
            yield replace(file, name=name + (splitext(file.name)[1] or ".png"))


def _files(payload: dict[str, Any], schema: type[Schema], name: str) -> Iterator[Media]:
    """Empty if the schema has no such field, which is then a parameter of the bot."""
    sources = payload[name] or [] if name in field_names(schema) else []
    for index, source in enumerate(sources):
        param = f"{name}[{index}]" if len(sources) > 1 else name
        yield picture_of(source, param)


def _parameters(payload: dict[str, Any], schema: type[Schema]) -> dict[str, Any]:
    """Leaves out ``auto``, the default of every bot. An ``aspect`` of the client has priority."""
    parameters = bot_parameters(payload, schema, _PARAMETERS)
    for name in _PARAMETERS:
        if parameters.get(name) == "auto":
            del parameters[name]
    aspect = aspect_of(payload["size"] or "")
    return {"aspect": aspect, **parameters} if aspect else parameters


def render(answers: list[Answer], *, created: int, inline: bool) -> dict[str, Any]:
    """The whole answers as an ImagesResponse.

    ``inline``: the files are data URLs, and are returned as ``b64_json``.
    """
    usage = sum((answer.finished.usage for answer in answers), Usage(0, 0))
    data = [
        _picture(file, inline) | ({"revised_prompt": answer.text} if answer.text else {})
        for answer in answers
        for file in answer.media
    ]
    return {"created": created, "data": data, "usage": render_usage(usage)}


def _picture(file: MediaReply, inline: bool) -> dict[str, Any]:
    return {"b64_json": file.url.partition(",")[2]} if inline else {"url": file.url}


def render_usage(usage: Usage) -> dict[str, Any]:
    """The tokens of the texts; Poe does not report those of pictures."""
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {"text_tokens": usage.prompt, "image_tokens": 0},
        "output_tokens": usage.completion,
        "output_tokens_details": {"text_tokens": usage.completion, "image_tokens": 0},
        "total_tokens": usage.total,
        **usage.cost_details(),
    }


class Encoder(OpenAIStream):
    """Events to SSE frames: a ``completed`` event for each file, once its bot has finished.

    Poe sends no previews. With ``partial_images``, that many files of a reply are sent as partial
    images when they arrive, while the bot may still be busy.
    """

    def __init__(
        self, kind: Kind, payload: dict[str, Any], *, created: int, inline: bool, choices: int = 1
    ) -> None:
        """``inline``: as in ``render``; else events have the file's ``url`` and no bytes."""
        self._kind = kind
        self._asked = payload
        self._created = created
        self._inline = inline
        self._choices = choices
        self._partials: int = payload["partial_images"] or 0
        self._files: defaultdict[int, list[MediaReply]] = defaultdict(list)

    def step(self, event: Event) -> bytes:
        match event:
            case ChoiceEvent(index, inner):
                return self._step(inner, index)
            case Finished() if self._choices > 1:
                return b""  # the sum; each choice had its own
        return self._step(event, 0)

    def _step(self, event: Event, index: int) -> bytes:
        match event:
            case MediaReply():
                self._files[index].append(event)
                number = len(self._files[index]) - 1
                if number < self._partials:
                    return self._frame("partial_image", event, partial_image_index=number)
            case Finished(usage=usage):
                files = self._files.pop(index, [])
                rendered = render_usage(usage)
                return b"".join(self._frame("completed", file, usage=rendered) for file in files)
        return b""

    def _frame(self, name: str, file: MediaReply, **more: Any) -> bytes:
        kind = f"{self._kind}.{name}"
        body = {"type": kind, "b64_json": "", **_picture(file, self._inline)}
        body |= {"created_at": self._created, **self._settings(file), **more}
        return named_frame(body)

    def _settings(self, file: MediaReply) -> dict[str, Any]:
        """The requested settings, in the values that the SDK's types allow."""
        asked = self._asked
        made = canonical(file.content_type).removeprefix("image/")
        return {
            "size": asked["size"] or "auto",
            "quality": asked["quality"] if asked["quality"] in _QUALITIES else "auto",
            "background": asked["background"] if asked["background"] in _BACKGROUNDS else "auto",
            "output_format": made if made in _FORMATS else "png",
        }
