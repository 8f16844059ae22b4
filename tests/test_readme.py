"""The README knows every setting and every route."""

import re
from pathlib import Path

import pytest

from app.config import SETTING_NAMES, Settings
from app.factory import create_app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def routes() -> list[str]:
    """As the README writes them. What only says that Poe cannot do it is one sentence there."""
    rules = create_app(Settings()).url_map.iter_rules()
    served = [str(rule) for rule in rules if not rule.endpoint.startswith("unsupported.")]
    return sorted({re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule) for rule in served})


@pytest.mark.parametrize("name", [*SETTING_NAMES, "POEGATE_CONFIG"])
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize("route", routes())
def test_every_route_is_in_the_readme(route: str) -> None:
    assert route in README
