"""Jobs over a real store: how their records end, whatever happens to the work."""

import fcntl
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.event import Event

from app.config import Settings
from app.errors import InsufficientCredits, NotFound, RateLimited, Unavailable
from app.relay import jobs as module
from app.relay.jobs import (
    LOST_SECONDS,
    MAX_HELD_BYTES,
    MAX_OF_ONE,
    MOST,
    Beat,
    Jobs,
    Work,
    with_lost_jobs_failed,
)
from app.state import files
from app.state import store as stores
from app.state.records import Kind, RecordList, expiry
from app.state.store import Store

KIND: Kind[Any] = Kind("jobs", noun="job", apart="bulk")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.02)


@pytest.fixture
def records(tmp_path: Path) -> RecordList[Any]:
    return RecordList(Store(Settings(state_dir=str(tmp_path))), KIND, "ann")


def start(
    jobs: Jobs,
    records: RecordList[Any],
    work: Work,
    name: str = "job_1",
    owner: str = "ann",
    held: int = 0,
) -> Any:
    return jobs.start(owner, records, {"id": name, "expires_at": expiry()}, work, held=held)


def ended(records: RecordList[Any], name: str = "job_1") -> Any:
    with gevent.Timeout(5):
        while (record := records.get(name))["status"] == "in_progress":
            gevent.sleep(0.01)
    return record


def endless(beat: Beat) -> dict[str, Any]:
    while True:
        gevent.sleep(0.01)
        beat()


def test_it_works(records: RecordList[Any]) -> None:
    def work(beat: Beat) -> dict[str, Any]:
        for _ in range(5):
            gevent.sleep(0.02)
            beat()
        return {"made": "something"}

    record = start(Jobs(), records, work)
    assert record["status"] == "in_progress" and record["error"] is None
    first = records.get("job_1")["beat"]
    gevent.sleep(0.07)
    assert records.get("job_1")["beat"] > first
    record = ended(records)
    assert (record["status"], record["made"], record["error"]) == ("completed", "something", None)
    assert abs(record["completed_at"] - time.time()) < 5


def test_our_errors_are_told_as_they_are(records: RecordList[Any]) -> None:
    def work(beat: Beat) -> dict[str, Any]:
        raise InsufficientCredits("No points.", param="model")

    start(Jobs(), records, work)
    kind = "insufficient_credits"
    told = {"code": kind, "message": "No points.", "type": kind, "param": "model"}
    record = ended(records)
    assert (record["status"], record["error"], record["completed_at"]) == ("failed", told, None)


def test_unexpected_errors_are_logged(
    records: RecordList[Any], caplog: pytest.LogCaptureFixture
) -> None:
    def work(beat: Beat) -> dict[str, Any]:
        raise ZeroDivisionError("deep inside")

    start(Jobs(), records, work)
    error = ended(records)["error"]
    assert error["code"] == "api_error" and "deep inside" not in error["message"]
    assert "deep inside" in caplog.text and "job_1" in caplog.text


def test_work_that_nobody_waits_for_ends(records: RecordList[Any]) -> None:
    left: list[bool] = []

    def work(beat: Beat) -> dict[str, Any]:
        try:
            return endless(beat)
        finally:
            left.append(True)

    start(Jobs(), records, work)
    gevent.sleep(0.05)
    records.remove("job_1")
    gevent.sleep(0.1)
    assert left == [True]
    with pytest.raises(NotFound):
        records.get("job_1")


def test_work_that_takes_too_long_ends(
    records: RecordList[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_SECONDS", 0.1)
    start(Jobs(), records, endless)
    gevent.sleep(0.05)
    assert records.get("job_1")["status"] == "in_progress"
    record = ended(records)
    assert (record["status"], record["error"]["code"]) == ("failed", "timeout")
    assert "minutes" in record["error"]["message"]


def test_a_worker_that_stops(records: RecordList[Any]) -> None:
    jobs = Jobs()
    for name in ("job_1", "job_2"):
        start(jobs, records, endless, name)
    gevent.sleep(0.05)
    jobs.stop()
    for name in ("job_1", "job_2"):
        record = records.get(name)
        assert record["status"] == "failed" and record["error"]["code"] == "stopped"
    jobs.stop()


@pytest.mark.parametrize("seconds", [0.3, 5.0])
def test_a_worker_that_stops_gives_its_jobs_some_time(
    records: RecordList[Any], seconds: float
) -> None:
    jobs, begun = Jobs(), time.monotonic()

    def work(beat: Beat) -> dict[str, Any]:
        gevent.sleep(0.1)
        return {"made": "something"}

    start(jobs, records, work, "job_1")
    if seconds < 1:
        start(jobs, records, endless, "job_2")
    jobs.stop(seconds)
    assert time.monotonic() - begun < 4
    assert records.get("job_1")["made"] == "something"
    if seconds < 1:
        assert records.get("job_2")["error"]["code"] == "stopped"


def age(records: RecordList[Any], seconds: float) -> None:
    assert records.update("job_1", {"beat": time.time() - seconds})


def test_a_worker_that_is_gone(records: RecordList[Any]) -> None:
    records.add({"id": "job_1", "expires_at": expiry(), "status": "in_progress", "error": None})
    age(records, LOST_SECONDS - 2)
    assert with_lost_jobs_failed(records.get("job_1")) == records.get("job_1")
    age(records, LOST_SECONDS + 1)
    told = with_lost_jobs_failed(records.get("job_1"))
    assert told["status"] == "failed" and told["error"]["code"] == "lost"
    for status in ("completed", "failed"):
        records.update("job_1", {"status": status})
        assert with_lost_jobs_failed(records.get("job_1")) == records.get("job_1")


def test_a_job_that_was_only_thought_lost(records: RecordList[Any]) -> None:
    """Its store was away, say, and somebody asked before it could renew its beat."""
    finish = Event()

    def work(beat: Beat) -> dict[str, Any]:
        while not finish.is_set():
            gevent.sleep(0.01)
            beat()
        return {"made": "something"}

    start(Jobs(), records, work)
    age(records, LOST_SECONDS + 1)
    assert with_lost_jobs_failed(records.get("job_1"))["error"]["code"] == "lost"
    gevent.sleep(0.1)
    assert with_lost_jobs_failed(records.get("job_1"))["status"] == "in_progress"
    age(records, LOST_SECONDS + 1)
    finish.set()
    gevent.sleep(0.05)
    record = with_lost_jobs_failed(records.get("job_1"))
    assert (record["status"], record["made"], record["error"]) == ("completed", "something", None)


def hold_lock(state_dir: Path) -> Callable[[], None]:
    """As another process would that hangs."""
    file = (state_dir / "lock").open("ab")
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file.close


@pytest.mark.parametrize("ends", [False, True])
def test_a_store_that_fails_for_a_while(
    records: RecordList[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    ends: bool,
) -> None:
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.02)
    finish = Event()

    def work(beat: Beat) -> dict[str, Any]:
        while not finish.is_set():
            gevent.sleep(0.01)
            beat()
        return {"made": "something"}

    start(Jobs(), records, work)
    gevent.sleep(0.05)
    let_go = hold_lock(tmp_path)
    if ends:
        finish.set()
    gevent.sleep(0.2)
    assert records.get("job_1")["status"] == "in_progress"
    let_go()
    finish.set()
    assert ended(records)["made"] == "something"
    assert "could not renew" in caplog.text or ends


def test_a_store_that_fails_for_good(
    records: RecordList[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.01)
    monkeypatch.setattr(module, "END_TRIES", 3)
    caplog.set_level(logging.ERROR)
    start(Jobs(), records, lambda beat: {"made": "something"})
    let_go = hold_lock(tmp_path)
    gevent.sleep(0.3)
    let_go()
    assert "its record could not be kept" in caplog.text
    assert records.get("job_1")["status"] == "in_progress"  # until its beat is too old


def fill_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)


@pytest.mark.parametrize("bulk", ["small", "x" * 300_000])
def test_a_disk_that_is_full_at_its_end(
    records: RecordList[Any], monkeypatch: pytest.MonkeyPatch, bulk: str
) -> None:
    finish = Event()

    def work(beat: Beat) -> dict[str, Any]:
        finish.wait()
        return {"made": "something", "bulk": bulk}

    start(Jobs(), records, work)
    with monkeypatch.context() as full:
        fill_disk(full)
        finish.set()
        gevent.sleep(0.2)
        assert records.get("job_1")["status"] == "in_progress"
    record = ended(records)
    assert record["status"] == "completed" and "bulk" not in record
    assert records.whole(record)["bulk"] == bulk


def test_a_worker_that_stops_while_an_end_cannot_be_kept(
    records: RecordList[Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There is a last try."""
    jobs = Jobs()
    monkeypatch.setattr(module, "BEAT_SECONDS", 60)
    start(jobs, records, lambda beat: {"made": "something"}, "job_1")
    with monkeypatch.context() as full:
        fill_disk(full)
        gevent.sleep(0.05)
    jobs.stop()
    assert records.get("job_1")["made"] == "something"
    start(jobs, records, lambda beat: {"made": "something"}, "job_2")
    with monkeypatch.context() as full:
        fill_disk(full)
        gevent.sleep(0.05)
        jobs.stop()
    assert records.get("job_2")["status"] == "in_progress"
    assert "job job_2 is done, but its record could not be kept" in caplog.text


def test_what_is_too_large_to_be_kept_fails(
    records: RecordList[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "MAX_VALUE_BYTES", 1_000)
    start(Jobs(), records, lambda beat: {"bulk": "x" * 1_000})
    record = ended(records)
    assert record["status"] == "failed" and "too much" in record["error"]["message"]


def test_room(records: RecordList[Any]) -> None:
    jobs = Jobs()
    for number in range(MAX_OF_ONE):
        start(jobs, records, endless, f"job_{number}")
    with pytest.raises(RateLimited) as caught:
        start(jobs, records, endless, "job_too_many")
    assert caught.value.retry_after and str(MAX_OF_ONE) in caught.value.message
    for number in range(MAX_OF_ONE, MOST):
        start(jobs, records, endless, f"job_{number}", owner=f"owner-{number}")
    with pytest.raises(RateLimited):
        start(jobs, records, endless, "job_too_many", owner="bob")
    with pytest.raises(NotFound):
        records.get("job_too_many")
    records.remove("job_0")
    gevent.sleep(0.2)
    assert start(jobs, records, endless, "job_again")["status"] == "in_progress"
    jobs.stop()
    assert start(jobs, records, lambda beat: {}, "job_last")["id"] == "job_last"


def test_room_for_files_in_memory(records: RecordList[Any]) -> None:
    jobs = Jobs()
    start(jobs, records, endless, "job_1", held=MAX_HELD_BYTES + 1)  # nobody else holds any
    start(jobs, records, endless, "job_2")
    with pytest.raises(RateLimited, match="megabytes of files") as caught:
        start(jobs, records, endless, "job_3", owner="bob", held=1)
    assert caught.value.retry_after
    records.remove("job_1")
    gevent.sleep(0.1)
    half = MAX_HELD_BYTES // 2
    for name in ("job_3", "job_4"):
        start(jobs, records, endless, name, held=half)
    with pytest.raises(RateLimited):
        start(jobs, records, endless, "job_5", held=1)
    start(jobs, records, endless, "job_5")
    jobs.stop()


def test_room_is_given_back_where_nothing_could_be_kept(
    records: RecordList[Any], tmp_path: Path
) -> None:
    broken = RecordList(Store(Settings(state_dir="/proc/no/such/place")), KIND, "ann")
    jobs = Jobs()
    for _ in range(MAX_OF_ONE + 1):
        with pytest.raises(Unavailable):
            start(jobs, broken, endless)
    assert start(jobs, records, lambda beat: {})["status"] == "in_progress"
    assert ended(records)["status"] == "completed"
