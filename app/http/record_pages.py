"""The lists of records of the client that sends a request, given out a page at a time."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import gevent

from app.access.client import Client
from app.core.paging import Page, Place
from app.http.services import authenticate, services
from app.state.records import Kind, Record, RecordList

READ_AT_ONCE = 100
"""Records; then other requests have their turn."""


def own_records(kind: Kind) -> RecordList:
    return records_of(kind, authenticate())


def records_of(kind: Kind, client: Client) -> RecordList:
    return RecordList(services().store, kind, client.owner)


def read_page(
    records: RecordList,
    limit: int,
    place: Place,
    *,
    newest_first: bool = True,
    wanted: Callable[[Record], bool] = bool,
) -> Page:
    """A page of the records that are ``wanted``; no others than it needs are read.

    Raises InvalidRequest.
    """
    ids = records.ids()
    if newest_first:
        ids.reverse()
    found = records.records(_by_turns(place.beyond(ids, str)))
    return place.page(filter(wanted, found), limit)


def read_ordered_page(
    records: RecordList, query: dict[str, Any], wanted: Callable[[Record], bool] = bool
) -> Page:
    """What OpenAI's clients ask for: ``query`` is as OrderedQuerySchema has loaded it."""
    place, newest_first = Place(query["after"], names=("after", "")), query["order"] == "desc"
    return read_page(records, query["limit"], place, newest_first=newest_first, wanted=wanted)


def _by_turns(ids: Iterable[str]) -> Iterator[str]:
    for number, record_id in enumerate(ids, 1):
        yield record_id
        if number % READ_AT_ONCE == 0:
            gevent.sleep(0)
