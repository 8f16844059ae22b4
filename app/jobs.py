"""Work that goes on after its request: a record on its client's shelf tells how it stands.

A job renews the ``beat`` of its record while it is at work. Where the beat has stopped, the job's
worker is gone, and whoever reads the record finds it failed: on any worker, on any machine.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

import gevent

from app.errors import ApiError, InternalError, RateLimited
from app.shelf import Record, Shelf

log = logging.getLogger("poegate")

Beat = Callable[[], None]
Work = Callable[[Beat], Record]
"""Gives what its record gains. Until then it calls ``beat`` every second or so, and lets what that
raises pass: nobody waits for the work any more."""

BEAT_SECONDS = 2.0
LOST_SECONDS = 10.0
"""Clocks of several machines may differ by less than this."""

MOST_OF_ONE = 10
MOST = 50
"""Jobs at a time: of one client and of all, in one worker."""
RETRY_AFTER = "10"

STOP_SECONDS = 5.0
END_TRIES = 30

LOST = InternalError(
    "The worker that was at this stopped before it was done. Please ask again.", code="lost"
)
STOPPED = InternalError(
    "The gateway was stopped before this was done. Please ask again.", code="stopped"
)


class Jobs:
    """Those of one worker."""

    def __init__(self) -> None:
        self._owners: dict[gevent.Greenlet[[], None], str] = {}

    def start(self, owner: str, shelf: Shelf, record: Record, work: Work) -> Record:
        """The record as it now stands on the shelf. Raises RateLimited and InternalError."""
        self._check_room(owner)
        record = {**record, "status": "in_progress", "completed_at": None, "error": None}
        job = gevent.Greenlet(_Job(shelf, record["id"], work).run)
        self._owners[job] = owner  # before anything waits, for the check to hold
        job.rawlink(self._owners.pop)
        try:
            shelf.add({**record, "beat": time.time()})
        except BaseException:
            del self._owners[job]
            raise
        job.start()
        return record

    def stop(self) -> None:
        """For a worker that stops: what is still at work fails at once."""
        gevent.killall(list(self._owners), timeout=STOP_SECONDS)

    def _check_room(self, owner: str) -> None:
        if list(self._owners.values()).count(owner) >= MOST_OF_ONE:
            raise RateLimited(
                f"You have {MOST_OF_ONE} jobs at work already. Wait until one of them is done.",
                code="too_many_jobs",
                retry_after=RETRY_AFTER,
            )
        if len(self._owners) >= MOST:
            raise RateLimited(
                "This gateway is at work on as many jobs as it can take. Try again soon.",
                code="too_many_jobs",
                retry_after=RETRY_AFTER,
            )


def as_it_stands(shelf: Shelf, record: Record) -> Record:
    """The record, kept as failed where its worker is gone. Raises InternalError."""
    if not _is_lost(record):
        return record
    fail = _failure(LOST)
    told = shelf.change(record["id"], lambda now: now | fail if _is_lost(now) else now)
    return told or record | fail


def _is_lost(record: Record) -> bool:
    return _is_at_work(record) and time.time() - record["beat"] > LOST_SECONDS


def _is_at_work(record: Record) -> bool:
    return bool(record["status"] == "in_progress")


def _failure(error: ApiError) -> dict[str, Any]:
    told = {"code": error.code or error.type, "message": error.message}
    return {"status": "failed", "error": {**told, "type": error.type, "param": error.param}}


class _Abandoned(Exception):
    """The record was removed, or is told to be lost."""


class _Job:
    """One piece of work, in a greenlet of its own."""

    def __init__(self, shelf: Shelf, record_id: str, work: Work) -> None:
        self._shelf = shelf
        self._id = record_id
        self._work = work
        self._beaten = time.monotonic()

    def run(self) -> None:
        try:
            gained = self._work(self._beat)
            self._end({**gained, "status": "completed", "completed_at": int(time.time())})
        except _Abandoned:
            pass
        except ApiError as error:
            self._end(_failure(error))
        except gevent.GreenletExit:
            self._end(_failure(STOPPED))
        except Exception as error:  # noqa: BLE001 - nobody else is there to hear of it
            log.error("unexpected error in job %s", self._id, exc_info=error)
            self._end(_failure(InternalError("The gateway failed at this. Its log says why.")))

    def _beat(self) -> None:
        """Raises _Abandoned. While the store cannot be reached the work goes on."""
        if time.monotonic() - self._beaten < BEAT_SECONDS:
            return
        self._beaten = time.monotonic()
        try:
            self._note({"beat": time.time()})
        except InternalError:
            log.warning("job %s could not renew its record", self._id)

    def _end(self, outcome: Record) -> None:
        """Tried for a minute: the work is worth more than a short failure of the store."""
        for _ in range(END_TRIES):
            try:
                return self._note(outcome)
            except _Abandoned:
                return None
            except InternalError:
                gevent.sleep(BEAT_SECONDS)
        log.error("job %s is done, but its record could not be kept", self._id)

    def _note(self, news: Record) -> None:
        """Raises _Abandoned where nobody waits for news, and InternalError."""
        record = self._shelf.change(self._id, lambda now: now | news if _is_at_work(now) else now)
        if record is None or record != record | news:
            raise _Abandoned
