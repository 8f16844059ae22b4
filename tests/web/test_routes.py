"""What is served at / and below /static, and how."""

import gzip
import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from posixpath import dirname, join, normpath

import brotli
import pytest
from flask.testing import FlaskClient

from app.config import Settings
from app.factory import create_app
from app.web.assets import FOLDER, load_assets

ROOT = Path(__file__).parents[2]
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def client() -> FlaskClient:
    return create_app(Settings()).test_client()


def asset_url(name: str) -> str:
    return f"/static/{load_assets().digest}/{name}"


def test_browsers_get_the_page(client: FlaskClient) -> None:
    answer = client.get("/", headers=HTML)
    assert answer.content_type == "text/html; charset=utf-8"
    assert '<div id="app">' in answer.text
    assert "{{" not in answer.text


@pytest.mark.parametrize("accept", ["*/*", "application/json", None])
def test_programs_get_the_routes(client: FlaskClient, accept: str | None) -> None:
    answer = client.get("/", headers={"Accept": accept} if accept else {})
    routes = {(route["path"], *route["methods"]) for route in answer.get_json()["routes"]}
    assert ("/chat/completions", "POST") in routes
    assert answer.get_json()["openapi"] == "/openapi.json"
    assert "Accept" in answer.vary


def test_the_policy_allows_no_inline_script_or_style(client: FlaskClient) -> None:
    answer = client.get("/", headers=HTML)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'; img-src 'self' data: blob: https: http:;")
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_page_knows_the_mode_and_the_demo_bots() -> None:
    settings = Settings(
        poe_api_keys=("k",),
        access_tokens=("secret-token",),
        bot_urls=(("demo-echo", "http://127.0.0.1:1/"), ("mine", "http://127.0.0.1:2/")),
    )
    page = create_app(settings).test_client().get("/", headers=HTML).text
    facts = json.loads(unescape(re.findall(r'name="poegate" content="([^"]*)"', page)[0]))
    assert facts["mode"] == "token"
    assert facts["demo_bots"] == ["demo-echo"]
    assert "secret-token" not in page


def test_files_are_kept_for_ever_under_their_digest(client: FlaskClient) -> None:
    answer = client.get(asset_url("main.js"))
    assert answer.content_type == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_files_of_another_version_are_not_kept(client: FlaskClient) -> None:
    """A page that was opened before an upgrade still finds its modules."""
    answer = client.get("/static/0123456789abcdef/main.js")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("accepted", "encoding", "decode"),
    [
        ("gzip, deflate, br", "br", brotli.decompress),
        ("gzip, deflate", "gzip", gzip.decompress),
        ("br;q=0, identity", None, bytes),
        (None, None, bytes),
    ],
)
def test_files_come_compressed(
    client: FlaskClient, accepted: str | None, encoding: str | None, decode: object
) -> None:
    answer = client.get(
        asset_url("app.css"), headers={"Accept-Encoding": accepted} if accepted else {}
    )
    assert answer.headers.get("Content-Encoding") == encoding
    assert callable(decode)
    assert decode(answer.data) == (FOLDER / "app.css").read_bytes()
    assert "Accept-Encoding" in answer.vary


def test_an_unchanged_page_is_not_sent_again(client: FlaskClient) -> None:
    first = client.get("/", headers=HTML)
    again = client.get("/", headers={**HTML, "If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.data == b""


@pytest.mark.parametrize("name", ["nothing.js", "../routes.py", "..%2froutes.py", "index.html", ""])
def test_nothing_else_is_served(client: FlaskClient, name: str) -> None:
    answer = client.get(asset_url(name))
    assert answer.status_code == 404
    assert answer.get_json()["error"]["code"] == "unknown_url"


def test_the_page_can_be_turned_off() -> None:
    client = create_app(Settings(page=False)).test_client()
    assert client.get("/", headers=HTML).status_code == 404
    assert client.get(asset_url("main.js")).status_code == 404


def test_what_the_first_view_imports_is_preloaded() -> None:
    """Else the browser would find one layer of modules after another."""
    needed, found = ["main.js", "views/start.js"], set()
    while needed:
        name = needed.pop()
        found.add(name)
        imports = re.findall(r'^(?:import|export)\b[^;]*?"(\.[^"]+)"', read(name), re.MULTILINE)
        needed += {normpath(join(dirname(name), each)) for each in imports} - found
    preloaded = re.findall(r'modulepreload" href="{{static}}/([^"]+)"', load_assets().index)
    assert sorted(preloaded) == sorted(found - {"main.js"})


def read(name: str) -> str:
    return (FOLDER / name).read_text()


def test_every_text_is_in_every_language() -> None:
    tables = re.split(r"^  (?:en|de|zh): \{$", read("strings.js"), flags=re.MULTILINE)[1:]
    english, *others = ({name.strip('"') for name in names(table)} for table in tables)
    assert len(tables) == 3
    for other in others:
        assert other == english
    sources = [path for path in FOLDER.rglob("*.js") if "vendor" not in path.parts]
    used = {name for path in sources for name in re.findall(r'\bt\("([\w.]+)"', path.read_text())}
    assert used <= english


def names(table: str) -> list[str]:
    return re.findall(r'^    ("[\w.-]+"|\w+):', table, re.MULTILINE)


def test_the_vendored_files_are_those_that_were_made() -> None:
    command = [sys.executable, "scripts/vendor.py", "--check"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
