"""Values by owner and name: in files, or in Redis if STATE_URL is set.

Values are JSON under a digest of their owner and name, so that no client can find another's values.
Each is kept for at most KEEP_SECONDS.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

from app.config import Settings
from app.core import strict_json
from app.errors import InternalError, Unavailable
from app.state.files import Files
from app.state.redis import Redis

log = logging.getLogger("poegate")

Value = dict[str, Any]
Change = Callable[[Value | None], Value | None]

KEEP_SECONDS = 30 * 24 * 3600
"""As long as OpenAI keeps a response."""
MAX_VALUE_BYTES = 32_000_000
RETRY_AFTER = "30"

_Answer = TypeVar("_Answer")


class _Medium(Protocol):
    """Bytes by key, for a limited time. All methods raise OSError on failure."""

    def read(self, key: str) -> bytes | None: ...

    def write(self, key: str, data: bytes) -> None: ...

    def delete(self, key: str) -> None: ...

    def check(self, key: str) -> None:
        """Writes something there. Others go on meanwhile, also where a disk or a server hangs."""

    def risks(self) -> list[str]:
        """What an operator should know: how what is kept may be lost."""

    def change(self, key: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """Replaces the value by what ``change`` returns for it; None leaves it as it is.

        Atomic: no other write comes in between, for which ``change`` may be called again.
        """


class Store:
    """Opens its files or its connection on first use."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._medium: _Medium | None = None

    def write(self, owner: str, name: str, value: Mapping[str, Any]) -> None:
        """Raises InternalError if the value cannot be kept."""
        data = _encoded(value)
        self._ask(lambda medium: medium.write(_key(owner, name), data))

    def recall(self, owner: str, name: str) -> Value | None:
        """The value, or None. Raises InternalError if the store cannot be read."""
        return _decoded(self._ask(lambda medium: medium.read(_key(owner, name))), name)

    def forget(self, owner: str, name: str) -> None:
        """Raises InternalError if the value may still exist."""
        self._ask(lambda medium: medium.delete(_key(owner, name)))

    def change(self, owner: str, name: str, change: Change) -> Value | None:
        """Replaces the value by what ``change`` returns, and returns that; None leaves it as it is.

        Atomic: no other change comes in between, for which ``change`` may be called again.
        Raises InternalError.
        """
        made: Value | None = None

        def changed(data: bytes | None) -> bytes | None:
            nonlocal made
            made = change(_decoded(data, name))
            return None if made is None else _encoded(made)

        self._ask(lambda medium: medium.change(_key(owner, name), changed))
        return made

    def is_usable(self) -> bool:
        """Whether a value can be written now."""
        try:
            self._open().check(_key("poegate", "readiness"))
        except OSError:
            return False
        return True

    def require_usable(self) -> None:
        """Before something that costs, and is lost where its record is. Raises Unavailable."""
        if not self.is_usable():
            message = "What this gateway keeps cannot be written at the moment. Try again later."
            raise Unavailable(message, retry_after=RETRY_AFTER)

    def warn_of_risks(self) -> None:
        """Once, at the start. A store that cannot be reached says so at each use."""
        with suppress(OSError):
            for risk in self._open().risks():
                log.warning(risk)

    def _ask(self, ask: Callable[[_Medium], _Answer]) -> _Answer:
        try:
            return ask(self._open())
        except OSError as error:
            log.warning("the store cannot be reached: %s", error)
            message = "What this gateway keeps cannot be reached at the moment."
            raise InternalError(message) from error

    def _open(self) -> _Medium:
        if self._medium is None:
            url, folder = self._settings.state_url, Path(self._settings.state_dir)
            self._medium = Redis(url, KEEP_SECONDS) if url else Files(folder, KEEP_SECONDS)
        return self._medium


def _key(owner: str, name: str) -> str:
    return hashlib.sha256(f"{owner}:{name}".encode(errors="surrogatepass")).hexdigest()


def _encoded(value: Mapping[str, Any]) -> bytes:
    """Raises InternalError for a value that is too large."""
    data = json.dumps(value, separators=(",", ":")).encode("ascii")
    if len(data) > MAX_VALUE_BYTES:
        message = f"{len(data)} bytes are too much to be kept here."
        raise InternalError(message, retryable=False)
    return data


def _decoded(data: bytes | None, name: str) -> Value | None:
    """None also for damaged JSON, so that a new value can replace it."""
    if data is None:
        return None
    try:
        value: Value = strict_json.loads(data)
    except ValueError:
        log.warning("not readable: %s", name)
        return None
    return value
