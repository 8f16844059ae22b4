"""What OpenAI's Chat Completions and Responses have in common, read into conversation values.

The dictionaries are those that the schemas have loaded; Responses keeps them without their nulls.
"""

from collections.abc import Mapping
from typing import Any

from app.core.conversation import Media, OutputFormat
from app.core.media import media_from_base64, media_from_url, named_file
from app.errors import InvalidRequest


def read_file(file: Mapping[str, Any], param: str) -> Media:
    """``{"file_id" | "file_data" | "file_url", "filename"}``. Raises InvalidRequest."""
    if file.get("file_id"):
        return named_file(file["file_id"], f"{param}.file_id")
    data, url, name = file.get("file_data"), file.get("file_url"), file.get("filename")
    if data and data[:5].lower() == "data:":
        return media_from_url(data, "file", f"{param}.file_data", name)
    if data:
        return media_from_base64(data, None, name or "file", f"{param}.file_data")
    if url:
        return media_from_url(url, "file", f"{param}.file_url", name)
    raise InvalidRequest(f"{param}: Needs file_id, file_data or file_url.", param=param)


def read_audio(audio: Mapping[str, Any], param: str) -> Media:
    """``{"data", "format"}``, the data in base64. Raises InvalidRequest."""
    return media_from_base64(audio["data"], None, f"audio.{audio['format']}", param)


def read_grammar(form: Mapping[str, Any] | None) -> str | None:
    """The format of a custom tool, in words; None for free text.

    ``{"type": "grammar", "syntax", "definition"}``; in Chat Completions the last two stand under
    ``grammar``.
    """
    grammar = (form or {}).get("grammar", form)
    if not isinstance(grammar, Mapping) or not grammar.get("definition"):
        return None
    return f"{grammar.get('syntax', '')} grammar:\n{grammar['definition']}".strip()


def read_format(
    form: Mapping[str, Any] | None, param: str, nested: str | None = None
) -> OutputFormat | None:
    """``response_format`` or ``text.format``, which stands at ``param``.

    ``nested``: the key under which a ``json_schema`` has its ``schema`` and ``strict``. A
    ``json_object`` with a ``schema`` beside its type is llama.cpp's, and never strict.
    """
    if form is None or form["type"] == "text":
        return None
    if form["type"] == "json_object":
        return OutputFormat(form.get("schema"), param=f"{param}.schema")
    spec = form[nested] if nested else form
    param = f"{param}.{nested}.schema" if nested else f"{param}.schema"
    return OutputFormat(spec["schema"] or {}, strict=bool(spec["strict"]), param=param)
