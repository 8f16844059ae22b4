"""POST /images/generations, /images/edits and /images/variations."""

import time
from base64 import b64encode
from dataclasses import replace
from functools import partial

from flask import Blueprint, Response, jsonify

from app.access.client import Client
from app.config import Settings
from app.core.conversation import Query
from app.core.events import MediaReply
from app.core.stages.extract_files import leave, only_files
from app.dialects.images import translate as images
from app.dialects.images.answers import ImagesSchema
from app.dialects.images.schemas import (
    EditFormSchema,
    EditSchema,
    GenerationSchema,
    VariationSchema,
)
from app.http.bot_files import content_type_of, open_bot_file
from app.http.forms import read_payload
from app.http.incoming import read_request
from app.http.operations import BOT_ERRORS, operation
from app.http.services import services
from app.http.stored_files import with_files
from app.http.streaming import stream_answer, whole_answers
from app.http.wire_formats import WireFormat
from app.poe.downloads import Budget
from app.poe.links import Origin, home_of_bot
from app.relay.parallel import MergedReplies
from app.schemas.loading import BaseSchema

MAX_BYTES_INLINE = 50_000_000
"""The total size of the files in one answer with ``b64_json``."""

blueprint = Blueprint("images", __name__)
FORMAT = WireFormat(blueprint)
_GENERATION_SCHEMA = GenerationSchema()
_EDIT_SCHEMA = EditSchema()
_VARIATION_SCHEMA = VariationSchema()


@blueprint.post("/images/generations")
@operation(
    "Pictures from words", ImagesSchema, body=GenerationSchema, streams=True, errors=BOT_ERRORS
)
def create_image() -> Response:
    return _answer(_GENERATION_SCHEMA, "image_generation")


@blueprint.post("/images/edits")
@operation(
    "Pictures from pictures",
    ImagesSchema,
    body=EditSchema,
    form=EditFormSchema,
    streams=True,
    errors=BOT_ERRORS,
)
def edit_image() -> Response:
    return _answer(_EDIT_SCHEMA, "image_edit")


@blueprint.post("/images/variations")
@operation(
    "Variations of a picture",
    ImagesSchema,
    body=VariationSchema,
    form=VariationSchema,
    streams=True,
    errors=BOT_ERRORS,
)
def vary_image() -> Response:
    return _answer(_VARIATION_SCHEMA, "image_edit")


def _answer(schema: BaseSchema, kind: images.Kind) -> Response:
    settings = services().settings
    client, payload = read_request(
        schema, partial(read_payload, schema), default_model=settings.image_model
    )
    query = images.parse(payload, type(schema), services().bot_named, settings.image_model)
    query = with_files(query, client)
    choices, created = payload["n"] or 1, int(time.time())
    inline = payload["response_format"] == "b64_json"
    if payload["stream"]:
        inline = payload["response_format"] != "url"
        reply = _pictures(query, client, choices, inline=inline)
        encoder = images.Encoder(kind, payload, created=created, inline=inline, choices=choices)
        return stream_answer(reply, lambda: encoder, settings)
    answers = whole_answers(_pictures(query, client, choices, inline=inline), choices)
    return jsonify(images.render(answers, created=created, inline=inline))


def _pictures(query: Query, client: Client, choices: int, *, inline: bool) -> MergedReplies:
    """The files of ``choices`` replies; failed replies are left out."""
    relay = services().relay
    budget = Budget(MAX_BYTES_INLINE)
    settings = services().settings
    home = home_of_bot(query.bot, settings)
    bring = partial(_bring_in, settings=settings, home=home, budget=budget) if inline else leave
    replies = [
        relay.answer(query, client, streaming=False, media_in_text=False) for _ in range(choices)
    ]
    stage = partial(only_files, bot=query.model, bring=bring)
    return MergedReplies(replies, stage, lenient=True)


def _bring_in(
    file: MediaReply, *, settings: Settings, home: Origin | None, budget: Budget
) -> MediaReply:
    """The same file, its bytes in a data URL. Raises UpstreamError."""
    opened = open_bot_file(file.url, settings, home)
    kind = content_type_of(opened, file)
    data_url = f"data:{kind};base64,{b64encode(opened.read(budget)).decode()}"
    return replace(file, url=data_url, content_type=kind)
