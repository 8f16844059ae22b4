"""Jobs: work that continues after its request, with its state in a record of the client.

A running job renews the ``beat`` of its record. If the beat stops, the job's worker is gone, and
every reader, on any worker and machine, treats the record as failed. Only the job itself writes its
record, so readers never change it.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict, TypeVar, cast

import gevent

from app.errors import ApiError, BotTimeout, InternalError, RateLimited
from app.state.records import RecordList
from app.state.store import NOT_KEPT

log = logging.getLogger("poegate")


class JobError(TypedDict):
    """Why a job failed, as an ApiError has it."""

    code: str
    message: str
    type: str
    param: str | None


class JobRecord(TypedDict):
    """What a job keeps in its record; times are in seconds since the epoch.

    ``beat``: when the job last showed that it is alive.
    """

    id: str
    expires_at: int
    status: Literal["in_progress", "completed", "failed"]
    completed_at: int | None
    error: JobError | None
    beat: NotRequired[float]


_Record = TypeVar("_Record", bound=JobRecord)

News = Mapping[str, Any]
"""Fields that a record gains."""

Beat = Callable[[], None]
Work = Callable[[Beat], News]
"""Returns the fields that its record gains. It calls ``beat`` about every second and does not catch
its exceptions: the record was removed, or the work took too long."""

BEAT_SECONDS = 2.0
LOST_SECONDS = 30.0
"""Longer than a restart of the store plus the clock skew between machines."""
MAX_SECONDS = 3600.0
"""The time limit of a job."""

MAX_OF_ONE = 10
MOST = 50
"""Parallel jobs of one client, and of all clients, in one worker."""
MAX_HELD_BYTES = 100_000_000
"""Bytes of requests that the jobs of one worker hold in memory; a single job may hold more."""
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
    """What a job uses of its worker's limits."""

    owner: str
    held: int


class Jobs:
    """The jobs of one worker."""

    def __init__(self) -> None:
        self._claims: dict[gevent.Greenlet[[], None], _Claim] = {}

    def start(
        self,
        owner: str,
        records: RecordList[_Record],
        record: Mapping[str, Any],
        work: Work,
        *,
        held: int = 0,
    ) -> _Record:
        """Starts the job and returns its record. Raises RateLimited and one of NOT_KEPT.

        ``held``: bytes of its request, files among them, that the job holds until it ends.
        """
        self._check_room(owner, held)
        state = {"status": "in_progress", "completed_at": None, "error": None}
        job = gevent.Greenlet(_Job(records, record["id"], work).run)
        # Before anything waits, so that the check stays valid.
        self._claims[job] = _Claim(owner, held)
        job.rawlink(self._claims.pop)
        try:
            records.add(cast(_Record, {**record, **state, "beat": time.time()}))
        except BaseException:
            del self._claims[job]
            raise
        job.start()
        return cast(_Record, {**record, **state})

    def stop(self, seconds: float = 0.0) -> None:
        """Waits that long for running jobs, then ends the others as failed."""
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


def with_lost_jobs_failed(record: _Record) -> _Record:
    """The record, marked as failed if its worker is gone."""
    at_work = record["status"] == "in_progress"
    if at_work and time.time() - record["beat"] > LOST_SECONDS:
        return cast(_Record, {**record, **_failure(LOST)})
    return record


def _failure(error: ApiError) -> News:
    code = error.code or error.type
    failed = JobError(code=code, message=error.message, type=error.type, param=error.param)
    return {"status": "failed", "error": failed}


class _Abandoned(Exception):
    """The record was removed."""


class _Job:
    """One piece of work, in a greenlet of its own."""

    def __init__(self, records: RecordList[Any], record_id: str, work: Work) -> None:
        self._records = records
        self._id = record_id
        self._work = work
        self._begun = self._beaten = time.monotonic()

    def run(self) -> None:
        try:
            outcome = self._outcome()
            failure = outcome.get("error") or {}
            took = time.monotonic() - self._begun
            words = f"{outcome['status']} {failure.get('code', '')}".rstrip()
            log.info("job %s: %s after %.0f s", self._id, words, took)
            try:
                self._end(outcome)
            except gevent.GreenletExit:  # the worker stops, and waits for this last attempt
                self._note(outcome)
        except _Abandoned:
            pass
        except NOT_KEPT:
            log.error("job %s is done, but its record could not be kept", self._id)

    def _outcome(self) -> News:
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
        """Raises _Abandoned and BotTimeout. The work continues while the store cannot be
        reached."""
        now = time.monotonic()
        if now - self._begun > MAX_SECONDS:
            message = f"This was not done within {MAX_SECONDS / 60:g} minutes."
            raise BotTimeout(message, code="timeout")
        if now - self._beaten < BEAT_SECONDS:
            return
        self._beaten = now
        try:
            self._note({"beat": time.time()})
        except NOT_KEPT:
            log.warning("job %s could not renew its record", self._id)

    def _end(self, outcome: News) -> None:
        """Tries for ten minutes, for example while the disk is full. Raises one of NOT_KEPT."""
        for _ in range(END_TRIES):
            try:
                return self._note(outcome)
            except NOT_KEPT as error:
                if not error.retryable:
                    outcome = _failure(error)
                gevent.sleep(BEAT_SECONDS)
        return self._note(outcome)

    def _note(self, news: News) -> None:
        """Raises _Abandoned if the record was removed, and one of NOT_KEPT."""
        if self._records.update(self._id, news) is None:
            raise _Abandoned
