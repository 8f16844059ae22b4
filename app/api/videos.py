"""POST /videos: made by bots after the request; polled, downloaded and deleted by their ids."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from flask import Blueprint, Response, jsonify, request

from app.api.bot_files import content_type_of, open_bot_file, send_bot_file
from app.api.described import MADE_FILE, operation
from app.api.files import with_files
from app.api.house import house, read_json
from app.api.multipart import is_form, read_form
from app.api.request_record import current_record
from app.auth import Lease
from app.core.conversation import Query
from app.core.events import Batch, Batches, fold
from app.dialects import videos
from app.dialects.made_files import only_files
from app.dialects.paging import cut_page
from app.dialects.videos import Record
from app.jobs import Beat, as_it_stands
from app.relay import Relay
from app.schemas.answers.videos import DeletedSchema, VideoSchema, VideosSchema
from app.schemas.loading import load_payload
from app.schemas.videos import ContentQuerySchema, CreateVideoSchema, VideosQuerySchema
from app.shelf import Shelf, expiry

POLL_AFTER_MS = "2000"

blueprint = Blueprint("videos", __name__, url_prefix="/videos")
_CREATE_SCHEMA = CreateVideoSchema()
_LIST_SCHEMA = VideosQuerySchema()
_CONTENT_SCHEMA = ContentQuerySchema()


@blueprint.post("")
@operation(
    "Has a video made: its state, to be asked for again",
    VideoSchema,
    body=CreateVideoSchema,
    form=CreateVideoSchema,
    errors=(429,),
)
def create_video() -> Response:
    """Answers at once; the bot is asked meanwhile."""
    lease, settings = house().gatekeeper.lease(request), house().settings
    payload = load_payload(_CREATE_SCHEMA, read_form(_CREATE_SCHEMA) if is_form() else read_json())
    query = videos.parse(payload, CreateVideoSchema, settings.bot_named, settings.video_model)
    query = with_files(query, lease)
    current_record().model = query.model
    video_id = f"video_{uuid.uuid4().hex}"
    record = videos.new_record(
        payload, query.model, video_id=video_id, created=int(time.time()), expires=expiry()
    )
    work = partial(_make, house().relay, query, lease)
    return _tell(house().jobs.start(lease.owner, _shelf_of(lease), record, work))


def _make(relay: Relay, query: Query, lease: Lease, beat: Beat) -> Record:
    """Runs in a greenlet of its own, when the request is long answered. Raises ApiError."""
    reply = relay.answer(query, lease, streaming=False, media_in_text=False)
    try:
        files = only_files(reply, bot=query.model)
        return videos.made(fold(_beating(files, beat)))
    finally:
        reply.close()


def _beating(batches: Batches, beat: Beat) -> Iterator[Batch]:
    for batch in batches:
        beat()
        yield batch


@blueprint.get("")
@operation("The client's videos", VideosSchema, query=(VideosQuerySchema,))
def list_videos() -> Response:
    shelf = _shelf()
    query = load_payload(_LIST_SCHEMA, request.args.to_dict())
    records = list(shelf.records())
    if query["order"] == "desc":
        records.reverse()
    page = cut_page(records, query["limit"], after=query["after"], names=("after", ""))
    entries = [as_it_stands(shelf, record) for record in page.entries]
    return jsonify(videos.render_videos(replace(page, entries=entries)))


@blueprint.get("/<video_id>")
@operation("The state of a video", VideoSchema)
def retrieve_video(video_id: str) -> Response:
    return _tell(_find(video_id))


@blueprint.get("/<video_id>/content")
@operation("A video's bytes", *MADE_FILE, query=(ContentQuerySchema,), errors=(502,))
def send_content(video_id: str) -> Response:
    """From where the bot keeps it, passed on as it comes."""
    record = _find(video_id)
    load_payload(_CONTENT_SCHEMA, request.args.to_dict())
    file = videos.file_of(record)
    opened = open_bot_file(file.url, house().settings)
    return send_bot_file(opened, content_type_of(opened, file))


@blueprint.delete("/<video_id>")
@operation("Forgets a video", DeletedSchema)
def delete_video(video_id: str) -> Response:
    """Where it is still made, the bot is stopped at the job's next beat."""
    _shelf().remove(video_id)
    return jsonify({"id": video_id, "object": "video.deleted", "deleted": True})


def _shelf() -> Shelf:
    return _shelf_of(house().gatekeeper.lease(request))


def _shelf_of(lease: Lease) -> Shelf:
    return Shelf(house().store, "videos", lease.owner, noun="video")


def _find(video_id: str) -> Record:
    shelf = _shelf()
    return as_it_stands(shelf, shelf.get(video_id))


def _tell(record: Record) -> Response:
    response = jsonify(videos.render_video(record))
    if record["status"] == "in_progress":
        response.headers["openai-poll-after-ms"] = POLL_AFTER_MS
    return response
