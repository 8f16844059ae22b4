"""buildah and podman where no Docker runs: images of both releases, built and run off-line.

Root, and Debian's buildah, podman and mmdebstrap are needed. Everything happens in a mount and a
network namespace of its own, with the image store in a folder of the test's. What the official base
image would be is made of Debian's packages: Debian 12 has Python 3.11, in place of the 3.12 that
the Dockerfile names.
"""

import json
import resource
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.demo.server import bot_urls
from tests.deploy.releases import (
    CURRENT,
    PREVIOUS,
    copy_wheels,
    export,
    made_once,
    make_repository,
)
from tests.servers import ROOT

BOTS = "http://127.0.0.1:9000"
PORT = 8000
BASE = "localhost/python:3.12-slim"
MAX_SECONDS = 300
"""For each command."""

_PIP_CONF = "[global]\\nno-index = true\\nfind-links = /wheels\\n"
# A virtual environment at /usr/local has python and pip where the official image has them.
_BASE = (
    "--quiet",
    "--variant=minbase",
    "--dpkgopt=force-unsafe-io",
    "--include=python3-venv,ca-certificates",
    '--customize-hook=chroot "$1" python3 -m venv /usr/local',
    f'--customize-hook=printf "{_PIP_CONF}" >"$1/etc/pip.conf"',
)

# A machine that is a sandbox itself may not raise limits, as podman would by default.
_LIMITS = """
[containers]
default_ulimits = ["nofile={nofile}:{nofile}", "nproc=8000:8000"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""

# Loopback is down in a new network namespace; crun takes no hybrid of cgroups 1 and 2.
_NAMESPACE = """
import fcntl, signal, socket, struct, subprocess
request = struct.pack("16sh14x", b"lo", 1)
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, request)
subprocess.run(["umount", "/sys/fs/cgroup/unified"], stderr=subprocess.DEVNULL)
print("ready", flush=True)
signal.pause()
"""


class Engine:
    """Runs ``docker`` command lines by podman, and builds by buildah."""

    def __init__(self, namespace: int, folder: Path, run_root: str) -> None:
        """``run_root``: podman takes no path of more than 50 characters."""
        self._enter = ["nsenter", "-t", str(namespace), "-m", "-n"]
        configuration = f"CONTAINERS_CONF={folder / 'containers.conf'}"
        self._environment = [f"TMPDIR={folder}", configuration]
        store = [f"--root={folder / 'store'}", f"--runroot={run_root}"]
        self._store = [*store, "--storage-driver=overlay"]
        self._wheels = f"{folder / 'wheels'}:/wheels:ro"

    def run(self, command: list[str], folder: Path = ROOT, check: bool = True) -> str:
        """What a command prints in the namespaces. Its errors are shown where it fails."""
        done = subprocess.run(
            [*self._enter, "env", f"--chdir={folder}", *self._environment, *command],
            capture_output=True,
            text=True,
            timeout=MAX_SECONDS,
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout if done.returncode == 0 else f"exit code {done.returncode}"

    def podman(self, *arguments: str, folder: Path = ROOT, check: bool = True) -> str:
        return self.run(["podman", *self._store, *arguments], folder, check)

    def docker(self, line: str, folder: Path, check: bool = True) -> str:
        """A line of deploy/README.md. Ports are not mapped: the container shares the namespace."""
        program, verb, *rest = shlex.split(line)
        assert program == "docker", line
        if verb == "build":
            options = ["--isolation=chroot", "--pull-never", "--layers", "--format=docker"]
            command = ["buildah", *self._store, "bud", *options, f"--volume={self._wheels}", *rest]
            return self.run(command, folder, check)
        if verb == "run" and "-p" in rest:
            at = rest.index("-p")
            rest[at : at + 2] = ["--network=host"]
        return self.podman(verb, *rest, folder=folder, check=check)

    def inspect(self, kind: str, name: str) -> dict[str, object]:
        [found] = json.loads(self.podman(kind, "inspect", name))
        return dict(found)

    def curl(self, path: str, body: dict[str, object] | None = None) -> dict[str, object]:
        """The JSON that the gateway answers once it listens."""
        tries = ["--retry", "60", "--retry-delay", "1", "--retry-connrefused", "-sS", "-m", "90"]
        headers = ["-H", "Authorization: Bearer key", "-H", "Content-Type: application/json"]
        data = ["-d", json.dumps(body)] if body else []
        url = f"http://127.0.0.1:{PORT}{path}"
        return dict(json.loads(self.run(["curl", *tries, *headers, *data, url])))

    def import_base(self, archive: Path) -> None:
        self.podman("import", "--quiet", str(archive), BASE)


@contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    """With the files of both releases in ``folder``, named by their tags, and the base image."""
    make_repository(folder / "origin.git")
    for tag in (PREVIOUS, CURRENT):
        export(tag, folder / "origin.git", folder / tag)
        environment = (folder / tag / "deploy/poegate.env.sample").read_text()
        settings = f"{environment}\nBOT_URLS={bot_urls(BOTS)}\n"
        (folder / tag / "deploy/poegate.env").write_text(settings)
    copy_wheels(folder / "origin.git", folder / "wheels")
    nofile = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    (folder / "containers.conf").write_text(_LIMITS.format(nofile=nofile))
    namespace = ["unshare", "--mount", "--net", sys.executable, "-c", _NAMESPACE]
    with (
        tempfile.TemporaryDirectory(
            prefix="podman-", dir="/tmp", ignore_cleanup_errors=True
        ) as run_root,
        subprocess.Popen(namespace, stdout=subprocess.PIPE, text=True) as holder,
    ):
        assert holder.stdout and holder.stdout.readline() == "ready\n"
        engine = Engine(holder.pid, folder, run_root)
        inside = ["nsenter", "-t", str(holder.pid), "-n", sys.executable, "-m", "uvicorn"]
        command = [*inside, "app.demo.server:application", "--factory", "--port=9000"]
        bots = subprocess.Popen([*command, "--log-level=warning"], cwd=ROOT)
        try:
            engine.import_base(made_once("base", repr(_BASE), _make_base))
            yield engine
        finally:
            engine.podman("rm", "--all", "--force", "--time=5", check=False)
            bots.terminate()
            bots.wait(10)
            holder.terminate()


def _make_base(archive: Path) -> None:
    """Debian with Python and pip, as a tar archive."""
    output = ["--format=tar", "bookworm", str(archive), "http://deb.debian.org/debian"]
    subprocess.run(["mmdebstrap", *_BASE, *output], check=True, timeout=MAX_SECONDS)
