"""The lists of records of the client that sends a request, given out a page at a time."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import gevent
from flask import request

from app.access.credentials import Lease
from app.core.paging import Page, place_of
from app.http.services import services
from app.state.records import Kind, Record, RecordList

READ_AT_ONCE = 100
"""Records; then other requests have their turn."""


def own_records(kind: Kind) -> RecordList:
    return records_of(kind, services().gatekeeper.lease(request))


def records_of(kind: Kind, lease: Lease) -> RecordList:
    return RecordList(services().store, kind, lease.owner)


def read_page(
    records: RecordList,
    limit: int,
    *,
    newest_first: bool = True,
    after: str | None = None,
    before: str | None = None,
    names: tuple[str, str] = ("after_id", "before_id"),
    wanted: Callable[[Record], bool] = bool,
) -> Page:
    """As ``cut_page``, of the records that are ``wanted``; no others than it needs are read."""
    ids = records.ids()
    if newest_first:
        ids.reverse()
    if before is not None:
        ids = ids[: place_of(before, ids, names[1])][::-1]
    elif after is not None:
        ids = ids[place_of(after, ids, names[0]) + 1 :]
    found = list(islice(filter(wanted, records.records(_by_turns(ids))), limit + 1))
    entries = found[:limit] if before is None else found[:limit][::-1]
    return Page(entries, has_more=len(found) > limit)


def read_ordered_page(
    records: RecordList, query: dict[str, Any], wanted: Callable[[Record], bool] = bool
) -> Page:
    """What OpenAI's clients ask for: ``query`` is as OrderedQuerySchema has loaded it."""
    newest_first = query["order"] == "desc"
    after, names = query["after"], ("after", "")
    return read_page(
        records, query["limit"], newest_first=newest_first, after=after, names=names, wanted=wanted
    )


def _by_turns(ids: Iterable[str]) -> Iterator[str]:
    for number, record_id in enumerate(ids, 1):
        yield record_id
        if number % READ_AT_ONCE == 0:
            gevent.sleep(0)
