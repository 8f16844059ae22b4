"""This release and the one before it: a repository to be cloned, and wheels for no network."""

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from tests.deploy.guide import commands
from tests.servers import ROOT

PREVIOUS_COMMIT = "5f96730e3688bd4314f4f3549199dd5050afe683"
"""What PREVIOUS was. To be changed at each release, together with deploy/README.md's tags."""

CACHE = Path("/var/tmp/poegate-tests")
DOWNLOAD_SECONDS = 300


def _tag(heading: str) -> str:
    [tag] = re.findall(r"git checkout (\S+)", "\n".join(commands(heading)))
    return str(tag)


CURRENT, PREVIOUS = _tag("Upgrade"), _tag("Roll back")
"""The releases that deploy/README.md names as examples."""

_AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@localhost")


def _git(*arguments: str | Path) -> str:
    done = subprocess.run(["git", *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def make_repository(path: Path) -> None:
    """A bare clone: PREVIOUS and CURRENT are tags, CURRENT and main this working copy as it is."""
    _git("clone", "--quiet", "--bare", ROOT, path)
    here = (f"--git-dir={path}", f"--work-tree={ROOT}")
    _git(*here, "add", "--all")
    tree = _git(*here, "write-tree")
    commit = _git(*here, *_AUTHOR, "commit-tree", tree, "-p", "HEAD", "-m", "The working copy")
    _git(*here, "tag", "--force", CURRENT, commit)
    _git(*here, "tag", "--force", PREVIOUS, PREVIOUS_COMMIT)
    _git(*here, "update-ref", "refs/heads/main", commit)
    _git(*here, "symbolic-ref", "HEAD", "refs/heads/main")


def export(tag: str, repository: Path, folder: Path) -> None:
    """The files of one release, as a clone has them."""
    _git("clone", "--quiet", "--branch", tag, "-c", "advice.detachedHead=false", repository, folder)


def copy_wheels(repository: Path, folder: Path) -> None:
    """What both releases require, for the system's own Python, for a pip without a network."""
    listed = (f"{PREVIOUS}:requirements.txt", f"{CURRENT}:requirements.lock")
    required = [_git(f"--git-dir={repository}", "show", name) for name in listed]
    made = made_once("wheels", "\n".join(required), lambda path: _download(required, path))
    shutil.copytree(made, folder)


def _download(required: Sequence[str], folder: Path) -> None:
    """By that Python's own pip, because what is required depends on its version."""
    folder.mkdir()
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["/usr/bin/python3", "-m", "venv", place], check=True)
        for text in dict.fromkeys(required):
            listed = Path(place) / "requirements.txt"
            listed.write_text(text)
            pip = [f"{place}/bin/pip", "download", "--quiet", "--only-binary", ":all:"]
            subprocess.run(
                [*pip, "-d", folder, "-r", listed],
                check=True,
                stderr=subprocess.DEVNULL,
                timeout=DOWNLOAD_SECONDS,
            )


def made_once(name: str, recipe: str, make: Callable[[Path], None]) -> Path:
    """What ``make`` puts at the path that it is given; kept on this machine for the same recipe."""
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    kept = CACHE / f"{name}-{digest}"
    if not kept.exists():
        CACHE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as place:
            make(Path(place) / name)
            with suppress(OSError):  # another test run was faster
                (Path(place) / name).rename(kept)
    return kept
