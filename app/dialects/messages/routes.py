"""POST /messages and POST /messages/count_tokens."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, jsonify

from app.core.passed_streams import ToError
from app.core.upstream import MESSAGES
from app.dialects.messages import native
from app.dialects.messages import response as messages
from app.dialects.messages.answers import MessageSchema, TokensSchema
from app.dialects.messages.request import parse, refuse_thread
from app.dialects.messages.schemas import CountTokensSchema, MessagesSchema
from app.http.envelopes import ANTHROPIC
from app.http.forwarding import NativeFormat, pass_on
from app.http.incoming import load_request, read_request
from app.http.json_bodies import read_json
from app.http.operations import BOT_ERRORS, operation
from app.http.request_log import current_record
from app.http.services import authenticate, services
from app.http.stored_files import with_files
from app.http.streaming import stream_answer, whole_answers
from app.http.wire_formats import WireFormat
from app.relay.fallbacks import answer_with_fallbacks

blueprint = Blueprint("messages", __name__)
FORMAT = WireFormat(blueprint, ANTHROPIC)
_SCHEMA = MessagesSchema()
_COUNT_SCHEMA = CountTokensSchema()


@blueprint.post("/messages")
@operation(
    "Anthropic's Messages", MessageSchema, body=MessagesSchema, streams=True, errors=BOT_ERRORS
)
def create_message() -> Response:
    client = authenticate()
    body = _read_body()
    if (passed := pass_on(_NATIVE, body, client)) is not None:
        return passed
    payload = load_request(_SCHEMA, body)
    query = with_files(parse(payload, services().bot_named), client)
    envelope = messages.new_envelope(payload, current_record().id)
    streaming = bool(payload["stream"])
    reply = answer_with_fallbacks(services().relay, query, client, streaming=streaming)
    if not streaming:
        [answer] = whole_answers(reply)
        return jsonify(messages.render(answer, replace(envelope, model=reply.fixed_model())))

    def new_encoder() -> messages.Encoder:
        named = replace(envelope, model=reply.fixed_model())
        return messages.Encoder(named, reply.prompt_tokens_by_now)

    return stream_answer(reply, new_encoder, services().settings)


@blueprint.post("/messages/count_tokens")
@operation("The tokens of a prompt", TokensSchema, body=CountTokensSchema)
def count_tokens() -> Response:
    """Tokens of the prompt, tools and all, as the answer's usage would tell them."""
    client, payload = read_request(_COUNT_SCHEMA, _read_body)
    query = with_files(parse(payload, services().bot_named), client)
    return jsonify({"input_tokens": services().relay.count_prompt(query)})


def _new_stream(model: str, to_error: ToError) -> native.MessagesReader:
    return native.MessagesReader(model, to_error, current_record().id)


_NATIVE = NativeFormat(MESSAGES, native.obstacle_in, native.usage_in, _new_stream)


def _read_body() -> Any:
    return refuse_thread(read_json())
