"""The locks hold what the lists say, with hashes, and name no package index."""

import re

import pytest

from tests.servers import ROOT

PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[\w,]+\])?==([^\s;]+)", re.MULTILINE)


def pins(name: str) -> set[tuple[str, str]]:
    """Packages, by the names as PyPI normalizes them, and their versions, in a list or a lock.

    A lock may have several versions of one: for several Pythons.
    """
    found = PIN.findall((ROOT / name).read_text())
    return {(re.sub(r"[-_.]+", "-", package).lower(), version) for package, version in found}


@pytest.mark.parametrize(
    ("lock", "lists"),
    [
        ("requirements.lock", ["requirements.txt"]),
        ("requirements-dev.lock", ["requirements.txt", "requirements-dev.txt"]),
    ],
)
def test_a_lock_has_what_its_lists_have(lock: str, lists: list[str]) -> None:
    listed = {pin for name in lists for pin in pins(name)}
    assert listed - pins(lock) == set(), "run make lock"


def test_both_locks_have_the_same_versions() -> None:
    runtime, development = pins("requirements.lock"), pins("requirements-dev.lock")
    assert len(runtime) > 20
    assert runtime - development == set()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_entry_has_hashes_and_none_an_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = re.split(r"^(?=[A-Za-z])", text, flags=re.MULTILINE)[1:]
    assert len(entries) >= len(pins(lock)) > 20
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text and "--index" not in text
