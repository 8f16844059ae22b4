"""deploy/nginx.conf in a real nginx on loopback."""

import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.deploy.programs import DEPLOY, running_program
from tests.servers import Server, free_port

SITE = (DEPLOY / "nginx.conf").read_text()
# /usr/sbin is not on everyone's path.
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
TEMP_PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")

# What Debian's own nginx.conf has around its sites, with every file in a folder of the test's.
AROUND = """
user {user};
daemon off;
pid {folder}/nginx.pid;
events {{ worker_connections 768; }}
http {{
    access_log off;
    gzip on;
    {temp_paths}
    include {folder}/site.conf;
}}
"""


def _site(port: int, upstream_port: int) -> str:
    """deploy/nginx.conf with its addresses replaced, and nothing else."""
    text = SITE
    for real, ours in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        # A second loopback port, for a CI box may have no IPv6.
        ("listen [::]:80;", f"listen 127.0.0.1:{free_port()};"),
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{upstream_port};"),
    ):
        assert text.count(real) == 1, real
        text = text.replace(real, ours)
    return text


def _around(folder: Path) -> str:
    # The one who started nginx, so that its workers may write to the folder.
    user = pwd.getpwuid(os.geteuid()).pw_name
    temp_paths = " ".join(f"{name}_temp_path {folder}/{name};" for name in TEMP_PATHS)
    return AROUND.format(user=user, folder=folder, temp_paths=temp_paths)


@contextmanager
def nginx_before(upstream_port: int, folder: Path) -> Iterator[Server]:
    """nginx with the site, its files in that folder, before whatever serves on that port."""
    port = free_port()
    (folder / "site.conf").write_text(_site(port, upstream_port))
    (folder / "nginx.conf").write_text(_around(folder))
    command = [NGINX, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    with running_program(command, port, folder / "log") as server:
        yield server
