"""POST /completions."""

from flask import Blueprint, Response, jsonify

from app.dialects.chat.response import new_envelope
from app.dialects.completions import translate as completions
from app.dialects.completions.answers import CompletionSchema as Answer
from app.dialects.completions.schemas import CompletionSchema
from app.http.incoming import read_request
from app.http.operations import BOT_ERRORS, operation
from app.http.services import services
from app.http.streaming import stream_answer, whole_answers
from app.http.wire_formats import WireFormat
from app.relay.parallel import answer_in_parallel

blueprint = Blueprint("completions", __name__)
FORMAT = WireFormat(blueprint)
_SCHEMA = CompletionSchema()


@blueprint.post("/completions")
@operation(
    "OpenAI's old Completions", Answer, body=CompletionSchema, streams=True, errors=BOT_ERRORS
)
def create_completion() -> Response:
    client, payload = read_request(_SCHEMA)
    queries = completions.parse(payload, services().bot_named)
    envelope = new_envelope("cmpl", payload["model"])
    echoes = completions.echoed_prompts(payload)
    streaming = bool(payload["stream"])
    reply = answer_in_parallel(services().relay, queries, client, streaming=streaming)
    if not streaming:
        answers = whole_answers(reply, len(queries))
        return jsonify(completions.render(answers, envelope, echoes))
    include_usage = bool((payload["stream_options"] or {}).get("include_usage"))
    encoder = completions.Encoder(envelope, include_usage=include_usage, echoes=echoes)
    return stream_answer(reply, lambda: encoder, services().settings)
