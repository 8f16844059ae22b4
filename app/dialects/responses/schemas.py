"""Schemas of OpenAI's Responses request, with every field, used or ignored."""

from collections.abc import Callable
from typing import Any

from marshmallow import INCLUDE, ValidationError, fields, validate, validates_schema

from app.dialects.responses.item_schemas import Input
from app.dialects.responses.tool_schemas import TOOL, ToolChoiceSchema
from app.schemas.fields import (
    MODEL_NAME,
    Flag,
    Number,
    Object,
    TokenLimit,
    Whole,
    model_names,
    optional,
)
from app.schemas.json_form import FILLED, any_of, given, list_of, where
from app.schemas.loading import BaseSchema
from app.schemas.paging import QuerySchema
from app.schemas.typed import WordOrNested


def _refuse(message: str) -> Callable[[Any], None]:
    """Refuses a field that cannot be ignored, because that would change the answer's meaning."""

    def check(value: Any) -> None:
        if value is not False:
            raise ValidationError(message)

    return check


_NO_BACKGROUND = (
    "Responses in the background are not supported here. Leave it out and use stream instead."
)
_NO_CONVERSATION = (
    "Conversation objects are not supported here. Use previous_response_id, or send all items."
)
_ONLY_NOT = {"enum": [False, None]}
_NO_PROMPT = "Prompt templates are not kept by this gateway. Send instructions and input instead."


class ReasoningOptionsSchema(BaseSchema):
    """``generate_summary`` is the former name of ``summary``."""

    effort = optional(fields.String)
    summary = optional(fields.String)
    generate_summary = optional(fields.String)


class FormatSchema(BaseSchema):
    """The schema is beside the type, not one level below it as in Chat Completions."""

    also = any_of(where("type", "text", "json_object"), given("schema"))

    type = fields.String(
        required=True, validate=validate.OneOf(("text", "json_object", "json_schema"))
    )
    name = optional(fields.String)
    description = optional(fields.String)
    schema = optional(Object)
    strict = optional(Flag)

    @validates_schema
    def check_schema(self, output: dict[str, Any], **options: Any) -> None:
        if output["type"] == "json_schema" and output["schema"] is None:
            raise ValidationError("Missing data for required field.", "schema")


class TextOptionsSchema(BaseSchema):
    format = fields.Nested(FormatSchema, load_default=None, allow_none=True)
    verbosity = optional(fields.String)


class ResponsesSchema(BaseSchema):
    """Unknown fields are kept as the bot's parameters."""

    also = any_of(
        given("input", any_of(FILLED, list_of({}, least=1))), given("previous_response_id")
    )

    class Meta:
        unknown = INCLUDE

    model = fields.String(required=True, validate=MODEL_NAME)
    input = Input(load_default=list, allow_none=True)
    instructions = optional(fields.String)
    previous_response_id = optional(fields.String)
    store = optional(Flag)
    stream = optional(Flag)
    tools = fields.List(TOOL, load_default=list, allow_none=True)
    tool_choice = WordOrNested(("auto", "none", "required"), ToolChoiceSchema)
    parallel_tool_calls = optional(Flag)
    text = fields.Nested(TextOptionsSchema, load_default=None, allow_none=True)
    reasoning = fields.Nested(ReasoningOptionsSchema, load_default=None, allow_none=True)
    max_output_tokens = optional(TokenLimit)
    temperature = optional(Number, validate=validate.Range(0, 2))
    top_p = optional(Number, validate=validate.Range(0, 1))
    metadata = optional(fields.Dict, keys=fields.String(), values=fields.String())
    extra_body = optional(Object)
    models = model_names()

    # Refused: the answer would not be what the client asked for.
    background = optional(Flag, validate=_refuse(_NO_BACKGROUND), metadata=_ONLY_NOT)
    conversation = optional(fields.Raw, validate=_refuse(_NO_CONVERSATION), metadata=_ONLY_NOT)
    prompt = optional(fields.Raw, validate=_refuse(_NO_PROMPT), metadata=_ONLY_NOT)

    # Repeated in the answer, without a counterpart at Poe.
    frequency_penalty = optional(Number, validate=validate.Range(-2, 2))
    max_tool_calls = optional(Whole, validate=validate.Range(1))
    presence_penalty = optional(Number, validate=validate.Range(-2, 2))
    prompt_cache_key = optional(fields.String)
    safety_identifier = optional(fields.String)
    truncation = optional(fields.String, validate=validate.OneOf(("auto", "disabled")))
    user = optional(fields.String)

    # Known, and without a counterpart at Poe. client_metadata is Codex's own.
    access_programs = optional(Object)
    background_options = optional(Object)
    client_metadata = optional(Object)
    context_management = optional(fields.Raw)
    image = optional(Object)
    include = optional(fields.List, cls_or_instance=fields.String())
    moderation = optional(Object)
    prompt_cache_options = optional(Object)
    prompt_cache_retention = optional(fields.String)
    service_tier = optional(fields.String)
    stream_options = optional(Object)
    top_logprobs = optional(Whole, validate=validate.Range(0, 20))


class InputTokensSchema(ResponsesSchema):
    """A request whose tokens are counted. The model is optional, as at OpenAI."""

    model: Any = fields.String(load_default="", allow_none=True)


class RetrieveSchema(QuerySchema):
    """The query string for a stored response, which cannot be streamed."""

    stream = fields.String(
        validate=validate.Equal(
            "false", error="Only responses in the background can be streamed later."
        )
    )
