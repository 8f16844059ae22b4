"""The pool's table, by a clock that the test moves."""

from collections.abc import Iterator

import pytest

from app.access.key_states import SharedKeyStates
from app.access.pool import Pool, PoolKey, seconds_of
from app.access.resting import REASONS, Event, state_from_json, state_to_json
from app.errors import InsufficientCredits, InternalError, KeyFault, RateLimited, UpstreamError
from tests.servers import ROOT

BOT = "GPT-5"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Keys:
    """A pool, its clock, and the shortest words for what happens to it."""

    def __init__(self, count: int) -> None:
        self.clock = Clock()
        self.pool = Pool([f"key-{number}" for number in range(count)], clock=self.clock)

    def say(
        self, key: PoolKey, outcome: KeyFault | Event, bot: str = BOT, wait: float | None = None
    ) -> None:
        """The key was asked just now, and that came of it."""
        self.clock.now += 0.001
        asked_at = self.clock.now
        self.clock.now += 0.001
        self.pool.report(key, bot, outcome, asked_at=asked_at, retry_after=wait)

    def rest_of(self, key: PoolKey, bot: str = BOT) -> float:
        """For how many seconds it is not asked for that bot."""
        rests = self.pool.state_of(key).rests(bot, self.clock.now)
        return max((round(rest.until - self.clock.now) for rest in rests), default=0)

    def pass_seconds(self, seconds: float) -> None:
        self.clock.now += seconds


@pytest.fixture
def two() -> Iterator[Keys]:
    yield Keys(2)


def test_the_same_session_keeps_its_key_and_sessions_spread() -> None:
    keys = Keys(4)
    chosen = [keys.pool.choose(f"token:{number}", BOT) for number in range(400)]
    again = [keys.pool.choose(f"token:{number}", BOT) for number in range(400)]
    assert chosen == again
    counts = [chosen.count(key) for key in keys.pool.keys]
    assert min(counts) > 60


def test_a_key_that_rests_moves_only_its_own_sessions() -> None:
    keys = Keys(4)
    before = {number: keys.pool.choose(str(number), BOT) for number in range(200)}
    gone = keys.pool.keys[2]
    keys.say(gone, KeyFault.RATE_LIMITED)
    for number, key in before.items():
        after = keys.pool.choose(str(number), BOT)
        assert after != gone
        assert after == key or key == gone


def test_a_rate_limit_rests_longer_each_time_within_a_day(two: Keys) -> None:
    key = two.pool.keys[0]
    for seconds in (60, 120, 600, 3600, 3600):
        two.say(key, KeyFault.RATE_LIMITED)
        assert two.rest_of(key) == seconds
        two.pass_seconds(seconds + 1)
    two.pass_seconds(86_400)
    two.say(key, KeyFault.RATE_LIMITED, wait=7)
    assert two.rest_of(key) == 7


def test_many_questions_at_a_time_meet_one_limit(two: Keys) -> None:
    key = two.pool.keys[0]
    asked_at = two.clock.now
    for _ in range(200):
        two.pass_seconds(0.001)
        two.pool.report(key, BOT, KeyFault.RATE_LIMITED, asked_at=asked_at, retry_after=7)
    assert two.rest_of(key) == 7
    assert two.pool.state_of(key).whole[KeyFault.RATE_LIMITED].level == 0


def test_an_answer_ends_an_escalation_but_not_a_rest_that_began_after_its_question(
    two: Keys,
) -> None:
    key = two.pool.keys[0]
    asked_at = two.clock.now
    two.pass_seconds(1)
    two.say(key, KeyFault.RATE_LIMITED)
    two.pool.report(key, BOT, Event.ANSWERED, asked_at=asked_at)
    assert two.rest_of(key) == 60
    two.pass_seconds(61)
    two.say(key, Event.ANSWERED)
    two.say(key, KeyFault.RATE_LIMITED)
    assert two.rest_of(key) == 60


def test_without_points_only_that_bot_rests(two: Keys) -> None:
    key = two.pool.keys[0]
    two.say(key, KeyFault.INSUFFICIENT_CREDITS)
    assert two.rest_of(key) == 600
    assert two.rest_of(key, "Cheap-Bot") == 0


def test_three_failures_in_a_minute_rest_the_bot_for_five_seconds(two: Keys) -> None:
    key = two.pool.keys[0]
    for seconds in (0, 70, 1, 1):
        two.pass_seconds(seconds)
        assert two.rest_of(key) == 0
        two.say(key, KeyFault.UNAVAILABLE)
    assert two.rest_of(key) == 5
    assert two.rest_of(key, "another") == 0


def test_failures_among_answers_rest_nothing(two: Keys) -> None:
    key = two.pool.keys[0]
    for _ in range(10):
        two.say(key, KeyFault.UNAVAILABLE)
        two.say(key, Event.ANSWERED)
    assert two.rest_of(key) == 0
    assert two.pool.state_of(key).bots == {}


def test_a_refused_key_is_tried_by_one_question_an_hour(two: Keys) -> None:
    refused = two.pool.choose("a", BOT)
    assert refused
    two.say(refused, KeyFault.REFUSED)
    assert two.pool.choose("a", BOT) not in (None, refused)
    two.pass_seconds(3601)
    assert two.pool.choose("a", BOT) == refused
    assert two.pool.choose("a", BOT) != refused, "the probe is still under way"
    two.say(refused, Event.ANSWERED)
    assert two.pool.choose("a", BOT) == refused


def test_keys_that_were_tried_are_not_tried_again(two: Keys) -> None:
    first = two.pool.choose("a", BOT)
    second = two.pool.choose("a", BOT, [first])  # type: ignore[list-item]
    assert second not in (None, first)
    assert two.pool.choose("a", BOT, two.pool.keys) is None


def test_the_only_key_never_rests_beyond_retry_after() -> None:
    one = Keys(1)
    key = one.pool.keys[0]
    for _ in range(4):
        one.say(key, KeyFault.RATE_LIMITED, wait=7)
        assert one.pool.choose("a", BOT) is None
        error = one.pool.resting_error(BOT)
        assert isinstance(error, RateLimited)
        assert error.retry_after == "7"
        one.pass_seconds(8)
        assert one.pool.choose("a", BOT) == key


def test_the_only_key_is_probed_once_a_minute() -> None:
    one = Keys(1)
    key = one.pool.keys[0]
    one.say(key, KeyFault.REFUSED)
    assert one.pool.choose("a", BOT) is None
    error = one.pool.resting_error(BOT)
    assert isinstance(error, UpstreamError)
    assert error.status == 502
    for _ in range(3):
        one.pass_seconds(61)
        assert one.pool.choose("a", BOT) == key
        assert one.pool.choose("a", BOT) is None


def test_where_all_lack_points_it_is_a_402(two: Keys) -> None:
    for key in two.pool.keys:
        two.say(key, KeyFault.INSUFFICIENT_CREDITS)
    assert two.pool.choose("a", BOT) is None
    assert isinstance(two.pool.resting_error(BOT), InsufficientCredits)


def test_where_some_are_limited_the_shortest_wait_is_told(two: Keys) -> None:
    two.say(two.pool.keys[0], KeyFault.RATE_LIMITED, wait=40)
    two.say(two.pool.keys[1], KeyFault.RATE_LIMITED, wait=11)
    error = two.pool.resting_error(BOT)
    assert isinstance(error, RateLimited)
    assert error.retry_after == "11"


def test_every_fault_has_a_row_and_a_name_on_the_page() -> None:
    assert REASONS.keys() == set(KeyFault)
    strings = (ROOT / "app/web/static/strings.js").read_text()
    for fault in KeyFault:
        assert strings.count(f'"keys.reason.{fault}": ') == 3, "three languages"


def test_states_of_bots_are_bounded(two: Keys) -> None:
    key = two.pool.keys[0]
    for number in range(1_500):
        two.say(key, KeyFault.INSUFFICIENT_CREDITS, bot=f"bot-{number}")
    assert len(two.pool.state_of(key).bots) == 1_000


def test_a_state_survives_json(two: Keys) -> None:
    key = two.pool.keys[0]
    for outcome in (KeyFault.RATE_LIMITED, KeyFault.INSUFFICIENT_CREDITS, KeyFault.REFUSED):
        two.say(key, outcome)
    state = two.pool.state_of(key)
    assert state_from_json(state_to_json(state)) == state


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0.2", 1.0),
        ("-3", 1.0),
        ("1e9", 86_400.0),
        ("inf", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 60.0),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert seconds_of(text, now=40.0) == seconds


class Shared:
    """A store in memory that can be lost."""

    def __init__(self) -> None:
        self.value: dict | None = None  # type: ignore[type-arg]
        self.lost = False

    def recall(self, owner: str, name: str):  # type: ignore[no-untyped-def]
        if self.lost:
            raise InternalError("lost")
        return self.value

    def change(self, owner: str, name: str, change):  # type: ignore[no-untyped-def]
        self.value = change(self.recall(owner, name))
        return self.value


def test_a_key_that_is_refused_at_one_worker_rests_at_the_other() -> None:
    store, here, there = Shared(), Keys(2), Keys(2)
    sync_here, sync_there = (SharedKeyStates(keys.pool, store) for keys in (here, there))
    here.say(here.pool.keys[0], KeyFault.REFUSED)
    sync_here.sync()
    sync_there.sync()
    assert there.rest_of(there.pool.keys[0]) == 3600
    there.clock.now = here.clock.now + 1
    there.pool.reset(there.pool.keys[0])
    sync_there.sync()
    sync_here.sync()
    assert here.rest_of(here.pool.keys[0]) == 0


def test_reports_that_arrive_late_undo_nothing() -> None:
    store, here, there = Shared(), Keys(2), Keys(2)
    sync_here, sync_there = (SharedKeyStates(keys.pool, store) for keys in (here, there))
    key = here.pool.keys[0]
    here.say(key, KeyFault.REFUSED)
    sync_here.sync()
    there.say(key, KeyFault.REFUSED)
    here.pass_seconds(5)
    here.pool.admit_again(key, here.clock.now)
    sync_here.sync()
    sync_there.sync()
    sync_here.sync()
    assert here.rest_of(key) == there.rest_of(key) == 0


def test_while_the_store_is_lost_nothing_is_forgotten() -> None:
    store, here, there = Shared(), Keys(2), Keys(2)
    sync_here, sync_there = (SharedKeyStates(keys.pool, store) for keys in (here, there))
    store.lost = True
    here.say(here.pool.keys[0], KeyFault.RATE_LIMITED)
    sync_here.sync()
    assert here.rest_of(here.pool.keys[0]) == 60
    store.lost = False
    sync_here.sync()
    sync_there.sync()
    assert there.rest_of(there.pool.keys[0]) == 60


def test_what_is_reported_while_the_store_is_asked_stays() -> None:
    store, here = Shared(), Keys(2)
    shared = SharedKeyStates(here.pool, store)
    recall = store.recall

    def slow_recall(owner: str, name: str):  # type: ignore[no-untyped-def]
        value = recall(owner, name)
        here.say(here.pool.keys[1], KeyFault.REFUSED)
        return value

    store.recall = slow_recall  # type: ignore[method-assign]
    shared.sync()
    assert here.rest_of(here.pool.keys[1]) == 3600


def test_a_state_that_cannot_be_read_counts_as_none() -> None:
    store, here = Shared(), Keys(1)
    store.value = {here.pool.keys[0].digest: {"version": 99}}
    SharedKeyStates(here.pool, store).sync()
    assert here.pool.choose("a", BOT) == here.pool.keys[0]
