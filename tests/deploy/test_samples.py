"""The samples of settings: each setting is there, and each default is the one of app.config."""

import re
import tomllib
from pathlib import Path

import pytest

from app.config import SETTING_NAMES, BotRule, Settings, load_settings
from tests.deploy.programs import DEPLOY

ENV = (DEPLOY / "poegate.env.sample").read_text()
TOML = (DEPLOY / "poegate.toml.sample").read_text()


def _taken_up(sample: str) -> str:
    """The sample with each of its settings switched on: prose has a blank after its ``#``."""
    return re.sub(r"^#(?=\S)", "", sample, flags=re.MULTILINE)


def _variables(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "poegate.toml"
    path.write_text(_taken_up(TOML))
    return path


def test_the_environment_has_every_setting_and_no_other() -> None:
    assert set(_variables(_taken_up(ENV))) == {*SETTING_NAMES, "POEGATE_CONFIG"}


def test_the_environment_as_shipped_sets_nothing() -> None:
    assert _variables(ENV) == {}


def test_the_environment_holds_the_defaults() -> None:
    assert load_settings(_variables(_taken_up(ENV))) == Settings()


def test_the_file_has_every_setting_and_no_other(toml: Path) -> None:
    names = {name.lower() for name in SETTING_NAMES}
    assert set(tomllib.loads(toml.read_text())) == {*names, "bot", "token"}


def test_the_file_as_shipped_sets_nothing() -> None:
    path = str(DEPLOY / "poegate.toml.sample")
    assert load_settings({"POEGATE_CONFIG": path}) == Settings()


def test_the_file_holds_the_defaults_where_there_are_any(toml: Path) -> None:
    settings, default = load_settings({"POEGATE_CONFIG": str(toml)}), Settings()
    names = [name.lower() for name in SETTING_NAMES if getattr(default, name.lower())]
    assert [getattr(settings, name) for name in names] == [getattr(default, n) for n in names]


def test_the_file_shows_aliases_as_text_as_tables_and_as_globs(toml: Path) -> None:
    settings = load_settings({"POEGATE_CONFIG": str(toml)})
    assert BotRule("gpt-4", "GPT-4o") in settings.bots
    assert settings.bot_named("claude-3-5-haiku-latest") == "Claude-Haiku-4.5"
    assert settings.bot_named("claude-sonnet-4") == "Claude-Opus-4.5"


def test_the_readme_names_every_file() -> None:
    readme = (DEPLOY / "README.md").read_text()
    shipped = {path.name for path in DEPLOY.iterdir() if path.name[0] != "."} - {"README.md"}
    assert [name for name in shipped if f"`{name}`" not in readme] == []
