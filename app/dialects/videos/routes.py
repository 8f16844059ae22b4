"""/videos: bots make them after the request; clients poll, download and delete them by id."""

import time
import uuid
from collections.abc import Iterator
from functools import partial

from flask import Blueprint, Response, jsonify, request

from app.access.accounting import for_job
from app.access.client import Client
from app.core.conversation import Media, Query
from app.core.events import Batch, Batches, fold
from app.core.stages.extract_files import only_files
from app.dialects.videos import translate as videos
from app.dialects.videos.answers import DeletedSchema, VideoSchema, VideosSchema
from app.dialects.videos.schemas import ContentQuerySchema, CreateVideoSchema
from app.dialects.videos.translate import VideoFile, VideoRecord
from app.http.bot_files import content_type_of, open_for_client, send_bot_file
from app.http.forms import read_payload
from app.http.incoming import read_request
from app.http.operations import MADE_FILE, operation
from app.http.record_pages import own_records, read_ordered_page, records_of
from app.http.request_bodies import body_bytes
from app.http.services import Services, services
from app.http.stored_files import with_files
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
    client, payload = read_request(
        _CREATE_SCHEMA, partial(read_payload, _CREATE_SCHEMA), default_model=settings.video_model
    )
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
        parts.access.accounting.settle_job(client, started_at=started_at, dialect=blueprint.name)


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
    return jsonify(page.render(lambda record: videos.render_video(with_lost_jobs_failed(record))))


@blueprint.get("/<video_id>")
@operation("The state of a video", VideoSchema)
def retrieve_video(video_id: str) -> Response:
    return _render(with_lost_jobs_failed(own_records(VIDEOS).get(video_id)))


@blueprint.get("/<video_id>/content")
@operation("A video's bytes", *MADE_FILE, query=(ContentQuerySchema,), errors=(502,))
def send_content(video_id: str) -> Response:
    """Streams the video from where the bot keeps it."""
    records = own_records(VIDEOS)
    record = records.whole(with_lost_jobs_failed(records.get(video_id)))
    load_payload(_CONTENT_SCHEMA, request.args.to_dict())
    file = videos.file_of(record)
    settings = services().settings
    home = home_of_bot(services().bot_named(record["model"]), settings)
    opened = open_for_client(file.url, settings, home)
    return send_bot_file(opened, content_type_of(opened, file))


@blueprint.delete("/<video_id>")
@operation("Forgets a video", DeletedSchema)
def delete_video(video_id: str) -> Response:
    """If the video is still being made, the job ends at its next beat."""
    own_records(VIDEOS).remove(video_id)
    return jsonify({"id": video_id, "object": "video.deleted", "deleted": True})


def _render(record: VideoRecord) -> Response:
    response = jsonify(videos.render_video(record))
    if record["status"] == "in_progress":
        response.headers["openai-poll-after-ms"] = POLL_AFTER_MS
    return response
