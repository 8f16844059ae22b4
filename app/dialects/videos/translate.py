"""OpenAI's Videos: the prompt becomes one user message, and a file of the answer is the video."""

from collections.abc import Callable
from typing import Any, NotRequired, TypedDict

from app.core.conversation import Media, Message, Query, Text
from app.core.events import Answer, MediaReply
from app.core.media import picture_of
from app.core.stages.extract_files import first_wanted
from app.dialects.videos.schemas import CreateVideoSchema
from app.errors import NotFound, UpstreamError
from app.relay.at_poe import Place
from app.relay.jobs import JobRecord
from app.schemas.parameters import aspect_of, bot_parameters


class VideoFile(TypedDict):
    """The file that the bot made: the fields of a MediaReply."""

    url: str
    content_type: str
    name: str


class NewVideo(TypedDict):
    """The fields of a video that is not made yet. Times are in seconds since the epoch."""

    id: str
    model: str
    prompt: str
    seconds: str
    size: str
    created_at: int
    expires_at: int


class VideoRecord(NewVideo, JobRecord):
    """A stored video; once it is completed, with its ``file``.

    ``at_poe``: Poe's own API makes and keeps it; ``progress`` and ``remixed_from`` are Poe's then.
    """

    file: NotRequired[VideoFile]
    at_poe: NotRequired[Place]
    progress: NotRequired[int]
    remixed_from: NotRequired[str | None]


UNSAID = "auto"
"""The length or size of a video for which the client did not ask for one."""

WANTED = ("video/",)
"""Prefixes of the content types of a video."""

MAX_LINK_CHARS = 16_000_000
"""The largest data URL of a file that can be kept."""


def parse(payload: dict[str, Any], bot_named: Callable[[str], str], default_model: str) -> Query:
    """Raises InvalidRequest for what schemas cannot check."""
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
    """OpenAI's parameters, and ``duration`` and ``aspect`` of Poe's bots. Parameters that the
    client set itself have priority."""
    parameters = bot_parameters(payload, CreateVideoSchema, ("seconds", "size"))
    if parameters.get("size") == UNSAID:
        del parameters["size"]
    poes = {"duration": payload["seconds"], "aspect": aspect_of(payload["size"] or "")}
    return {name: value for name, value in poes.items() if value is not None} | parameters


def new_record(
    payload: dict[str, Any], model: str, *, video_id: str, created: int, expires: int
) -> NewVideo:
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


def made(answer: Answer) -> dict[str, VideoFile]:
    """The ``file`` of a completed video: the first video of the answer, else its first file.

    Raises UpstreamError for a data URL that is too large.
    """
    file = first_wanted(answer.media, WANTED)
    if len(file.url) > MAX_LINK_CHARS:
        message = "The bot sent its file within its answer, and it is too large to be kept here."
        raise UpstreamError(message, retryable=False)
    return {"file": {"url": file.url, "content_type": file.content_type, "name": file.name}}


def file_of(record: VideoRecord) -> MediaReply:
    """The video's file. Raises NotFound if there is none, or not yet."""
    if error := record["error"]:
        raise NotFound(f"This video could not be made: {error['message']}", code=error["code"])
    if record["status"] == "completed":
        if "file" not in record:
            raise NotFound("The link to this video's file is no longer kept.", code="file_not_kept")
        return MediaReply(**record["file"])
    raise NotFound(
        "This video is not ready yet. GET /v1/videos/{id} shows when it is.", code="video_not_ready"
    )


def render_video(record: VideoRecord) -> dict[str, Any]:
    """OpenAI's video object. Its progress is 0 or 100 where a bot makes it."""
    return {
        "id": record["id"],
        "object": "video",
        "status": record["status"],
        "model": record["model"],
        "prompt": record["prompt"],
        "seconds": record["seconds"],
        "size": record["size"],
        "created_at": record["created_at"],
        "completed_at": record["completed_at"],
        "expires_at": record["expires_at"],
        "error": record["error"],
        "progress": record.get("progress", 100 if record["status"] == "completed" else 0),
        "remixed_from_video_id": record.get("remixed_from"),
    }
