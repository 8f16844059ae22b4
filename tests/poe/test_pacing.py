"""How a busy worker reads its bots less often, and how a silent bot is waited for."""

import time

import gevent
import pytest
from gevent.event import Event

from app.core import turns
from app.http.turn_queue import TurnQueue
from app.poe.pacing import ReadPacer
from app.poe.session import AnswerStream
from app.poe.silence import TICK_SECONDS, SilenceWatch

MAX_PAUSE = 0.08


class Clocks:
    """A wall clock, and the processor time of a thread that is busy to a given share."""

    def __init__(self) -> None:
        self.now = self.used = 100.0

    def pass_time(self, seconds: float, share: float) -> None:
        self.now += seconds
        self.used += seconds * share


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def pacer(clocks: Clocks) -> ReadPacer:
    pacer = ReadPacer(MAX_PAUSE, clock=lambda: clocks.now, busy_clock=lambda: clocks.used)
    pacer.streams = 1000
    return pacer


def load(pacer: ReadPacer, clocks: Clocks, share: float, seconds: float = 2.0) -> float:
    """The pause after a load of that share, asked for every 10 ms."""
    pause = pacer.pause()
    for _ in range(round(seconds / 0.01)):
        clocks.pass_time(0.01, share)
        pause = pacer.pause()
    return pause


@pytest.mark.parametrize("share", [0.0, 0.02, 0.05])
def test_an_idle_worker_has_no_pause(pacer: ReadPacer, clocks: Clocks, share: float) -> None:
    assert load(pacer, clocks, share) == 0


@pytest.mark.parametrize(
    ("share", "pause"), [(0.055, 0), (0.1, 0.0183), (0.2875, 0.04), (1.0, 0.08), (1.7, 0.08)]
)
def test_the_pause_grows_with_the_load(
    pacer: ReadPacer, clocks: Clocks, share: float, pause: float
) -> None:
    assert load(pacer, clocks, share) == pytest.approx(pause, abs=0.001)


@pytest.mark.parametrize(("streams", "pause"), [(0, 0), (1, 0), (10, 0), (40, 0.02), (100, 0.05)])
def test_few_streams_are_not_held_up_by_other_work(
    pacer: ReadPacer, clocks: Clocks, streams: int, pause: float
) -> None:
    pacer.streams = streams
    assert load(pacer, clocks, 1.0) == pytest.approx(pause)


def test_a_short_peak_is_no_load(pacer: ReadPacer, clocks: Clocks) -> None:
    assert load(pacer, clocks, 1.0, seconds=0.1) < MAX_PAUSE * 0.75


def test_pauses_fade_within_a_second(pacer: ReadPacer, clocks: Clocks) -> None:
    assert load(pacer, clocks, 1.0) > 0.07
    assert load(pacer, clocks, 0.02, seconds=1.0) == 0


def test_pauses_are_gone_after_a_second_in_which_nobody_read(
    pacer: ReadPacer, clocks: Clocks
) -> None:
    assert load(pacer, clocks, 1.0) > 0.07
    clocks.pass_time(1.0, 0.0)
    assert pacer.pause() == 0


def test_no_pause_where_none_is_wanted(clocks: Clocks) -> None:
    off = ReadPacer(0, clock=lambda: clocks.now, busy_clock=lambda: clocks.used)
    off.streams = 1000
    assert load(off, clocks, 1.0) == 0


def test_the_worker_s_own_thread_is_what_counts() -> None:
    rest = 0.0  # seconds; else only the thread's own time passes, however busy the machine is
    pacer = ReadPacer(MAX_PAUSE, clock=lambda: time.thread_time() + rest)
    pacer.streams = 1000
    until = time.thread_time() + 0.4
    while time.thread_time() < until:
        pacer.pause()
    assert pacer.pause() > 0.05
    for _ in range(4):  # a second in all, in which reads go on
        rest += 0.25
        pause = pacer.pause()
    assert pause == 0


class Body:
    """A response of which each block is there after that many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def header(self, name: str) -> str:
        return "text/event-stream"

    def read(self) -> bytes:
        gevent.sleep(self._seconds)
        return b"waited"

    def read_now(self) -> bytes | None:
        return None if self._seconds else b"there"


def read_one(seconds: float, pacer: ReadPacer, *, begun: bool = True) -> tuple[bytes | None, float]:
    """What a stream gives of such a body, and after how many seconds."""
    stream = AnswerStream(Body(seconds), pacer, SilenceWatch())  # type: ignore[arg-type]
    start = time.monotonic()
    return stream.read(begun=begun), time.monotonic() - start


@pytest.fixture
def busy(pacer: ReadPacer, clocks: Clocks) -> ReadPacer:
    load(pacer, clocks, 1.0)
    return pacer


def test_a_busy_worker_waits_before_it_reads(busy: ReadPacer) -> None:
    data, waited = read_one(0.001, busy)
    assert data == b"waited"
    assert waited >= MAX_PAUSE


def test_nothing_waits_before_the_first_event(busy: ReadPacer) -> None:
    waited = min(read_one(0.001, busy, begun=False)[1] for _ in range(5))
    assert waited < MAX_PAUSE


def test_what_is_there_already_does_not_wait(busy: ReadPacer) -> None:
    tries = [read_one(0, busy) for _ in range(5)]
    assert {data for data, _ in tries} == {b"there"}
    assert min(waited for _, waited in tries) < MAX_PAUSE


def test_a_stream_that_never_waits_lets_others_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_give_way", TurnQueue().give_way)
    stream = AnswerStream(Body(0), ReadPacer(0), SilenceWatch())  # type: ignore[arg-type]
    others = gevent.spawn(gevent.sleep, 0)
    reads = 0
    until = time.monotonic() + 10
    while not others.ready() and time.monotonic() < until:
        stream._incoming.read = lambda: b"there"  # type: ignore[method-assign]
        stream.read(begun=True)
        reads += 1
    assert others.ready()
    assert reads > 1


def never() -> bytes:
    Event().wait()
    return b"never"


def test_silence_ends_a_wait_and_the_next_one_can_follow() -> None:
    watch = SilenceWatch()
    start = time.monotonic()
    assert watch.receive(never) is None
    assert watch.receive(never) is None
    assert 2 * TICK_SECONDS <= time.monotonic() - start < 2 * TICK_SECONDS + 2
    assert watch.receive(lambda: b"something") == b"something"


def test_one_who_hears_something_is_left_alone() -> None:
    watch = SilenceWatch()

    def slow() -> bytes:
        gevent.sleep(TICK_SECONDS / 2)
        return b"there"

    silent = gevent.spawn(watch.receive, never)
    assert [watch.receive(slow) for _ in range(4)] == [b"there"] * 4
    assert silent.get(timeout=5) is None


def test_whoever_is_killed_waits_no_more() -> None:
    watch = SilenceWatch()
    waiting = gevent.spawn(watch.receive, never)
    gevent.sleep(0.05)
    waiting.kill(timeout=5)
    assert waiting.ready()
    gevent.sleep(0.3)  # the timer ends with the last who waits
    assert watch._timer is None
