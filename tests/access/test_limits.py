"""Limits of a token, over workers and without them."""

import time
from dataclasses import replace

import pytest

from app.access.admission import Admission
from app.access.client import Client, Parallel, Visit
from app.access.limits import Limits
from app.access.rules import Rules
from app.access.store import AccessStore
from app.config import Settings
from app.errors import ApiError, BudgetExceeded, NotPermitted, RateLimited


class Spent:
    def __init__(self, day: float = 0.0, month: float = 0.0) -> None:
        self.points = (day, month)

    def points_of(self, token: str) -> tuple[float, float]:
        return self.points


class LostStore:
    """A store that cannot be reached."""

    def acquire(self, *_: object) -> bool:
        raise OSError("lost")

    release = in_use = renew = acquire

    def counters(self) -> object:
        raise OSError("lost")


def client(name: str = "alice", **rules: object) -> Client:
    return Client(name, f"token:{name}", Rules(**rules), has_token=True)  # type: ignore[arg-type]


def again(client: Client) -> Client:
    """The same client with its next request."""
    return replace(client, visit=Visit())


def workers(store: AccessStore, spent: Spent | None = None) -> list[Admission]:
    return [Admission(Limits(store), spent or Spent(), Settings()) for _ in range(2)]


def test_requests_a_minute_hold_over_workers(store: AccessStore) -> None:
    here, there = workers(store)
    alice = client(requests_per_minute=3)
    for admission in (here, there, here):
        admission.admit(again(alice), "GPT-5")
    with pytest.raises(RateLimited) as caught:
        there.admit(again(alice), "GPT-5")
    assert caught.value.retry_after and 50 < int(caught.value.retry_after) <= 60
    there.admit(client("bob", requests_per_minute=3), "GPT-5")


def test_a_request_that_asks_several_bots_counts_once(store: AccessStore) -> None:
    here, _ = workers(store)
    alice = client(requests_per_minute=1, models=("GPT-*",))
    here.admit(alice, "GPT-5")
    here.admit(alice, "GPT-5-mini")
    with pytest.raises(NotPermitted):
        here.admit(alice, "Claude-Opus-4.5")
    window = alice.visit.windows["requests"]
    assert (window.limit, window.remaining) == (1, 0)
    assert 0 < window.reset_at - time.time() <= 60


def test_tokens_a_minute_are_charged_after_the_answer(store: AccessStore) -> None:
    here, there = workers(store)
    alice = client(tokens_per_minute=100)
    first, second = again(alice), again(alice)
    here.admit(first, "GPT-5")
    there.admit(second, "GPT-5")
    here.settle(first, 99)
    there.admit(again(alice), "GPT-5")
    there.settle(second, 2)
    with pytest.raises(RateLimited):
        here.admit(again(alice), "GPT-5")


def test_parallel_requests_hold_over_workers(store: AccessStore) -> None:
    here, there = workers(store)
    alice = client(max_parallel=2)
    first, second, third = again(alice), again(alice), again(alice)
    here.admit(first, "GPT-5")
    there.admit(second, "GPT-5")
    with pytest.raises(RateLimited) as caught:
        here.admit(third, "GPT-5")
    assert caught.value.code == "max_parallel_exceeded"
    assert here.limits.parallel(alice) == Parallel(2, 2)
    there.settle(second, 0)
    here.admit(third, "GPT-5")
    for admission, visit in ((here, first), (here, third)):
        admission.settle(visit, 0)
        admission.settle(visit, 0)
    assert there.limits.parallel(alice) == Parallel(2, 0)


@pytest.mark.parametrize(
    ("day", "month", "words"),
    [(10.0, 10.0, "today"), (3.0, 50.0, "this month"), (9.9, 49.9, "")],
)
def test_budgets(store: AccessStore, day: float, month: float, words: str) -> None:
    here, _ = workers(store, Spent(day, month))
    alice = client(points_per_day=10, points_per_month=50)
    if not words:
        here.admit(alice, "GPT-5")
        return
    with pytest.raises(BudgetExceeded, match=words) as caught:
        here.admit(alice, "GPT-5")
    assert (caught.value.status, caught.value.code) == (402, "token_budget_exceeded")


def test_without_the_store_each_worker_counts_for_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits = Limits(LostStore())  # type: ignore[arg-type]
    admission = Admission(limits, Spent(), Settings())
    alice = client(requests_per_minute=2, max_parallel=5)
    for _ in range(2):
        admission.admit(again(alice), "GPT-5")
    with pytest.raises(RateLimited):
        admission.admit(again(alice), "GPT-5")
    bob = client("bob", max_parallel=1)
    admission.admit(again(bob), "GPT-5")
    with pytest.raises(RateLimited):
        admission.admit(again(bob), "GPT-5")
    limits.renew()
    assert any("in memory" in record.message for record in caplog.records)


@pytest.mark.parametrize("by_key", [False, True])
def test_clients_without_a_token_are_limited_by_address_or_key(
    store: AccessStore, by_key: bool
) -> None:
    settings = Settings(rate_limit="2/minute", rate_limit_by="key" if by_key else "address")
    admission = Admission(Limits(store), Spent(), settings)

    def ask(owner: str, address: str) -> int:
        visit = Visit(address=address)
        try:
            admission.admit(Client("client", owner, visit=visit), "GPT-5")
        except ApiError as error:
            return error.status
        return 200

    answers = [ask("k1", "a1"), ask("k1", "a1"), ask("k1", "a2"), ask("k2", "a1")]
    assert answers == ([200, 200, 429, 200] if by_key else [200, 200, 200, 429])
