"""Values by owner and name: in files, or in Redis if STATE_URL is set.

Values are JSON under a digest of their owner and name, so that no client can find another's values.
Each is kept for KEEP_SECONDS after it was last written or renewed.

An owner may keep STATE_MB_PER_OWNER; beyond it, its own oldest values go. Values that need each
other (the responses of a conversation) have one age, and so go together.
"""

import hashlib
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from app.config import Settings
from app.core import strict_json
from app.errors import InternalError, Unavailable
from app.state.files import Files
from app.state.medium import Medium, Place
from app.state.redis import Redis

log = logging.getLogger("poegate")

Value = dict[str, Any]
Change = Callable[[Value | None], Value | None]

KEEP_SECONDS = 30 * 24 * 3600
"""As long as OpenAI keeps a response."""
MAX_VALUE_BYTES = 32_000_000
RETRY_AFTER = "30"
SILENT_SECONDS = 60.0
"""The log says once in so long that the store cannot be reached: it is asked twice a second."""

SHARED = "shared"
"""The group of all whose Poe key has not been accepted yet."""

NOT_KEPT = (InternalError, Unavailable)
"""What the store raises for a value that is too large, and where it cannot be reached."""

RECORD_VERSION = 1
"""Of what is kept. It grows where an older release could not read what this one writes."""

_VERSION = "record_version"
_MAX_ACCEPTED = 10_000

_Answer = TypeVar("_Answer")


class Store:
    """Opens its files or its connection on first use.

    ``kind`` keeps what is of one owner apart: its files from its responses.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._medium: Medium | None = None
        self._silent_until = 0.0
        self._accepted: OrderedDict[str, None] = OrderedDict()

    def accept(self, owner: str) -> None:
        """Poe has answered for this owner's key: what it keeps counts to a quota of its own.

        Anyone can make up keys. As long as Poe has answered for none, they all share one quota.
        """
        self._accepted[owner] = None
        self._accepted.move_to_end(owner)
        if len(self._accepted) > _MAX_ACCEPTED:
            self._accepted.popitem(last=False)

    def write(
        self, owner: str, name: str, value: Mapping[str, Any], kind: str = "", after: str = ""
    ) -> None:
        """``after``: the name of a value that this one needs. It gets that one's age, so that none
        of them is dropped without the other.

        Raises one of NOT_KEPT.
        """
        data, needed = _encoded(value), self._place(owner, after, kind) if after else None
        place = self._place(owner, name, kind)
        self._ask(lambda medium: medium.write(place, data, needed))

    def recall(self, owner: str, name: str, kind: str = "") -> Value | None:
        """The value, or None. Raises Unavailable."""
        place = self._place(owner, name, kind)
        return _decoded(self._ask(lambda medium: medium.read(place)), name)

    def renew(self, owner: str, names: Iterable[str], kind: str = "") -> None:
        """Keeps what is there on, as if it were written now, all of one age. Each is before those
        that need it. Raises Unavailable.
        """
        places = [self._place(owner, name, kind) for name in names]
        self._ask(lambda medium: medium.renew(places))

    def forget(self, owner: str, name: str, kind: str = "") -> None:
        """Raises Unavailable, and then the value may still exist."""
        place = self._place(owner, name, kind)
        self._ask(lambda medium: medium.delete(place))

    def change(
        self, owner: str, name: str, change: Change, kind: str = "", after: str = ""
    ) -> Value | None:
        """Replaces the value by what ``change`` returns, and returns that; None leaves it as it is.

        Atomic: no other change comes in between, for which ``change`` may be called again.
        ``after``: as in ``write``. Raises one of NOT_KEPT.
        """
        made: Value | None = None

        def changed(data: bytes | None) -> bytes | None:
            nonlocal made
            made = change(_decoded(data, name))
            return None if made is None else _encoded(made)

        place = self._place(owner, name, kind)
        needed = self._place(owner, after, kind) if after else None
        self._ask(lambda medium: medium.change(place, changed, needed))
        return made

    def is_usable(self) -> bool:
        """Whether a value can be written now."""
        try:
            self._open().check(self._place("poegate", "readiness", ""))
        except OSError:
            return False
        return True

    def require_usable(self) -> None:
        """Before something that costs, and is lost where its record is. Raises Unavailable."""
        if not self.is_usable():
            message = "What this gateway keeps cannot be written at the moment. Try again later."
            raise Unavailable(message, retry_after=RETRY_AFTER)

    def used_bytes(self) -> int | None:
        """What is kept takes so much; None where nobody knows."""
        try:
            return self._open().used_bytes()
        except OSError:
            return None

    def warn_of_risks(self) -> None:
        """Once, at the start. A store that cannot be reached says so at each use."""
        with suppress(OSError):
            for risk in self._open().risks():
                log.warning(risk)

    def _ask(self, ask: Callable[[Medium], _Answer]) -> _Answer:
        try:
            return ask(self._open())
        except OSError as error:
            if time.monotonic() >= self._silent_until:
                log.warning("the store cannot be reached: %s", error)
                self._silent_until = time.monotonic() + SILENT_SECONDS
            message = "What this gateway keeps cannot be reached at the moment."
            raise Unavailable(message, retry_after=RETRY_AFTER) from error

    def _open(self) -> Medium:
        if self._medium is None:
            settings = self._settings
            url, quota = settings.state_url, int(settings.state_mb_per_owner * 1_000_000)
            self._medium = (
                Redis(url, KEEP_SECONDS, quota)
                if url
                else Files(Path(settings.state_dir), KEEP_SECONDS, quota)
            )
        return self._medium

    def _place(self, owner: str, name: str, kind: str) -> Place:
        own = _digest(owner)
        if self._settings.is_token_mode:
            groups: tuple[str, ...] = (own,)
        else:
            groups = (own, SHARED) if owner in self._accepted else (SHARED, own)
        whose = f"{kind}/{owner}" if kind else owner
        return Place(_digest(f"{whose}:{name}"), groups)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _encoded(value: Mapping[str, Any]) -> bytes:
    """Raises InternalError for a value that is too large."""
    data = json.dumps({**value, _VERSION: RECORD_VERSION}, separators=(",", ":")).encode("ascii")
    if len(data) > MAX_VALUE_BYTES:
        message = f"{len(data)} bytes are too much to be kept here."
        raise InternalError(message, retryable=False)
    return data


def _decoded(data: bytes | None, name: str) -> Value | None:
    """None also for damaged JSON, so that a new value can replace it.

    Raises Unavailable for what a newer release has written, which then runs beside this one.
    """
    if data is None:
        return None
    try:
        value: Value = strict_json.loads(data)
        version = value.pop(_VERSION, 0)
    except (ValueError, AttributeError):
        log.warning("not readable: %s", name)
        return None
    if version > RECORD_VERSION:
        message = "A newer release of this gateway keeps this; it answers in a moment."
        raise Unavailable(message, retry_after=RETRY_AFTER)
    return value
