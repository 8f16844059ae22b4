"""Pages of the records of the client that sends a request."""

from collections.abc import Callable
from typing import Any

from app.access.client import Client
from app.core.paging import Page, Place
from app.core.turns import in_turns
from app.http.services import authenticate, services
from app.state.records import Kind, Record, RecordList


def own_records(kind: Kind[Record]) -> RecordList[Record]:
    return records_of(kind, authenticate())


def records_of(kind: Kind[Record], client: Client) -> RecordList[Record]:
    return RecordList(services().store, kind, client.owner)


def read_page(
    records: RecordList[Record],
    limit: int,
    place: Place,
    *,
    newest_first: bool = True,
    wanted: Callable[[Record], bool] = bool,
) -> Page[Record]:
    """A page of the records that are ``wanted``. Only as many records as needed are read.

    Raises InvalidRequest.
    """
    ids = records.ids()
    if newest_first:
        ids.reverse()
    found = records.records(in_turns(place.beyond(ids, str)))
    return place.page((record for record in found if wanted(record)), limit)


def read_ordered_page(
    records: RecordList[Record], query: dict[str, Any], wanted: Callable[[Record], bool] = bool
) -> Page[Record]:
    """A page for OpenAI's clients. ``query`` was loaded by OrderedQuerySchema."""
    place, newest_first = Place(query["after"], names=("after", "")), query["order"] == "desc"
    return read_page(records, query["limit"], place, newest_first=newest_first, wanted=wanted)
