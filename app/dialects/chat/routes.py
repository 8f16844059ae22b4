"""POST /chat/completions."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, jsonify

from app.core.conversation import Query
from app.core.upstream import CHAT
from app.dialects.chat import native
from app.dialects.chat import response as chat
from app.dialects.chat.answers import ChatCompletionSchema
from app.dialects.chat.cursor_shapes import is_responses_body, normalize
from app.dialects.chat.request import parse
from app.dialects.chat.schemas import ChatSchema
from app.dialects.responses.request import NothingKept, begin_turn
from app.dialects.responses.request import parse as parse_responses
from app.dialects.responses.schemas import ResponsesSchema
from app.http.forwarding import NativeFormat, pass_on
from app.http.incoming import load_request
from app.http.json_bodies import read_json
from app.http.operations import BOT_ERRORS, operation
from app.http.services import authenticate, services
from app.http.stored_files import with_files
from app.http.streaming import stream_answer, whole_answers
from app.http.wire_formats import WireFormat
from app.relay.parallel import answer_in_parallel

blueprint = Blueprint("chat", __name__)
FORMAT = WireFormat(blueprint)
_SCHEMA = ChatSchema()
_RESPONSES_SCHEMA = ResponsesSchema()
_NATIVE = NativeFormat(CHAT, native.obstacle_in, native.usage_in, native.ChatReader)


@blueprint.post("/chat/completions")
@operation(
    "OpenAI's Chat Completions",
    ChatCompletionSchema,
    body=ChatSchema,
    streams=True,
    errors=BOT_ERRORS,
)
def create_chat_completion() -> Response:
    client = authenticate()
    body = read_json()
    if (passed := pass_on(_NATIVE, body, client)) is not None:
        return passed
    query, payload = _read_query(body)
    query = with_files(query, client)
    functions = bool(payload.get("functions"))
    envelope = chat.new_envelope("chatcmpl", query.model, functions=functions)
    streaming, choices = bool(payload["stream"]), payload.get("n") or 1
    reply = answer_in_parallel(services().relay, [query] * choices, client, streaming=streaming)
    if not streaming:
        answers = whole_answers(reply, choices)
        return jsonify(chat.render(answers, replace(envelope, model=reply.fixed_model())))
    include_usage = bool((payload["stream_options"] or {}).get("include_usage"))

    def new_encoder() -> chat.Encoder:
        named = replace(envelope, model=reply.fixed_model())
        return chat.Encoder(named, include_usage=include_usage, choices=choices)

    return stream_answer(reply, new_encoder, services().settings)


def _read_query(body: Any) -> tuple[Query, dict[str, Any]]:
    """The query and the loaded payload. Raises InvalidRequest.

    Cursor sends Responses bodies here, and expects Chat Completions as answers.
    """
    bot_named = services().bot_named
    if is_responses_body(body):
        payload = load_request(_RESPONSES_SCHEMA, body)
        turn = begin_turn(payload, "resp_", NothingKept())
        return parse_responses(payload, turn, bot_named), payload
    payload = load_request(_SCHEMA, normalize(body))
    return parse(payload, bot_named), payload
