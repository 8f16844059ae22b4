"""This release and the one before it: a repository to be cloned, and wheels for no network."""

import re
import subprocess
from pathlib import Path

from tests.deploy.guide import commands
from tests.servers import ROOT

PREVIOUS_COMMIT = "5f96730e3688bd4314f4f3549199dd5050afe683"
"""What PREVIOUS was. To be changed at each release, together with deploy/README.md's tags."""


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


def download_wheels(repository: Path, folder: Path) -> None:
    """What both releases require, for the system's own Python, so that pip needs no network later.

    By that Python's own pip, because what is required depends on its version.
    """
    subprocess.run(["/usr/bin/python3", "-m", "venv", folder / "venv"], check=True)
    required = {
        _git(f"--git-dir={repository}", "show", f"{tag}:requirements.txt")
        for tag in (PREVIOUS, CURRENT)
    }
    for number, text in enumerate(required):
        path = folder / f"requirements-{number}.txt"
        path.write_text(text)
        pip = [folder / "venv/bin/pip", "download", "--quiet", "--only-binary", ":all:"]
        subprocess.run(
            [*pip, "-d", folder, "-r", path],
            check=True,
            stderr=subprocess.DEVNULL,
            timeout=300,
        )
