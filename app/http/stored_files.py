"""Files that the client of the request at hand has at Poe."""

from app.access.client import Client
from app.core.conversation import Query
from app.core.earlier_files import attach_earlier_files, has_earlier_files
from app.core.file_ids import FileRecord, resolve_files
from app.http.record_pages import records_of
from app.http.services import services
from app.state.records import Kind

FILES: Kind[FileRecord] = Kind("files", noun="file")


def with_files(query: Query, client: Client) -> Query:
    """The query with its file ids resolved for that client, and with the files of earlier turns.

    Raises InvalidRequest.
    """
    query = resolve_files(query, records_of(FILES, client).find)
    if has_earlier_files(query) and _may_edit_files(query.bot):
        query = attach_earlier_files(query)
    return query


def _may_edit_files(bot: str) -> bool:
    """Whether a bot of Poe's makes pictures or videos, or Poe's list does not know it."""
    if services().settings.url_of(bot) is not None:
        return False
    facts = services().catalog.facts(bot)
    return facts is None or facts.outputs is None or bool({"image", "video"} & facts.outputs)
