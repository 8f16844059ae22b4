"""The files that Poe keeps for the client of the request at hand."""

from app.access.client import Client
from app.core.conversation import Query
from app.core.file_ids import resolve_files
from app.http.record_pages import records_of
from app.state.records import Kind

FILES = Kind("files", noun="file")


def with_files(query: Query, client: Client) -> Query:
    """The query with its file ids resolved for that client. Raises InvalidRequest."""
    return resolve_files(query, records_of(FILES, client).find)
