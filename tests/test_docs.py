"""The pages say what the code does: settings, routes, the map, and links that lead somewhere."""

import re
import tomllib
from pathlib import Path

import pytest

from app.config import SETTING_NAMES, Settings
from app.factory import create_app
from docs.generate import DOCS, PARTS, ROOT, default_of, renewed

GENERATED = sorted({page for page, _ in PARTS})
PAGES = [*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(ROOT / "deploy").glob("*.md")]
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \| ", re.MULTILINE)


def rows(path: Path) -> list[tuple[str, str]]:
    """The first two cells of each row whose first cell is code."""
    return ROW.findall(path.read_text())


def routes() -> list[str]:
    """``GET /models/{name}``; what only says that Poe cannot do it is one sentence in the docs."""
    return sorted(
        method + " " + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for rule in create_app(Settings()).url_map.iter_rules()
        if not rule.endpoint.startswith("unsupported.") and not rule.websocket
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    )


def test_settings_have_a_row_each() -> None:
    names = [name for name, _ in rows(DOCS / "settings.md")]
    assert sorted(names) == sorted([*SETTING_NAMES, "POEGATE_CONFIG"])


def test_routes_have_a_row_each() -> None:
    assert sorted(name for name, _ in rows(DOCS / "routes.md")) == routes()


def test_modules_have_a_row_each() -> None:
    found = (path.relative_to(ROOT) for path in (ROOT / "app").rglob("*.py"))
    modules = sorted(str(path) for path in found if path.name != "__init__.py")
    linked = re.findall(
        r"^\| \[`[^`]+`\]\(\.\./(.+?)\)", (DOCS / "architecture.md").read_text(), re.M
    )
    assert sorted(linked) == modules


def test_the_settings_of_the_readme_have_their_defaults() -> None:
    shown = rows(ROOT / "README.md")
    settings = [(name, default) for name, default in shown if name in SETTING_NAMES]
    assert len(settings) >= 8
    assert settings == [(name, default_of(name.lower())) for name, _ in settings]
    bots = {name for name, _ in shown} - {name for name, _ in settings}
    assert all(name.startswith("demo-") for name in bots)


@pytest.mark.parametrize("page", GENERATED)
def test_a_lost_line_of_a_generated_page_is_noticed(page: str) -> None:
    text = (DOCS / page).read_text()
    assert renewed(page, text) == text
    made = [number for number, line in enumerate(text.splitlines()) if line.startswith("| ")]
    for number in (made[-1], made[len(made) // 2]):
        lines = text.splitlines(keepends=True)
        assert renewed(page, "".join(lines[:number] + lines[number + 1 :])) == text


def test_the_arrows_are_those_of_the_contract() -> None:
    """The drawing is made from the imports; import-linter's layers say which may be there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    [layers] = [
        contract["layers"]
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    ]
    height = {
        package: -level
        for level, line in enumerate(layers)
        for package in re.findall(r"app\.(\w+)", line)
    }
    drawn = re.findall(r"^    (\w+) --> (\w+)$", (DOCS / "architecture.md").read_text(), re.M)
    inner = [(start, end) for start, end in drawn if start != "__main__"]
    assert len(inner) >= 8
    assert all(height[start] > height[end] for start, end in inner)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
