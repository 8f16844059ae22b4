"""Uploaded files as OpenAI and Anthropic describe them."""

from typing import Any

from app.core.dates import rfc3339
from app.core.file_ids import FileRecord
from app.core.paging import Page


def render_file(record: FileRecord) -> dict[str, Any]:
    """OpenAI's file object."""
    return {
        "id": record["id"],
        "object": "file",
        "bytes": record["bytes"],
        "created_at": record["created_at"],
        "expires_at": record["expires_at"],
        "filename": record["name"],
        "purpose": record["purpose"],
        "status": "processed",
        "status_details": None,
    }


def render_anthropic_file(record: FileRecord) -> dict[str, Any]:
    """Anthropic's file metadata."""
    return {
        "id": record["id"],
        "type": "file",
        "filename": record["name"],
        "mime_type": record["content_type"],
        "size_bytes": record["bytes"],
        "created_at": rfc3339(record["created_at"]),
        "expires_at": rfc3339(record["expires_at"]),
        "downloadable": True,
    }


def render_anthropic_files(page: Page[FileRecord]) -> dict[str, Any]:
    """Older SDKs page by ``last_id``, newer ones by ``next_page``."""
    rendered = page.render(render_anthropic_file)
    del rendered["object"]
    return {**rendered, "next_page": rendered["last_id"] if page.has_more else None}
