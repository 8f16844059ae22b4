"""POST /audio/speech, /audio/transcriptions and /audio/translations."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import gevent
from flask import Blueprint, Response, jsonify, request

from app.access.client import Client
from app.config import Settings
from app.core.events import Batch, Batches, MediaReply
from app.core.openai_parts import read_audio
from app.core.sounds import duration_of
from app.core.stages.extract_files import first_wanted, only_files
from app.dialects.audio import speech, transcriptions
from app.dialects.audio.answers import TranscriptionSchema as Answer
from app.dialects.audio.answers import VerboseTranscriptionSchema
from app.dialects.audio.schemas import JsonTranscriptionSchema, SpeechSchema, TranscriptionSchema
from app.dialects.audio.transcriptions import Task
from app.errors import InvalidRequest
from app.http.bot_files import content_type_of, open_bot_file, open_for_client, send_bot_file
from app.http.forms import is_form, read_form
from app.http.incoming import read_request
from app.http.json_bodies import read_json
from app.http.operations import BOT_ERRORS, MADE_FILE, operation
from app.http.services import services
from app.http.streaming import stream_answer, whole_answers
from app.http.wire_formats import WireFormat
from app.poe.links import Origin, home_of_bot
from app.relay.parallel import MergedReplies

blueprint = Blueprint("audio", __name__, url_prefix="/audio")
FORMAT = WireFormat(blueprint)
_SPEECH_SCHEMA = SpeechSchema()
_TRANSCRIPTION_SCHEMA = TranscriptionSchema()
_JSON_SCHEMA = JsonTranscriptionSchema()
_TEXTS = (Answer, VerboseTranscriptionSchema, "text/plain")


@blueprint.post("/speech")
@operation("Speech from words", *MADE_FILE, body=SpeechSchema, streams=True, errors=BOT_ERRORS)
def speak() -> Response:
    """Streams the bot's file."""
    client, payload = read_request(_SPEECH_SCHEMA)
    settings = services().settings
    query = speech.parse(payload, services().bot_named)
    reply = services().relay.answer(query, client, streaming=False, media_in_text=False)
    files = partial(only_files, bot=query.model, wants=speech.WANTED)
    home = home_of_bot(query.bot, settings)
    if payload["stream_format"] == "sse":
        played = MergedReplies([reply], lambda batches: _play(files(batches), settings, home))
        return stream_answer(played, speech.Encoder, settings)
    [answer] = whole_answers(MergedReplies([reply], files))
    file = first_wanted(answer.media, speech.WANTED)
    opened = open_for_client(file.url, settings, home)
    return send_bot_file(opened, content_type_of(opened, file))


def _play(batches: Batches, settings: Settings, home: Origin | None) -> Iterator[Batch]:
    def open_file(file: MediaReply) -> Iterable[bytes]:
        return open_bot_file(file.url, settings, home)

    return speech.play(batches, open_file)


@blueprint.post("/transcriptions")
@operation(
    "The words of speech",
    *_TEXTS,
    body=JsonTranscriptionSchema,
    form=TranscriptionSchema,
    streams=True,
    errors=BOT_ERRORS,
)
def transcribe() -> Response:
    return _listen("transcribe")


@blueprint.post("/translations")
@operation(
    "The words of speech, in English",
    *_TEXTS,
    body=JsonTranscriptionSchema,
    form=TranscriptionSchema,
    streams=True,
    errors=BOT_ERRORS,
)
def translate() -> Response:
    return _listen("translate")


def _read_recording() -> tuple[Client, dict[str, Any]]:
    if is_form():
        return read_request(_TRANSCRIPTION_SCHEMA, lambda: read_form(_TRANSCRIPTION_SCHEMA))
    client, payload = read_request(_JSON_SCHEMA, _read_json)
    return client, payload | {"file": read_audio(payload["input_audio"], "input_audio")}


def _read_json() -> Any:
    if request.mimetype != "application/json":
        raise InvalidRequest("file: Missing. Send a multipart/form-data body.", param="file")
    return read_json()


def _listen(task: Task) -> Response:
    client, payload = _read_recording()
    settings = services().settings
    query = transcriptions.parse(payload, task, services().bot_named)
    streaming = bool(payload["stream"])
    reply = services().relay.answer(query, client, streaming=streaming)
    if streaming:
        return stream_answer(reply, transcriptions.Encoder, settings)
    [answer] = whole_answers(reply)
    match payload["response_format"]:
        case "text":
            return Response(transcriptions.text_of(answer), mimetype="text/plain")
        case "verbose_json":
            # In a native thread, so that a hostile file does not block other requests.
            seconds = gevent.get_hub().threadpool.apply(duration_of, (payload["file"].data,))
            return jsonify(transcriptions.render_verbose(answer, payload, task, seconds))
    return jsonify(transcriptions.render(answer))
