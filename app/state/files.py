"""Bytes by key in files: one a value, written to a temporary name and renamed, so that several
workers may. The folder is swept down to MAX_BYTES and MAX_FILES.
"""

import fcntl
import os
import struct
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import gevent
from cachelib import FileSystemCache

from app.state.serializer import RawBytes

MAX_BYTES = 1_000_000_000
MAX_FILES = 200_000
SWEEP_BYTES = 64_000_000
"""A worker sweeps before its first file, and again after it has written so much."""
LOCK_SECONDS = 5
_OFF_HUB_BYTES = 256_000
"""Less is written sooner than a native thread has got the interpreter's lock."""


class Files:
    """What cannot be read, written or deleted raises OSError; only what is not there is None."""

    def __init__(self, state_dir: Path, keep_seconds: int) -> None:
        os.makedirs(state_dir, mode=0o700, exist_ok=True)
        self._folder = state_dir / "kept"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._folder.chmod(0o700)
        self._keep_seconds = keep_seconds
        # Its threshold would open every file at each write: the folder is swept by us instead.
        self._cache = _Cache(str(self._folder), threshold=0, default_timeout=keep_seconds)
        self._cache.serializer = RawBytes()  # type: ignore[assignment]
        self._unswept = SWEEP_BYTES
        self._lock = state_dir / "lock"

    def read(self, key: str) -> bytes | None:
        try:
            data: bytes | None = self._cache.get(key)
        except _Unreadable as error:
            raise OSError(str(error)) from error
        return data

    def write(self, key: str, data: bytes) -> None:
        self._sweep_after(len(data))
        if len(data) > _OFF_HUB_BYTES:
            # In a native thread: a disk may take its time, and no other request shall wait for it.
            gevent.get_hub().threadpool.apply(self._cache.set, (key, data))
        else:
            self._cache.set(key, data)

    def delete(self, key: str) -> None:
        with self._locked():
            self._cache.delete(key)

    def change(self, key: str, change: Callable[[bytes | None], bytes | None]) -> None:
        with self._locked():
            changed = change(self.read(key))
            if changed is not None:
                self.write(key, changed)

    def _sweep_after(self, size: int) -> None:
        self._unswept += size
        if self._unswept >= SWEEP_BYTES:
            self._unswept = 0
            gevent.get_hub().threadpool.spawn(sweep, self._folder, self._keep_seconds)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Against other workers and greenlets; never waits in the system, where all would wait.

        A process that ends, however it ends, lets go of it.
        """
        with open(self._lock, "ab", opener=_open_private) as file:
            until = time.monotonic() + LOCK_SECONDS
            while not _try_lock(file):
                if time.monotonic() > until:
                    raise OSError("its lock is held by another process")
                gevent.sleep(0.002)
            yield


class _Unreadable(Exception):
    """No OSError, which cachelib would take for a value that is not there."""


class _Cache(FileSystemCache):
    """cachelib's files, which raise where cachelib would only log what goes wrong.

    They are written with half the calls to the system: it is done for each response, and no other
    request is served meanwhile.
    """

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

    def delete(self, key: str, *_: Any, **__: Any) -> bool:
        with suppress(FileNotFoundError):
            os.remove(self._get_filename(key))
        return True

    @contextmanager
    def _safe_stream_open(self, path: str, mode: str) -> Iterator[IO[bytes]]:
        """For ``get``; the whole file, so that nothing can fail later."""
        try:
            yield BytesIO(Path(path).read_bytes())
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _Unreadable(str(error)) from error


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _try_lock(file: IO[bytes]) -> bool:
    """Closing the file unlocks it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sweep(
    folder: Path, keep_seconds: int, most_bytes: int = MAX_BYTES, most_files: int = MAX_FILES
) -> None:
    """Removes what is too old, and of the rest the oldest until the folder is within its bounds."""
    found = sorted(_files_in(folder))
    size, count = sum(file[1] for file in found), len(found)
    for written, own, path in found:
        if written > time.time() - keep_seconds and size <= most_bytes and count <= most_files:
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
