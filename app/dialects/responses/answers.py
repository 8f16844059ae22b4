"""Answers of OpenAI's Responses."""

from marshmallow import INCLUDE, fields

from app.schemas.answers import (
    AnswerSchema,
    AnyOf,
    CostSchema,
    count,
    listed,
    null,
    sometimes,
    word,
)
from app.schemas.fields import Flag, Number, Object

_STATUS = ("completed", "incomplete", "in_progress")


class OutputTextSchema(AnswerSchema):
    type = word("output_text")
    text = fields.String()
    annotations = listed(Object())
    logprobs = listed(Object())


class MessageSchema(AnswerSchema):
    type = word("message")
    id = fields.String()
    status = word(*_STATUS)
    role = word("assistant")
    content = listed(OutputTextSchema)


class SummaryTextSchema(AnswerSchema):
    type = word("summary_text")
    text = fields.String()


class ReasoningTextSchema(AnswerSchema):
    type = word("reasoning_text")
    text = fields.String()


class ReasoningSchema(AnswerSchema):
    """The bot's reasoning: in ``content``, or in ``summary`` if the client asked for one."""

    type = word("reasoning")
    id = fields.String()
    status = word(*_STATUS)
    summary = listed(SummaryTextSchema)
    content = sometimes(listed(ReasoningTextSchema))


class CallSchema(AnswerSchema):
    """``namespace`` is set for a tool in a namespace."""

    id = fields.String()
    status = word(*_STATUS)
    call_id = fields.String()
    name = fields.String()
    namespace = sometimes(fields.String())


class FunctionCallSchema(CallSchema):
    type = word("function_call")
    arguments = fields.String(metadata={"description": "JSON, as a text."})


class CustomCallSchema(CallSchema):
    type = word("custom_tool_call")
    input = fields.String()


class IncompleteSchema(AnswerSchema):
    reason = word("max_output_tokens")


class ReasoningOptionsSchema(AnswerSchema):
    effort = fields.String(allow_none=True)
    summary = fields.String(allow_none=True)


class InputDetailsSchema(AnswerSchema):
    cached_tokens = count()
    cache_write_tokens = count()


class OutputDetailsSchema(AnswerSchema):
    reasoning_tokens = count()


class UsageSchema(AnswerSchema):
    """Tokens, counted with o200k_base."""

    input_tokens = count()
    input_tokens_details = fields.Nested(InputDetailsSchema)
    output_tokens = count()
    output_tokens_details = fields.Nested(OutputDetailsSchema)
    total_tokens = count()
    cost_details = sometimes(fields.Nested(CostSchema))


class ResponseSchema(AnswerSchema):
    """A response that has ended, with the fields of its request that it repeats."""

    id = fields.String()
    object = word("response")
    created_at = count()
    status = word("completed", "incomplete")
    completed_at = count(allow_none=True)
    error = null()
    incomplete_details = fields.Nested(IncompleteSchema, allow_none=True)
    output = listed(AnyOf(MessageSchema, ReasoningSchema, FunctionCallSchema, CustomCallSchema))
    usage = fields.Nested(UsageSchema)

    background = Flag()
    frequency_penalty = Number()
    instructions = fields.String(allow_none=True)
    max_output_tokens = count(allow_none=True)
    max_tool_calls = count(allow_none=True)
    metadata = fields.Dict(values=fields.String())
    model = fields.String()
    parallel_tool_calls = Flag()
    presence_penalty = Number()
    previous_response_id = fields.String(allow_none=True)
    prompt_cache_key = fields.String(allow_none=True)
    reasoning = fields.Nested(ReasoningOptionsSchema)
    safety_identifier = fields.String(allow_none=True)
    service_tier = word("default")
    store = Flag()
    temperature = Number()
    text = Object()
    tool_choice = AnyOf(word("auto", "none", "required"), Object())
    tools = listed(Object())
    top_logprobs = count()
    top_p = Number()
    truncation = word("auto", "disabled")
    user = fields.String(allow_none=True)


class InputTokensAnswerSchema(AnswerSchema):
    object = word("response.input_tokens")
    input_tokens = count()


class DeletedSchema(AnswerSchema):
    id = fields.String()
    object = word("response")
    deleted = Flag()


class InputItemSchema(AnswerSchema):
    """An item as the client sent it, with an id and a status."""

    class Meta:
        unknown = INCLUDE

    id = fields.String()
    type = fields.String()
    status = fields.String()


class InputItemsSchema(AnswerSchema):
    object = word("list")
    data = listed(InputItemSchema)
    has_more = Flag()
    first_id = fields.String()
    last_id = fields.String()
