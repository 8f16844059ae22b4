"""Work that goes on after its request; a record in its client's list says how far it is.

A job renews the ``beat`` of its record while it is at work. Where the beat has stopped, the job's
worker is gone, and whoever reads the record takes it for failed: on any worker, on any machine.
Only the job itself writes its record, so nothing that a reader thought of it has to be undone.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import gevent

from app.errors import ApiError, BotTimeout, InternalError, RateLimited
from app.state.records import Record, RecordList

log = logging.getLogger("poegate")

Beat = Callable[[], None]
Work = Callable[[Beat], Record]
"""Gives what its record gains. Until then it calls ``beat`` every second or so, and lets what that
raises pass: nobody waits for the work any more, or it has taken too long."""

BEAT_SECONDS = 2.0
LOST_SECONDS = 30.0
"""Longer than a store is away that is started anew, and than clocks of several machines differ."""
MAX_SECONDS = 3600.0
"""No work takes longer."""

MAX_OF_ONE = 10
MOST = 50
"""Jobs at a time: of one client and of all, in one worker."""
MAX_HELD_BYTES = 100_000_000
"""Of the files that the jobs of one worker have in memory; a single job may have more."""
RETRY_AFTER = "10"

STOP_SECONDS = 5.0
TICK_SECONDS = 0.1
END_TRIES = 300

LOST = InternalError(
    "The worker that was at this stopped before it was done. Please ask again.", code="lost"
)
STOPPED = InternalError(
    "The gateway was stopped before this was done. Please ask again.", code="stopped"
)


class _Claim(NamedTuple):
    """What a job takes of its worker's room."""

    owner: str
    held: int


class Jobs:
    """Those of one worker."""

    def __init__(self) -> None:
        self._claims: dict[gevent.Greenlet[[], None], _Claim] = {}

    def start(
        self, owner: str, records: RecordList, record: Record, work: Work, *, held: int = 0
    ) -> Record:
        """The record as it is now listed. Raises RateLimited and InternalError.

        ``held``: bytes of files that the work has in memory until it is done.
        """
        self._check_room(owner, held)
        record = {**record, "status": "in_progress", "completed_at": None, "error": None}
        job = gevent.Greenlet(_Job(records, record["id"], work).run)
        self._claims[job] = _Claim(owner, held)  # before anything waits, for the check to hold
        job.rawlink(self._claims.pop)
        try:
            records.add({**record, "beat": time.time()})
        except BaseException:
            del self._claims[job]
            raise
        job.start()
        return record

    def stop(self, seconds: float = 0.0) -> None:
        """For a worker that stops: what is still at work after that time fails."""
        until = time.monotonic() + seconds
        while self._claims and time.monotonic() < until:
            gevent.sleep(TICK_SECONDS)
        jobs = list(self._claims)
        gevent.killall(jobs, block=False)
        gevent.joinall(jobs, timeout=STOP_SECONDS)

    def _check_room(self, owner: str, held: int) -> None:
        """Raises RateLimited."""
        claims = list(self._claims.values())
        all_held = sum(claim.held for claim in claims)
        if [claim.owner for claim in claims].count(owner) >= MAX_OF_ONE:
            raise _too_many(
                f"You have {MAX_OF_ONE} jobs at work already. Wait until one of them is done."
            )
        if len(claims) >= MOST:
            raise _too_many(
                "This gateway is at work on as many jobs as it can take. Try again soon."
            )
        if held and all_held and held + all_held > MAX_HELD_BYTES:
            raise _too_many(
                "This gateway is at work on jobs with as many megabytes of files as it can hold. "
                "Try again soon, or send a link to the file."
            )


def _too_many(message: str) -> RateLimited:
    return RateLimited(message, code="too_many_jobs", retry_after=RETRY_AFTER)


def with_lost_jobs_failed(record: Record) -> Record:
    """The record; as failed where its worker is gone."""
    at_work = record["status"] == "in_progress"
    if at_work and time.time() - record["beat"] > LOST_SECONDS:
        return record | _failure(LOST)
    return record


def _failure(error: ApiError) -> dict[str, Any]:
    told = {"code": error.code or error.type, "message": error.message}
    return {"status": "failed", "error": {**told, "type": error.type, "param": error.param}}


class _Abandoned(Exception):
    """The record was removed."""


class _Job:
    """One piece of work, in a greenlet of its own."""

    def __init__(self, records: RecordList, record_id: str, work: Work) -> None:
        self._records = records
        self._id = record_id
        self._work = work
        self._begun = self._beaten = time.monotonic()

    def run(self) -> None:
        try:
            outcome = self._outcome()
            try:
                self._end(outcome)
            except gevent.GreenletExit:  # the worker stops, and waits for this last try
                self._note(outcome)
        except _Abandoned:
            pass
        except InternalError:
            log.error("job %s is done, but its record could not be kept", self._id)

    def _outcome(self) -> Record:
        """Raises _Abandoned."""
        try:
            gained = self._work(self._beat)
            return {**gained, "status": "completed", "completed_at": int(time.time())}
        except ApiError as error:
            return _failure(error)
        except gevent.GreenletExit:
            return _failure(STOPPED)
        except _Abandoned:
            raise
        except Exception as error:  # noqa: BLE001 - nobody else is there to hear of it
            log.error("unexpected error in job %s", self._id, exc_info=error)
            return _failure(InternalError("The gateway failed at this. Its log says why."))

    def _beat(self) -> None:
        """Raises _Abandoned, and BotTimeout. While the store cannot be reached the work goes on."""
        now = time.monotonic()
        if now - self._begun > MAX_SECONDS:
            message = f"This was not done within {MAX_SECONDS / 60:g} minutes."
            raise BotTimeout(message, code="timeout")
        if now - self._beaten < BEAT_SECONDS:
            return
        self._beaten = now
        try:
            self._note({"beat": time.time()})
        except InternalError:
            log.warning("job %s could not renew its record", self._id)

    def _end(self, outcome: Record) -> None:
        """Tried for ten minutes: the work is worth more than a full disk. Raises InternalError."""
        for _ in range(END_TRIES):
            try:
                return self._note(outcome)
            except InternalError as error:
                if not error.retryable:
                    outcome = _failure(error)
                gevent.sleep(BEAT_SECONDS)
        return self._note(outcome)

    def _note(self, news: Record) -> None:
        """Raises _Abandoned where nobody waits for news, and InternalError."""
        if self._records.update(self._id, news) is None:
            raise _Abandoned
