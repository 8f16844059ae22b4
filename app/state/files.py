"""Bytes by key in files, one a value, so that several workers may write at once.

A file is written under a temporary name and renamed. Its modification time is its age. Each group
is swept down to its quota, all of them down to MAX_BYTES and MAX_FILES.
"""

import fcntl
import os
import struct
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from heapq import heapify, heappop, heapreplace
from pathlib import Path
from typing import IO, NamedTuple

import gevent

from app.core.turns import in_turns
from app.state.medium import Place

MAX_BYTES = 1_000_000_000
MAX_FILES = 200_000
SWEEP_BYTES = 64_000_000
"""A worker sweeps after its first file, and again after writing this much, or half a quota."""
LOCK_SECONDS = 5
_OFF_HUB_BYTES = 256_000
"""Smaller values are written faster than a native thread gets the interpreter's lock."""
_HEAD = struct.Struct("I")
"""Of a file: when its value expires, for releases before 0.2. Now its age says so."""


class Files:
    """Reading, writing and deleting raise OSError; None means only that there is no value.

    A group has a folder with a hard link of each of its files, by which it is counted. The files
    themselves lie where release 0.1 has them, so that the way back to it loses nothing.
    """

    def __init__(self, state_dir: Path, keep_seconds: int, quota: int) -> None:
        """``quota``: bytes that a group may take."""
        os.makedirs(state_dir, mode=0o700, exist_ok=True)
        self._folder = state_dir / "kept"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._folder.chmod(0o700)
        self._keep_seconds = keep_seconds
        self._quota = quota
        self._sweep_bytes = min(SWEEP_BYTES, quota // 2)
        self._unswept = self._sweep_bytes
        self._lock = state_dir / "lock"

    def read(self, place: Place) -> bytes | None:
        with suppress(FileNotFoundError), open(self._path(place), "rb") as file:
            if os.fstat(file.fileno()).st_mtime + self._keep_seconds > time.time():
                return file.read()[_HEAD.size :]
        return None

    def write(self, place: Place, data: bytes, as_old_as: Place | None = None) -> None:
        if len(data) > _OFF_HUB_BYTES:
            # In a native thread, so that no other request waits for a slow disk.
            gevent.get_hub().threadpool.apply(self._replace, (place, data, as_old_as))
        else:
            self._replace(place, data, as_old_as)
        self._sweep_after(len(data))

    def renew(self, places: Sequence[Place]) -> None:
        now = time.time_ns()
        for place in in_turns(places):
            with suppress(FileNotFoundError):
                os.utime(self._path(place), ns=(now, now))

    def delete(self, place: Place) -> None:
        with self._locked():
            self._path(place).unlink(missing_ok=True)
            for link in self._links(place):
                link.unlink(missing_ok=True)

    def check(self, place: Place) -> None:
        gevent.get_hub().threadpool.apply(self._replace, (place, b"{}", None))

    def risks(self) -> list[str]:
        return []

    def used_bytes(self) -> int:
        groups = gevent.get_hub().threadpool.apply(_groups_in, (self._folder,))
        return sum(file.size for group in groups for file in group)

    def change(
        self,
        place: Place,
        change: Callable[[bytes | None], bytes | None],
        as_old_as: Place | None = None,
    ) -> None:
        with self._locked():
            changed = change(self.read(place))
            if changed is not None:
                self.write(place, changed, as_old_as)

    def _path(self, place: Place) -> Path:
        return self._folder / sha256(place.key.encode()).hexdigest()

    def _links(self, place: Place) -> list[Path]:
        """In the folders of the groups that it may count to; the first is where it does."""
        return [self._folder / group / self._path(place).name for group in place.groups]

    def _age_of(self, place: Place | None) -> int:
        """In nanoseconds since the epoch; now where there is no such value."""
        if place is not None:
            with suppress(FileNotFoundError):
                return self._path(place).stat().st_mtime_ns
        return time.time_ns()

    def _replace(self, place: Place, data: bytes, as_old_as: Place | None) -> None:
        path = self._path(place)
        temporary = self._folder / f"{uuid.uuid4().hex}.new"
        try:
            with open(temporary, "xb", opener=_open_private) as file:
                file.write(_HEAD.pack(int(time.time()) + self._keep_seconds) + data)
            age = self._age_of(as_old_as)
            os.utime(temporary, ns=(age, age))
            os.replace(temporary, path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            raise
        for link in self._links(place):
            link.unlink(missing_ok=True)
        self._count(path, self._links(place)[0])

    def _count(self, path: Path, link: Path) -> None:
        """To its group. What has no link, as where there can be none, counts to nobody."""
        with suppress(OSError):
            link.parent.mkdir(mode=0o700, exist_ok=True)
            os.link(path, link)

    def _sweep_after(self, size: int) -> None:
        self._unswept += size
        if self._unswept >= self._sweep_bytes:
            self._unswept = 0
            gevent.get_hub().threadpool.spawn(self._sweep)

    def _sweep(self) -> None:
        with suppress(OSError):  # the disk's fault, which the next write meets and tells
            sweep(self._folder, self._keep_seconds, self._quota)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Locks out other workers and greenlets. Polls, because a blocking wait would block the
        hub.

        The system releases the lock of a process that ends.
        """
        with open(self._lock, "ab", opener=_open_private) as file:
            until = time.monotonic() + LOCK_SECONDS
            while not _try_lock(file):
                if time.monotonic() > until:
                    raise OSError("its lock is held by another process")
                gevent.sleep(0.002)
            yield


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _try_lock(file: IO[bytes]) -> bool:
    """Closing the file unlocks it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _File(NamedTuple):
    """``age``: in nanoseconds since the epoch. Files of one age go together. ``paths``: all names
    of it."""

    age: int
    size: int
    paths: tuple[str, ...]


def sweep(
    folder: Path,
    keep_seconds: int,
    quota: int,
    most_bytes: int = MAX_BYTES,
    most_files: int = MAX_FILES,
) -> None:
    """Removes expired files; the oldest of each group until it is within its quota; and the oldest
    of whichever group is the largest until the folder is within its bounds."""
    expired = time.time_ns() - keep_seconds * 1_000_000_000
    nobodys, *owned = (_Group(files, expired) for files in _groups_in(folder))
    for group in owned:
        while group.count and group.size > quota:
            group.drop_oldest()
    groups = [nobodys, *owned]
    size, count = sum(group.size for group in groups), sum(group.count for group in groups)
    heap = [(-group.size, number) for number, group in enumerate(groups) if group.count]
    heapify(heap)
    while heap and (size > most_bytes or count > most_files):
        group = groups[heap[0][1]]
        before = group.size, group.count
        group.drop_oldest()
        size, count = size + group.size - before[0], count + group.count - before[1]
        heapreplace(heap, (-group.size, heap[0][1])) if group.count else heappop(heap)


class _Group:
    """The files of one group, the oldest last."""

    def __init__(self, files: list[_File], expired: int) -> None:
        self._files = sorted(files, reverse=True)
        self.size = sum(file.size for file in files)
        while self._files and self._files[-1].age <= expired:
            self.drop_oldest()

    @property
    def count(self) -> int:
        return len(self._files)

    def drop_oldest(self) -> None:
        """Removes those that are of the greatest age."""
        age = self._files[-1].age
        while self._files and self._files[-1].age == age:
            file = self._files.pop()
            for path in file.paths:
                with suppress(OSError):  # another worker sweeps too
                    os.remove(path)
            self.size -= file.size


def _groups_in(folder: Path) -> list[list[_File]]:
    """First the files that count to nobody: those that release 0.1 wrote. Then those of each
    group's folder; a link there whose file was written anew by that release is removed."""
    nobodys: list[_File] = []
    groups: list[list[_File]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):  # renamed or removed since it was listed
                if entry.is_dir(follow_symlinks=False):
                    groups.append([*_links_in(entry.path, folder)])
                elif (facts := entry.stat(follow_symlinks=False)).st_nlink == 1:
                    nobodys.append(_File(facts.st_mtime_ns, facts.st_size, (entry.path,)))
    return [nobodys, *groups]


def _links_in(group: str, folder: Path) -> Iterator[_File]:
    with os.scandir(group) as entries:
        for entry in entries:
            with suppress(OSError):
                facts = entry.stat(follow_symlinks=False)
                if facts.st_nlink == 1:
                    os.remove(entry.path)
                else:
                    paths = (str(folder / entry.name), entry.path)
                    yield _File(facts.st_mtime_ns, facts.st_size, paths)
