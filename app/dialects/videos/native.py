"""Videos that Poe's own API makes: what can go there, and what is kept of its answers."""

from collections.abc import Mapping
from typing import Any, cast

from app.core.conversation import Media
from app.core.events import Usage
from app.core.upstream import Obstacle
from app.dialects.videos.translate import UNSAID, VideoRecord
from app.relay.at_poe import Place

CHANGED = ("status", "progress", "completed_at", "error")
"""Fields of a video that Poe changes while it makes it."""


def obstacle_in(body: dict[str, Any]) -> Obstacle | None:
    """What only the gateway can do, of all that the request asks for."""
    reference = body.get("input_reference")
    if isinstance(reference, Media):
        return Obstacle("files of forms", "input_reference")
    if isinstance(reference, dict) and reference.get("file_id"):
        return Obstacle("files by their ids", "input_reference")
    return None


def usage_in(holder: Mapping[str, Any]) -> Usage | None:
    """Videos cost by their length: no tokens are told."""
    return Usage(0, 0)


def record_of(video: Mapping[str, Any], place: Place, expires: int, now: int) -> VideoRecord | None:
    """What is kept of a video that Poe has begun; None for an answer without an id."""
    if not isinstance(video.get("id"), str) or not video["id"]:
        return None
    texts = {
        name: str(video.get(name) or UNSAID) for name in ("model", "prompt", "seconds", "size")
    }
    record = {
        "id": video["id"],
        **texts,
        "created_at": now,
        "expires_at": expires,
        "at_poe": place,
        "remixed_from": video.get("remixed_from_video_id"),
        **changes_in(video),
    }
    return cast(VideoRecord, record)


def changes_in(video: Mapping[str, Any]) -> dict[str, Any]:
    return {name: video.get(name) for name in CHANGED}
