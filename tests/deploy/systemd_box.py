"""A booted systemd in a container (systemd_box.sh), with this project's repository in it."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.demo.server import bot_urls
from tests.deploy.releases import copy_wheels, make_repository
from tests.servers import ROOT

SCRIPT = Path(__file__).with_name("systemd_box.sh")
BOOT_SECONDS = 60
COMMAND_SECONDS = 120
SHELL = [
    *("env", "-i", "HOME=/root", "LANG=C.UTF-8", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/bin"),
    *("PIP_NO_INDEX=1", "PIP_FIND_LINKS=/srv/box/wheels"),
]
BOTS = "http://127.0.0.1:9000"

# What a guide's lines do that need a network or a person.
_LEFT_OUT = ("sudo apt install ", "sudo nano ")


class Box:
    """The container whose init has that process id, seen from here."""

    def __init__(self, init: int) -> None:
        self._init = str(init)

    def run(self, script: str, *, check: bool = True, words: str = "") -> str:
        """What a bash script prints there, errors too. ``words`` is its standard input."""
        namespaces = ["nsenter", "-t", self._init, "-m", "-u", "-i", "-n", "-p", "-C"]
        done = subprocess.run(
            [*namespaces, *SHELL, "bash", "-ec", script],
            input=words,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        assert not check or done.returncode == 0, f"{script}\nended with {done.returncode}\n" + (
            done.stdout + self.log()
        )
        return done.stdout

    def follow(self, lines: Sequence[str]) -> str:
        """Does what a guide says, without what needs a network or a person."""
        return self.run("\n".join(line for line in lines if not line.startswith(_LEFT_OUT)))

    def write(self, path: str, text: str) -> None:
        self.run(f"mkdir -p $(dirname {path}); cat > {path}", words=text)

    def state(self, unit: str, name: str) -> str:
        """One of systemd's properties of a unit."""
        return self.run(f"systemctl show --value --property={name} {unit}").strip()

    def log(self) -> str:
        if not self.run("command -v journalctl", check=False):
            return ""
        return self.run("journalctl -u poegate -u poegate.socket -o cat -n 25", check=False)

    def ask(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The JSON of the gateway's answer; the status is in it under "status_code"."""
        script = (
            "curl -sS -m 60 -w '\\n%{http_code}' -H 'Authorization: Bearer key' "
            "-H 'Content-Type: application/json' --data-binary @- "
            f"{'' if body else '-X GET '}http://127.0.0.1:8000{path}"
        )
        text, _, status = self.run(script, words=json.dumps(body) if body else "").rpartition("\n")
        return {**json.loads(text), "status_code": int(status)}

    def start(self, *command: str, stdout: int | None = None) -> "subprocess.Popen[str]":
        """A Python module of this working copy, in the container's network alone."""
        return subprocess.Popen(
            ["nsenter", "-t", self._init, "-n", sys.executable, "-m", *command],
            cwd=ROOT,
            stdout=stdout,
            text=True,
        )


@contextmanager
def booted(folder: Path) -> Iterator[Box]:
    """Debian's systemd; the demo bots on port 9000, the repository at /srv/box/origin.git."""
    make_repository(folder / "origin.git")
    copy_wheels(folder / "origin.git", folder / "wheels")
    command = ["unshare", "--mount", "bash", str(SCRIPT), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as boot:
        assert boot.stdout is not None
        init = int(boot.stdout.readline() or 0)
        assert init, "the container does not boot"
        box = Box(init)
        bots = box.start("uvicorn", "app.demo.server:application", "--factory", "--port=9000")
        try:
            box.run("command -v sudo || printf '#!/bin/sh\\nexec \"$@\"\\n' > /usr/local/bin/sudo")
            box.run("chmod +x $(command -v sudo || echo /usr/local/bin/sudo)")
            yield box
        finally:
            bots.terminate()
            bots.wait(10)
            subprocess.run(["kill", "-s", "KILL", str(init)], check=False)
            boot.wait(30)


def settings(**values: str) -> str:
    """The text of /etc/poegate.env."""
    return "".join(
        f"{name}={value}\n" for name, value in {"BOT_URLS": bot_urls(BOTS), **values}.items()
    )
