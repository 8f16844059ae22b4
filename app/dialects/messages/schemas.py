"""Schemas of Anthropic's Messages request, with every field, used or ignored."""

from typing import Any

from marshmallow import INCLUDE, ValidationError, fields, validate, validates_schema

from app.config import MAX_FALLBACKS
from app.dialects.messages.block_schemas import BLOCKS, TEXT_BLOCKS, Blocks
from app.dialects.messages.tool_schemas import TOOL
from app.schemas.fields import (
    MAX_STOP_CHARS,
    MAX_STOPS,
    MODEL_NAME,
    Each,
    Flag,
    Number,
    Object,
    TokenLimit,
    TopK,
    Whole,
    optional,
)
from app.schemas.json_form import any_of, given, where
from app.schemas.loading import BaseSchema
from app.schemas.typed import TypedObject

ROLES = ("user", "assistant", "system")


class ChoiceSchema(BaseSchema):
    disable_parallel_tool_use = Flag(load_default=False)


class NamedChoiceSchema(ChoiceSchema):
    name = fields.String(required=True, validate=validate.Length(min=1))


class ThinkingSchema(BaseSchema):
    """``type`` is not restricted, because clients use new ones early."""

    type = fields.String(required=True)
    budget_tokens = optional(Whole, validate=validate.Range(1))
    display = optional(fields.String)


class FormatSchema(BaseSchema):
    type = fields.String(required=True, validate=validate.OneOf(("json_schema",)))
    schema = Object(required=True)


class OutputConfigSchema(BaseSchema):
    effort = optional(fields.String)
    format = fields.Nested(FormatSchema, load_default=None, allow_none=True)


class MessageSchema(BaseSchema):
    """One turn. Claude Code sends ``system`` turns, with their own effort, at any place."""

    also = any_of(given("content"), where("role", "system"))

    role = fields.String(required=True, validate=validate.OneOf(ROLES))
    content = Blocks(BLOCKS, load_default=None)
    output_config = fields.Nested(OutputConfigSchema, load_default=None, allow_none=True)

    @validates_schema
    def check_content(self, message: dict[str, Any], **options: Any) -> None:
        """A system turn may have only an output_config."""
        if message["content"] is None and message["role"] != "system":
            raise ValidationError("Missing data for required field.", "content")


class FallbackSchema(BaseSchema):
    """A model that may answer in place of the one that is asked."""

    model = fields.String(required=True, validate=MODEL_NAME)


class CountTokensSchema(BaseSchema):
    """A request whose tokens are counted: as MessagesSchema, with an optional ``max_tokens``.

    Unknown fields are kept as the bot's parameters: the SDKs put the fields of ``extra_body``
    beside the others.
    """

    class Meta:
        unknown = INCLUDE

    model = fields.String(required=True, validate=MODEL_NAME)
    messages = Each(fields.Nested(MessageSchema), required=True, validate=validate.Length(min=1))
    system = Blocks(TEXT_BLOCKS, load_default=None, allow_none=True)
    max_tokens: Any = optional(TokenLimit)
    stream = optional(Flag)
    temperature = optional(Number, validate=validate.Range(0, 1))
    top_p = optional(Number, validate=validate.Range(0, 1))
    top_k = optional(TopK)
    stop_sequences = optional(
        Each,
        cls_or_instance=fields.String(validate=validate.Length(min=1, max=MAX_STOP_CHARS)),
        validate=validate.Length(max=MAX_STOPS),
    )
    thinking = fields.Nested(ThinkingSchema, load_default=None, allow_none=True)
    output_config = fields.Nested(OutputConfigSchema, load_default=None, allow_none=True)
    output_format = fields.Nested(FormatSchema, load_default=None, allow_none=True)
    tools = optional(fields.List, cls_or_instance=TOOL)
    tool_choice = TypedObject(
        {
            "auto": ChoiceSchema(),
            "any": ChoiceSchema(),
            "none": ChoiceSchema(),
            "tool": NamedChoiceSchema(),
        },
        "tool choice",
        load_default=None,
        allow_none=True,
    )
    extra_body = optional(Object)

    # Known, and without a counterpart at Poe. Not checked: their shapes change with each beta.
    anthropic_beta = optional(fields.Raw)
    anthropic_version = optional(fields.Raw)
    betas = optional(fields.Raw)
    billing_policy = optional(fields.Raw)
    cache_control = optional(fields.Raw)
    compaction = optional(fields.Raw)
    container = optional(fields.Raw)
    context_management = optional(fields.Raw)
    diagnostics = optional(fields.Raw)
    fallback_credit_token = optional(fields.Raw)
    fallbacks = optional(
        fields.List,
        cls_or_instance=fields.Nested(FallbackSchema),
        validate=validate.Length(max=MAX_FALLBACKS),
    )
    inference_geo = optional(fields.Raw)
    mcp_servers = optional(fields.Raw)
    metadata = optional(fields.Raw)
    service_tier = optional(fields.Raw)
    speed = optional(fields.Raw)
    thread = optional(fields.Raw, metadata={"enum": [None]})
    user_profile_id = optional(fields.Raw)
    workspace_id = optional(fields.Raw)


class MessagesSchema(CountTokensSchema):
    max_tokens = TokenLimit(required=True)
