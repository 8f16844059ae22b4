"""Answers of OpenAI's Chat Completions."""

from marshmallow import fields

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


class FunctionSchema(AnswerSchema):
    name = fields.String()
    arguments = fields.String(metadata={"description": "JSON, as a text."})


class CustomSchema(AnswerSchema):
    name = fields.String()
    input = fields.String()


class FunctionCallSchema(AnswerSchema):
    id = fields.String()
    type = word("function")
    function = fields.Nested(FunctionSchema)


class CustomCallSchema(AnswerSchema):
    id = fields.String()
    type = word("custom")
    custom = fields.Nested(CustomSchema)


class MessageSchema(AnswerSchema):
    """``reasoning_content`` is the bot's reasoning."""

    role = word("assistant")
    content = fields.String(allow_none=True)
    refusal = null()
    reasoning_content = sometimes(fields.String())
    tool_calls = sometimes(listed(AnyOf(FunctionCallSchema, CustomCallSchema)))
    function_call = sometimes(fields.Nested(FunctionSchema))


class ChoiceSchema(AnswerSchema):
    index = count()
    message = fields.Nested(MessageSchema)
    logprobs = null()
    finish_reason = word("stop", "length", "tool_calls", "function_call")


class PromptDetailsSchema(AnswerSchema):
    cached_tokens = count()
    audio_tokens = count()


class CompletionDetailsSchema(AnswerSchema):
    reasoning_tokens = count()
    audio_tokens = count()
    accepted_prediction_tokens = count()
    rejected_prediction_tokens = count()


class UsageSchema(AnswerSchema):
    """Tokens, counted with o200k_base."""

    prompt_tokens = count()
    completion_tokens = count()
    total_tokens = count()
    prompt_tokens_details = fields.Nested(PromptDetailsSchema)
    completion_tokens_details = fields.Nested(CompletionDetailsSchema)
    cost_details = sometimes(fields.Nested(CostSchema))


class ChatCompletionSchema(AnswerSchema):
    id = fields.String()
    object = word("chat.completion")
    created = count()
    model = fields.String()
    choices = listed(ChoiceSchema)
    usage = fields.Nested(UsageSchema)
