"""OpenAI's Videos: a prompt is one user message, and a file of the answer is the video."""

from collections.abc import Callable
from typing import Any

from app.core.conversation import Media, Message, Query, Text
from app.core.events import Answer, MediaReply
from app.core.media import picture_of
from app.core.stages.extract_files import first_wanted
from app.dialects.videos.schemas import CreateVideoSchema
from app.errors import NotFound, UpstreamError
from app.schemas.parameters import aspect_of, bot_parameters

Record = dict[str, Any]
"""What is kept of a video: OpenAI's fields, and once it is completed ``file``."""

UNSAID = "auto"
"""Told where the client did not ask for a length or a size: only the bot knows them."""

WANTED = ("video/",)
"""How the content types begin of what a video may be."""

MAX_LINK_CHARS = 16_000_000
"""A bot may give its file within the link, as a data URL. More of it could not be kept."""

_TOLD = (
    "id",
    "status",
    "model",
    "prompt",
    "seconds",
    "size",
    "created_at",
    "completed_at",
    "expires_at",
    "error",
)


def parse(payload: dict[str, Any], bot_named: Callable[[str], str], default_model: str) -> Query:
    """Raises InvalidRequest for what no schema can judge."""
    model = payload["model"] or default_model
    return Query(
        model=model,
        bot=bot_named(model),
        messages=(Message("user", (Text(payload["prompt"]), *_references(payload))),),
        parameters=_parameters(payload),
    )


def _references(payload: dict[str, Any]) -> list[Media]:
    source = payload["input_reference"]
    return [] if source is None else [picture_of(source, "input_reference")]


def _parameters(payload: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's words, and those of Poe's bots: ``duration`` and ``aspect``. The client's win."""
    parameters = bot_parameters(payload, CreateVideoSchema, ("seconds", "size"))
    if parameters.get("size") == UNSAID:
        del parameters["size"]
    poes = {"duration": payload["seconds"], "aspect": aspect_of(payload["size"] or "")}
    return {name: value for name, value in poes.items() if value is not None} | parameters


def new_record(
    payload: dict[str, Any], model: str, *, video_id: str, created: int, expires: int
) -> Record:
    """What is known of a video before it is made."""
    seconds = payload["seconds"]
    return {
        "id": video_id,
        "model": model,
        "prompt": payload["prompt"],
        "seconds": UNSAID if seconds is None else str(seconds),
        "size": payload["size"] or UNSAID,
        "created_at": created,
        "expires_at": expires,
    }


def made(answer: Answer) -> Record:
    """What a record gains by the answer, which has a file: its first video, else its first file.

    Raises UpstreamError.
    """
    file = first_wanted(answer.media, WANTED)
    if len(file.url) > MAX_LINK_CHARS:
        message = "The bot gave its file within its answer, too large to be kept here."
        raise UpstreamError(message, retryable=False)
    return {"file": {"url": file.url, "content_type": file.content_type, "name": file.name}}


def file_of(record: Record) -> MediaReply:
    """Raises NotFound where there is none: yet, or ever."""
    match record["status"]:
        case "completed" if "file" in record:
            return MediaReply(**record["file"])
        case "completed":
            raise NotFound("Where this video's file is, is no longer kept.", code="file_not_kept")
        case "failed":
            error = record["error"]
            raise NotFound(f"This video could not be made: {error['message']}", code=error["code"])
    raise NotFound(
        "This video is not ready yet. GET /v1/videos/{id} tells when it is.", code="video_not_ready"
    )


def render_video(record: Record) -> dict[str, Any]:
    """OpenAI's video object. Of bots on Poe no progress is known but the end."""
    told = {name: record[name] for name in _TOLD}
    progress = 100 if record["status"] == "completed" else 0
    return {"object": "video", **told, "progress": progress, "remixed_from_video_id": None}
