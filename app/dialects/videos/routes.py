"""/videos: bots make them after the request; clients poll, download and delete them by id."""

import time
import uuid
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from flask import Blueprint, Response, jsonify, request

from app.access.accounting import for_job
from app.access.client import Client
from app.core.conversation import Media, Query
from app.core.events import Batch, Batches, fold
from app.core.stages.extract_files import only_files
from app.core.upstream import VIDEOS as VIDEOS_ENDPOINT
from app.dialects.videos import native
from app.dialects.videos import translate as videos
from app.dialects.videos.answers import DeletedSchema, VideoSchema, VideosSchema
from app.dialects.videos.schemas import (
    ContentQuerySchema,
    CreateVideoSchema,
    ExtensionSchema,
    RemixSchema,
)
from app.dialects.videos.translate import VideoFile, VideoRecord
from app.errors import NotFound
from app.http.bot_files import content_type_of, open_for_client, send_bot_file
from app.http.forms import is_form, read_payload
from app.http.forwarding import NativeFormat, forward, forward_file, pass_on
from app.http.incoming import load_request
from app.http.json_bodies import read_json
from app.http.operations import BOT_ERRORS, MADE_FILE, operation
from app.http.record_pages import own_records, read_ordered_page, records_of
from app.http.request_bodies import body_bytes
from app.http.services import Services, authenticate, services
from app.http.stored_files import with_files
from app.http.unsupported import FILMED
from app.http.wire_formats import WireFormat
from app.poe.links import home_of_bot
from app.relay.jobs import Beat, with_lost_jobs_failed
from app.schemas.loading import load_payload
from app.schemas.paging import OrderedQuerySchema
from app.state.records import Kind, expiry

POLL_AFTER_MS = "2000"
# Its file is apart: a bot may give a whole film within its link.
VIDEOS: Kind[VideoRecord] = Kind("videos", noun="video", apart="file")

blueprint = Blueprint("videos", __name__, url_prefix="/videos")
FORMAT = WireFormat(blueprint)
_CREATE_SCHEMA = CreateVideoSchema()
_LIST_SCHEMA = OrderedQuerySchema()
_CONTENT_SCHEMA = ContentQuerySchema()
_REMIX_SCHEMA = RemixSchema()
_EXTENSION_SCHEMA = ExtensionSchema()
_AT_WORK = ("queued", "in_progress")
_UNSUPPORTED = "unsupported_endpoint"


_NATIVE = NativeFormat(VIDEOS_ENDPOINT, native.obstacle_in, native.usage_in)


@blueprint.post("")
@operation(
    "Has a video made: its state, to be asked for again",
    VideoSchema,
    body=CreateVideoSchema,
    form=CreateVideoSchema,
    errors=(429,),
)
def create_video() -> Response:
    """Starts a job that asks the bot, and answers at once."""
    settings = services().settings
    client, body = authenticate(), read_payload(_CREATE_SCHEMA)
    if (passed := _pass_on(body, client)) is not None:
        return passed
    payload = load_request(_CREATE_SCHEMA, body, default_model=settings.video_model)
    query = videos.parse(payload, services().bot_named, settings.video_model)
    query = with_files(query, client)
    video_id = f"video_{uuid.uuid4().hex}"
    record = videos.new_record(
        payload, query.model, video_id=video_id, created=int(time.time()), expires=expiry()
    )
    services().relay.admission.admit(client, query.bot)
    work = partial(_make, services(), query, for_job(client))
    records, held = records_of(VIDEOS, client), max(_bytes_of_files(query), body_bytes())
    started = services().jobs.start(client.owner, records, record, work, held=held)
    client.visit.lease = None  # the job gives it back
    return _render(started)


def _bytes_of_files(query: Query) -> int:
    parts = [part for message in query.messages for part in message.parts]
    return sum(len(part.data or b"") for part in parts if isinstance(part, Media))


def _make(parts: Services, query: Query, client: Client, beat: Beat) -> dict[str, VideoFile]:
    """The work of the job, in a greenlet of its own. Raises ApiError."""
    started_at = time.time()
    try:
        reply = parts.relay.answer(query, client, streaming=False, media_in_text=False)
        try:
            files = only_files(reply, bot=query.model, wants=videos.WANTED)
            return videos.made(fold(_beating(files, beat)))
        finally:
            reply.close()
    finally:
        parts.settle_job(client, started_at=started_at, dialect=blueprint.name)


def _beating(batches: Batches, beat: Beat) -> Iterator[Batch]:
    for batch in batches:
        beat()
        yield batch


@blueprint.get("")
@operation("The client's videos", VideosSchema, query=(OrderedQuerySchema,))
def list_videos() -> Response:
    records = own_records(VIDEOS)
    query = load_payload(_LIST_SCHEMA, request.args.to_dict())
    page = read_ordered_page(records, query)
    return jsonify(page.render(lambda record: videos.render_video(_current(record))))


@blueprint.get("/<video_id>")
@operation("The state of a video", VideoSchema)
def retrieve_video(video_id: str) -> Response:
    client = authenticate()
    records = records_of(VIDEOS, client)
    record = records.get(video_id)
    if (place := record.get("at_poe")) is None:
        return _render(_current(record))
    answer, video = forward(place, client)
    records.update(video_id, native.changes_in(video))
    if video.get("status") in _AT_WORK:
        answer.headers["openai-poll-after-ms"] = POLL_AFTER_MS
    return answer


@blueprint.get("/<video_id>/content")
@operation("A video's bytes", *MADE_FILE, query=(ContentQuerySchema,), errors=(502,))
def send_content(video_id: str) -> Response:
    """Streams the video from where the bot keeps it."""
    client = authenticate()
    records = records_of(VIDEOS, client)
    record = records.whole(_current(records.get(video_id)))
    load_payload(_CONTENT_SCHEMA, request.args.to_dict())
    if (place := record.get("at_poe")) is not None:
        return forward_file(place, client)
    file = videos.file_of(record)
    settings = services().settings
    home = home_of_bot(services().bot_named(record["model"]), settings)
    opened = open_for_client(file.url, settings, home)
    return send_bot_file(opened, content_type_of(opened, file))


@blueprint.delete("/<video_id>")
@operation("Forgets a video", DeletedSchema)
def delete_video(video_id: str) -> Response:
    """If the video is still being made, the job ends at its next beat."""
    client = authenticate()
    records = records_of(VIDEOS, client)
    place = records.get(video_id).get("at_poe")
    if place is not None:
        forward(place, client)
    records.remove(video_id)
    return jsonify({"id": video_id, "object": "video.deleted", "deleted": True})


@blueprint.post("/<video_id>/remix")
@operation(
    "A video that Poe's own API made, made anew",
    VideoSchema,
    body=RemixSchema,
    errors=BOT_ERRORS,
)
def remix_video(video_id: str) -> Response:
    client = authenticate()
    body = read_json()
    load_payload(_REMIX_SCHEMA, body)
    return _change(video_id, client, body)


@blueprint.post("/extensions")
@operation(
    "Goes on from a video that Poe's own API made",
    VideoSchema,
    body=ExtensionSchema,
    errors=BOT_ERRORS,
)
def extend_video() -> Response:
    client = authenticate()
    body = read_payload(_EXTENSION_SCHEMA)
    if isinstance(body, dict) and isinstance(body.get("video"), Media):
        raise NotFound(f"The video is not one that Poe keeps; {FILMED}.", code=_UNSUPPORTED)
    source = load_payload(_EXTENSION_SCHEMA, body)["video"]["id"]
    return _change(source, client, _as_sent(body))


def _change(video_id: str, client: Client, body: dict[str, Any]) -> Response:
    """Has Poe change a video that it keeps. Raises NotFound for one that a bot made."""
    record = records_of(VIDEOS, client).find(video_id)
    place = record.get("at_poe") if record else None
    if place is None:
        message = f"Poe keeps no video of yours with the id {video_id!r}; {FILMED}."
        raise NotFound(message, code=_UNSUPPORTED)
    answer, video = forward(place, client, body)
    _keep(client, place["model"], video)
    return answer


def _pass_on(body: Any, client: Client) -> Response | None:
    """Poe's answer, or None for a video that a bot makes."""
    if not isinstance(body, dict):
        return None
    body = _as_sent(body)
    model = body.get("model") or services().settings.video_model
    keep = partial(_keep, client, model)
    return pass_on(_NATIVE, {**body, "model": model}, client, keep=keep)


def _as_sent(body: dict[str, Any]) -> dict[str, Any]:
    """With the texts of a form as the client wrote them: Poe knows its own types."""
    if not is_form():
        return body
    return {**body, **{name: text for name, text in request.form.items() if name in body}}


def _keep(client: Client, model: str, video: Mapping[str, Any]) -> None:
    """So that the client finds it, by the key that Poe keeps it for."""
    place = services().passing.place_of(client, model)
    record = native.record_of(video, place, expiry(), int(time.time()))
    if record is not None:
        records_of(VIDEOS, client).add(record)


def _current(record: VideoRecord) -> VideoRecord:
    """Of a video at Poe, what was known last."""
    return record if "at_poe" in record else with_lost_jobs_failed(record)


def _render(record: VideoRecord) -> Response:
    response = jsonify(videos.render_video(record))
    if record["status"] == "in_progress":
        response.headers["openai-poll-after-ms"] = POLL_AFTER_MS
    return response
