"""What follows from a request that has ended: its limits are settled, the ledger counts it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from app.access.admission import Admission
from app.access.client import Client, Visit
from app.access.ledger import OTHER, Entry
from app.access.store import Facts, Sums
from app.core.events import Usage

NOBODY = "-"
"""The name of whoever is refused as unknown: any text may be sent as a credential."""


class Counts(Protocol):
    """The ledger, or nothing where it is off."""

    def add(self, entry: Entry) -> None: ...


class Accounting:
    """One for the worker."""

    def __init__(
        self, admission: Admission, ledger: Counts, knows_model: Callable[[str], bool]
    ) -> None:
        """``knows_model``: whether a name is one of the catalog's or the settings'."""
        self._admission = admission
        self._ledger = ledger
        self._knows_model = knows_model

    def settle(
        self,
        client: Client | None,
        *,
        started_at: float,
        dialect: str,
        status: int,
        error: str | None,
        first_token_ms: int | None,
        facts: Facts,
    ) -> None:
        """For a request whose last byte is out, or whose client has left. Raises nothing."""
        visit = client.visit if client else Visit()
        usage = visit.usage or Usage(0, 0)
        if client is not None:
            self._admission.settle(client, usage.total)
        asked = visit.bot or visit.attempts or visit.is_admitted
        if not asked and status != 401:
            return
        failed = error is not None or status >= 400
        unknown = client is None or (status == 401 and not client.has_token)
        sums = Sums(1, int(failed), usage.prompt, usage.completion, visit.points or 0.0)
        if first_token_ms is not None and not failed:
            sums.first_token_ms, sums.first_tokens = first_token_ms, 1
        self._ledger.add(
            Entry(
                started_at,
                NOBODY if client is None or unknown else client.name,
                visit.key,
                self._model(visit.bot, failed=failed),
                dialect,
                sums,
                facts,
            )
        )

    def settle_job(self, client: Client, *, started_at: float, dialect: str) -> None:
        """For a job that has ended; the request that began it was counted when it was answered."""
        visit = client.visit
        usage = visit.usage or Usage(0, 0)
        self._admission.settle(client, usage.total)
        sums = Sums(0, 0, usage.prompt, usage.completion, visit.points or 0.0)
        model = self._model(visit.bot, failed=False)
        self._ledger.add(Entry(started_at, client.name, visit.key, model, dialect, sums))

    def _model(self, bot: str | None, *, failed: bool) -> str:
        """Names that nobody knows are not kept: clients may invent them."""
        if not bot:
            return ""
        return OTHER if failed and not self._knows_model(bot) else bot


def for_job(client: Client) -> Client:
    """The client for a job that outlives its request, with the request's admission and lease."""
    return replace(client, visit=replace(client.visit, windows={}, usage=None, points=None))
