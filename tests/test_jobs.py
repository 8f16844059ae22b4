"""Jobs over a real store: how their records end, whatever happens to the work."""

import fcntl
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.event import Event

from app import jobs as module
from app import store
from app.config import Settings
from app.errors import InsufficientCredits, NotFound, RateLimited
from app.jobs import LOST_SECONDS, MOST, MOST_OF_ONE, Beat, Jobs, Work, as_it_stands
from app.shelf import Shelf, expiry
from app.store import Store


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.02)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(Store(Settings(state_dir=str(tmp_path))), "jobs", "ann", noun="job")


def start(jobs: Jobs, shelf: Shelf, work: Work, name: str = "job_1", owner: str = "ann") -> Any:
    return jobs.start(owner, shelf, {"id": name, "expires_at": expiry()}, work)


def ended(shelf: Shelf, name: str = "job_1") -> dict[str, Any]:
    with gevent.Timeout(5):
        while (record := shelf.get(name))["status"] == "in_progress":
            gevent.sleep(0.01)
    return record


def endless(beat: Beat) -> dict[str, Any]:
    while True:
        gevent.sleep(0.01)
        beat()


def test_it_works(shelf: Shelf) -> None:
    def work(beat: Beat) -> dict[str, Any]:
        for _ in range(5):
            gevent.sleep(0.02)
            beat()
        return {"made": "something"}

    record = start(Jobs(), shelf, work)
    assert record["status"] == "in_progress" and record["error"] is None
    first = shelf.get("job_1")["beat"]
    gevent.sleep(0.07)
    assert shelf.get("job_1")["beat"] > first
    record = ended(shelf)
    assert (record["status"], record["made"], record["error"]) == ("completed", "something", None)
    assert abs(record["completed_at"] - time.time()) < 5


def test_our_errors_are_told_as_they_are(shelf: Shelf) -> None:
    def work(beat: Beat) -> dict[str, Any]:
        raise InsufficientCredits("No points.", param="model")

    start(Jobs(), shelf, work)
    kind = "insufficient_credits"
    told = {"code": kind, "message": "No points.", "type": kind, "param": "model"}
    record = ended(shelf)
    assert (record["status"], record["error"], record["completed_at"]) == ("failed", told, None)


def test_unexpected_errors_are_logged(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    def work(beat: Beat) -> dict[str, Any]:
        raise ZeroDivisionError("deep inside")

    start(Jobs(), shelf, work)
    error = ended(shelf)["error"]
    assert error["code"] == "api_error" and "deep inside" not in error["message"]
    assert "deep inside" in caplog.text and "job_1" in caplog.text


@pytest.mark.parametrize("change", ["remove", "lose"])
def test_work_that_nobody_waits_for_ends(shelf: Shelf, change: str) -> None:
    left: list[bool] = []

    def work(beat: Beat) -> dict[str, Any]:
        try:
            return endless(beat)
        finally:
            left.append(True)

    start(Jobs(), shelf, work)
    gevent.sleep(0.05)
    if change == "remove":
        shelf.remove("job_1")
    else:
        shelf.change("job_1", lambda record: {**record, "status": "failed", "error": "lost"})
    gevent.sleep(0.1)
    assert left == [True]
    if change == "remove":
        with pytest.raises(NotFound):
            shelf.get("job_1")
    else:
        assert shelf.get("job_1")["error"] == "lost"


def test_a_worker_that_stops(shelf: Shelf) -> None:
    jobs = Jobs()
    for name in ("job_1", "job_2"):
        start(jobs, shelf, endless, name)
    gevent.sleep(0.05)
    jobs.stop()
    for name in ("job_1", "job_2"):
        record = shelf.get(name)
        assert record["status"] == "failed" and record["error"]["code"] == "stopped"
    jobs.stop()


def aged(shelf: Shelf, seconds: float) -> dict[str, Any]:
    record = {"id": "job_1", "expires_at": expiry(), "status": "in_progress", "error": None}
    shelf.add({**record, "beat": time.time() - seconds})
    return shelf.get("job_1")


def test_a_worker_that_is_gone(shelf: Shelf) -> None:
    told = as_it_stands(shelf, aged(shelf, LOST_SECONDS + 1))
    assert told["status"] == "failed" and told["error"]["code"] == "lost"
    assert shelf.get("job_1") == told == as_it_stands(shelf, told)


def test_a_worker_that_is_not_gone(shelf: Shelf) -> None:
    record = aged(shelf, LOST_SECONDS - 2)
    assert as_it_stands(shelf, record) == record == shelf.get("job_1")


def test_what_has_changed_since_it_was_read_counts(shelf: Shelf) -> None:
    record = aged(shelf, LOST_SECONDS + 1)
    done = shelf.change("job_1", lambda now: {**now, "status": "completed"})
    assert as_it_stands(shelf, record) == done == shelf.get("job_1")
    shelf.remove("job_1")
    assert as_it_stands(shelf, record)["status"] == "failed"
    with pytest.raises(NotFound):
        shelf.get("job_1")


def hold_lock(state_dir: Path) -> Callable[[], None]:
    """As another process would that hangs."""
    file = (state_dir / "lock").open("ab")
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file.close


@pytest.mark.parametrize("ends", [False, True])
def test_a_store_that_fails_for_a_while(
    shelf: Shelf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    ends: bool,
) -> None:
    monkeypatch.setattr(store, "_LOCK_SECONDS", 0.02)
    finish = Event()

    def work(beat: Beat) -> dict[str, Any]:
        while not finish.is_set():
            gevent.sleep(0.01)
            beat()
        return {"made": "something"}

    start(Jobs(), shelf, work)
    gevent.sleep(0.05)
    let_go = hold_lock(tmp_path)
    if ends:
        finish.set()
    gevent.sleep(0.2)
    assert shelf.get("job_1")["status"] == "in_progress"
    let_go()
    finish.set()
    assert ended(shelf)["made"] == "something"
    assert "could not renew" in caplog.text or ends


def test_a_store_that_fails_for_good(
    shelf: Shelf,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(store, "_LOCK_SECONDS", 0.01)
    monkeypatch.setattr(module, "END_TRIES", 3)
    caplog.set_level(logging.ERROR)
    start(Jobs(), shelf, lambda beat: {"made": "something"})
    let_go = hold_lock(tmp_path)
    gevent.sleep(0.3)
    let_go()
    assert "its record could not be kept" in caplog.text
    assert shelf.get("job_1")["status"] == "in_progress"  # until its beat is too old


def test_room(shelf: Shelf) -> None:
    jobs = Jobs()
    for number in range(MOST_OF_ONE):
        start(jobs, shelf, endless, f"job_{number}")
    with pytest.raises(RateLimited) as caught:
        start(jobs, shelf, endless, "job_too_many")
    assert caught.value.retry_after and str(MOST_OF_ONE) in caught.value.message
    for number in range(MOST_OF_ONE, MOST):
        start(jobs, shelf, endless, f"job_{number}", owner=f"owner-{number}")
    with pytest.raises(RateLimited):
        start(jobs, shelf, endless, "job_too_many", owner="bob")
    with pytest.raises(NotFound):
        shelf.get("job_too_many")
    shelf.remove("job_0")
    gevent.sleep(0.2)
    assert start(jobs, shelf, endless, "job_again")["status"] == "in_progress"
    jobs.stop()
    assert start(jobs, shelf, lambda beat: {}, "job_last")["id"] == "job_last"


def test_room_is_given_back_where_nothing_could_be_kept(shelf: Shelf, tmp_path: Path) -> None:
    broken = Shelf(Store(Settings(state_dir="/proc/no/such/place")), "jobs", "ann", noun="job")
    jobs = Jobs()
    for _ in range(MOST_OF_ONE + 1):
        with pytest.raises(module.InternalError):
            start(jobs, broken, endless)
    assert start(jobs, shelf, lambda beat: {})["status"] == "in_progress"
    assert ended(shelf)["status"] == "completed"
