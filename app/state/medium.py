"""What a store needs of the place where its values lie: files or Redis."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol


class Place(NamedTuple):
    """Where a value is. ``key`` is its own; ``groups`` are the owners whose quota it may count to:
    it is written to the first, and looked for in all."""

    key: str
    groups: tuple[str, ...]


class Medium(Protocol):
    """Bytes by place, for a limited time. All methods raise OSError on failure.

    A group that takes more than its quota loses its oldest values; those of the same age go
    together.
    """

    def read(self, place: Place) -> bytes | None: ...

    def write(self, place: Place, data: bytes, as_old_as: Place | None = None) -> None:
        """A new value is of now, or of the age of another."""

    def renew(self, places: Sequence[Place]) -> None:
        """Makes the values that are there as new as what is written now, and of one age."""

    def delete(self, place: Place) -> None: ...

    def check(self, place: Place) -> None:
        """Writes something there. Others go on meanwhile, also where a disk or a server hangs."""

    def risks(self) -> list[str]:
        """What an operator should know: how what is kept may be lost."""

    def used_bytes(self) -> int | None:
        """What all values take; None where nobody knows."""

    def change(
        self,
        place: Place,
        change: Callable[[bytes | None], bytes | None],
        as_old_as: Place | None = None,
    ) -> None:
        """Replaces the value by what ``change`` returns for it; None leaves it as it is.

        Atomic: no other write comes in between, for which ``change`` may be called again.
        """
