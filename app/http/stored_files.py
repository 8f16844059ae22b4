"""The uploaded files of a client."""

from app.access.credentials import Lease
from app.core.conversation import Query
from app.core.file_ids import FileRecord, resolve_files
from app.http.record_pages import records_of
from app.state.records import Kind

FILES: Kind[FileRecord] = Kind("files", noun="file")


def with_files(query: Query, lease: Lease) -> Query:
    """The query with that client's file ids resolved. Raises InvalidRequest."""
    return resolve_files(query, records_of(FILES, lease).find)
