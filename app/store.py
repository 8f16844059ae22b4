"""What is kept from one request for a later one: in files, or in Redis where STATE_URL names it.

Values are JSON, kept under a digest of their owner's credential and their name: what one client
keeps, no other can find. Nothing is ever unpickled. Both bounds are coarse: a value is kept for
KEEP_SECONDS at most, and the files' folder is swept down to MOST_BYTES and MOST_FILES.
"""

import fcntl
import hashlib
import json
import logging
import os
import struct
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol, TypeVar

import gevent
from cachelib import FileSystemCache, RedisCache
from cachelib.serializers import BaseSerializer

from app.config import Settings
from app.errors import InternalError

log = logging.getLogger("poegate")

KEEP_SECONDS = 30 * 24 * 3600
"""As long as OpenAI keeps a response."""
MOST_VALUE_BYTES = 32_000_000
MOST_BYTES = 1_000_000_000
MOST_FILES = 200_000
SWEEP_BYTES = 64_000_000
"""A worker sweeps before its first file, and again after it has written so much."""
_OFF_HUB_BYTES = 256_000
"""Less is written sooner than a native thread has got the interpreter's lock."""
_REDIS_SECONDS = 5
_LOCK_SECONDS = 5
_Answer = TypeVar("_Answer")
Change = Callable[[dict[str, Any] | None], Mapping[str, Any] | None]


class Store:
    """Values by owner and name. Opens its files or its connection when it is first used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shelf: _Shelf | None = None

    def keep(self, owner: str, name: str, value: Mapping[str, Any]) -> None:
        """Never fails: an answer is worth more than its copy. The log tells what was not kept."""
        data = json.dumps(value, separators=(",", ":")).encode("ascii")
        if len(data) > MOST_VALUE_BYTES:
            log.warning("not kept: %s has %d bytes", name, len(data))
            return
        try:
            self._open().write(_key(owner, name), data)
        except OSError as error:
            log.warning("not kept: %s: %s", name, error)

    def recall(self, owner: str, name: str) -> dict[str, Any] | None:
        """The value, or None. Raises InternalError where the store cannot be read."""
        data = self._ask(lambda shelf: shelf.read(_key(owner, name)))
        if data is None:
            return None
        try:
            value: dict[str, Any] = json.loads(data)
        except ValueError:
            log.warning("not readable: %s", name)
            return None
        return value

    def forget(self, owner: str, name: str) -> None:
        self._ask(lambda shelf: shelf.delete(_key(owner, name)))

    def change(self, owner: str, name: str, change: Change) -> None:
        """Keeps what ``change`` makes of the value: no other worker changes it meanwhile.

        None: it stays as it is. Raises InternalError where the store cannot be reached.
        """

        def read_and_write(shelf: "_Shelf") -> None:
            with shelf.locked():
                changed = change(self.recall(owner, name))
                if changed is not None:
                    self.keep(owner, name, changed)

        self._ask(read_and_write)

    def is_usable(self) -> bool:
        """Whether something can be kept now."""
        try:
            self._open().write(_key("poegate", "readiness"), b"{}")
        except OSError:
            return False
        return True

    def _ask(self, ask: "Callable[[_Shelf], _Answer]") -> _Answer:
        try:
            return ask(self._open())
        except OSError as error:
            log.warning("the store cannot be read: %s", error)
            raise InternalError("What this gateway keeps cannot be read at the moment.") from error

    def _open(self) -> "_Shelf":
        if self._shelf is None:
            url = self._settings.state_url
            self._shelf = _Redis(url) if url else _Files(Path(self._settings.state_dir))
        return self._shelf


def _key(owner: str, name: str) -> str:
    return hashlib.sha256(f"{owner}:{name}".encode(errors="surrogatepass")).hexdigest()


class _Shelf(Protocol):
    """Bytes by key. What cannot be reached raises OSError."""

    def read(self, key: str) -> bytes | None: ...

    def write(self, key: str, data: bytes) -> None: ...

    def delete(self, key: str) -> None: ...

    def locked(self) -> AbstractContextManager[Any]: ...


class _AsTheyAre(BaseSerializer):
    """Bytes in, bytes out: cachelib would pickle, and so run what an intruder has written."""

    def dump(self, value: Any, f: IO[bytes], protocol: int = 0) -> None:
        f.write(value)

    def load(self, f: IO[bytes]) -> bytes:
        return f.read()

    def dumps(self, value: Any, protocol: int = 0) -> bytes:
        return bytes(value)

    def loads(self, bvalue: bytes | None) -> bytes | None:
        return bvalue


class _Cache(FileSystemCache):
    """cachelib's files, written with half the calls to the system: it is done for each response,
    and no other request is served meanwhile. Raises OSError where cachelib would only log it."""

    def set(self, key: str, value: bytes, *_: Any, **__: Any) -> bool:
        expires = struct.pack("I", self._normalize_timeout(None))
        temporary = f"{self._path}/{uuid.uuid4().hex}{self._fs_transaction_suffix}"
        try:
            with open(temporary, "xb", opener=_open_private) as file:
                file.write(expires + value)
            os.replace(temporary, self._get_filename(key))
        except OSError:
            with suppress(OSError):
                os.remove(temporary)
            raise
        return True


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class _Files:
    """One file a value, written to a temporary name and renamed: safe with several workers."""

    def __init__(self, state_dir: Path) -> None:
        os.makedirs(state_dir, mode=0o700, exist_ok=True)
        self._folder = state_dir / "kept"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._folder.chmod(0o700)
        # Its threshold would open every file at each write: the folder is swept by us instead.
        self._cache = _Cache(str(self._folder), threshold=0, default_timeout=KEEP_SECONDS)
        self._cache.serializer = _AsTheyAre()  # type: ignore[assignment]
        self._unswept = SWEEP_BYTES
        self._lock = state_dir / "lock"

    def read(self, key: str) -> bytes | None:
        data: bytes | None = self._cache.get(key)
        return data

    def write(self, key: str, data: bytes) -> None:
        self._unswept += len(data)
        if self._unswept >= SWEEP_BYTES:
            self._unswept = 0
            gevent.get_hub().threadpool.spawn(sweep, self._folder)
        if len(data) > _OFF_HUB_BYTES:
            _off_hub(self._cache.set, key, data)
        else:
            self._cache.set(key, data)

    def delete(self, key: str) -> None:
        self._cache.delete(key)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Against other workers and greenlets; never waits in the system, where all would wait."""
        with open(self._lock, "ab", opener=_open_private) as file:
            until = time.monotonic() + _LOCK_SECONDS
            while not _try_lock(file):
                if time.monotonic() > until:
                    raise OSError("its lock is held by another process")
                gevent.sleep(0.002)
            yield


def _try_lock(file: IO[bytes]) -> bool:
    """Closing the file unlocks it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _off_hub(task: Callable[..., Any], *arguments: Any) -> Any:
    """In a native thread: a disk may take its time, and no other request shall wait for it."""
    return gevent.get_hub().threadpool.apply(task, arguments)


def sweep(folder: Path, most_bytes: int = MOST_BYTES, most_files: int = MOST_FILES) -> None:
    """Removes what is too old, and of the rest the oldest until the folder is within its bounds."""
    found = sorted(_files_in(folder))
    size, count = sum(file[1] for file in found), len(found)
    for written, own, path in found:
        if written > time.time() - KEEP_SECONDS and size <= most_bytes and count <= most_files:
            break
        with suppress(OSError):  # another worker sweeps too
            os.remove(path)
        size, count = size - own, count - 1


def _files_in(folder: Path) -> list[tuple[float, int, str]]:
    """When each file was written, its bytes, its path."""
    files = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):  # renamed or removed since it was listed
                facts = entry.stat(follow_symlinks=False)
                files.append((facts.st_mtime, facts.st_size, entry.path))
    return files


class _Redis:
    """Redis drops what is too old by itself; how much it holds is its own ``maxmemory``."""

    def __init__(self, url: str) -> None:
        import redis  # costs every worker memory, and few need it

        self._client = redis.Redis.from_url(
            url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS
        )
        self._fault = redis.RedisError
        self._cache = RedisCache(self._client, key_prefix="poegate:", default_timeout=KEEP_SECONDS)
        self._cache.serializer = _AsTheyAre()  # type: ignore[assignment]

    def read(self, key: str) -> bytes | None:
        data: bytes | None = self._try(self._cache.get, key)
        return data

    def write(self, key: str, data: bytes) -> None:
        self._try(self._cache.set, key, data)

    def delete(self, key: str) -> None:
        self._try(self._cache.delete, key)

    @contextmanager
    def locked(self) -> Iterator[None]:
        lock = self._client.lock(
            "poegate:lock", timeout=2 * _LOCK_SECONDS, blocking_timeout=_LOCK_SECONDS
        )
        try:
            with lock:
                yield
        except self._fault as error:
            raise OSError(f"Redis: {error}") from error

    def _try(self, task: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return task(*arguments)
        except self._fault as error:
            raise OSError(f"Redis: {error}") from error
