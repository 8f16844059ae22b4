"""What is known of the pool's keys, shared by workers and machines through the store.

Reports are applied to the worker's own states at once and sent to the store afterwards, so that no
request waits for it. Another worker knows of them within SYNC_SECONDS.
"""

import logging
from collections import deque
from threading import Lock
from typing import Any, Protocol

from app.access.pool import Pool
from app.access.resting import KeyState, Report, next_state, state_from_json, state_to_json
from app.errors import ApiError

log = logging.getLogger("poegate.access.pool")

SYNC_SECONDS = 0.5
MAX_PENDING = 1_000
"""Reports that wait for a store that cannot be reached; the oldest are dropped."""

_OWNER = "pool"
_RECORD = "key-states"

Value = dict[str, Any]


class StateStore(Protocol):
    """The two methods of state/store.py that are used here. Both raise ApiError."""

    def recall(self, owner: str, name: str) -> Value | None: ...

    def change(self, owner: str, name: str, change: Any) -> Value | None: ...


class SharedKeyStates:
    """Keeps a pool's states equal to those in the store."""

    def __init__(self, pool: Pool, store: StateStore) -> None:
        self._pool = pool
        self._store = store
        self._pending: deque[Report] = deque(maxlen=MAX_PENDING)
        self._is_lost = False
        self._lock = Lock()
        pool.on_report = self._pending.append

    def sync(self) -> None:
        """Raises nothing: while the store cannot be reached the worker goes by its own states."""
        with self._lock:
            self._sync()

    def _sync(self) -> None:
        reports = list(self._pending)
        try:
            value = self._exchange(reports)
        except ApiError as error:
            if not self._is_lost:
                log.warning("key states are not shared at the moment: %s", error.message)
            self._is_lost = True
            return
        self._is_lost = False
        for report in reports:
            if self._pending and self._pending[0] is report:
                self._pending.popleft()
        # Those that came while the store was asked are applied to what it says.
        self._pool.states = _applied(_states_from(value), self._pending)

    def _exchange(self, reports: list[Report]) -> Value | None:
        """The shared states, after these changes. Raises ApiError."""
        if not reports:
            return self._store.recall(_OWNER, _RECORD)

        def change(value: Value | None) -> Value:
            return _states_to(_applied(_states_from(value), reports))

        return self._store.change(_OWNER, _RECORD, change)


def _applied(states: dict[str, KeyState], reports: Any) -> dict[str, KeyState]:
    for report in reports:
        states[report.key] = next_state(states.get(report.key, KeyState()), report)
    return states


def _states_to(states: dict[str, KeyState]) -> Value:
    return {digest: state_to_json(state) for digest, state in states.items()}


def _states_from(value: Value | None) -> dict[str, KeyState]:
    """What another version wrote and this one cannot read counts as not there."""
    states = {}
    for digest, state in (value or {}).items():
        try:
            states[digest] = state_from_json(state)
        except (KeyError, TypeError, ValueError, AttributeError):
            log.warning("the shared state of a key cannot be read")
    return states
