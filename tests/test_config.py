"""Settings from the environment and from a TOML file."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.config import ConfigError, Settings, load_settings, misspelt_settings
from tests.servers import ROOT, Server, free_port


def test_it_works() -> None:
    settings = load_settings(
        {
            "POE_API_KEYS": "a, b",
            "ACCESS_TOKENS": '["t"]',
            "BOT_URLS": "mine=http://h/x=1, demo-*=http://d/",
            "PORT": "9000",
            "HEADERS_WAIT": "0.5",
            "HOST": "",
        }
    )
    assert settings.poe_api_keys == ("a", "b")
    assert settings.access_tokens == ("t",)
    assert settings.url_of("mine") == "http://h/x=1"
    assert settings.url_of("demo-echo") == "http://d/demo-echo"
    assert settings.url_of("other") is None
    assert (settings.port, settings.headers_wait, settings.host) == (9000, 0.5, "127.0.0.1")


def test_a_name_cannot_choose_another_path() -> None:
    settings = load_settings({"BOT_URLS": "my-*=http://h/own/,x-*=http://h/{bot}/y"})
    assert settings.url_of("my-a/../../admin?z=1") == "http://h/own/my-a%2F..%2F..%2Fadmin%3Fz%3D1"
    assert settings.url_of("x-@evil/") == "http://h/x-%40evil%2F/y"


@pytest.mark.parametrize(
    ("environ", "exposed"),
    [
        ({"HOST": "0.0.0.0"}, False),
        ({"BOT_URLS": "a=http://h/"}, False),
        ({"HOST": "::1", "BOT_URLS": "a=http://h/"}, False),
        ({"HOST": "0.0.0.0", "BOT_URLS": "a=http://h/"}, True),
        ({"HOST": "box.lan", "BOT_URLS": "a=http://h/"}, True),
        ({"HOST": "0.0.0.0", "BOT_URLS": "a=http://h/", "ACCESS_TOKENS": "t"}, False),
    ],
)
def test_own_bots_open_to_the_network(environ: dict[str, str], exposed: bool) -> None:
    assert load_settings(environ).is_exposed is exposed


def test_defaults() -> None:
    assert load_settings({}) == Settings()


def test_toml_file_and_environment(tmp_path: Path) -> None:
    file = tmp_path / "poegate.toml"
    file.write_text(
        'port = 9001\nhost = "::1"\naccess_tokens = ["t"]\n'
        '[bot]\n"gpt-4" = "GPT-4o"\n"claude-*" = {alias_of = "Claude-Opus-4.5"}\n'
        '[bot_urls]\nmine = "http://h/{bot}"\n'
    )
    settings = load_settings({"POEGATE_CONFIG": str(file), "PORT": "9002"})
    assert (settings.port, settings.host) == (9002, "::1")
    assert settings.bot_named("gpt-4") == "GPT-4o"
    assert settings.bot_named("claude-3") == "Claude-Opus-4.5"
    assert settings.bot_named("other") == "other"
    assert settings.url_of("mine") == "http://h/mine"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eight"),
        ("PORT", "70000"),
        ("WEB_CONCURRENCY", "0"),
        ("IDLE_TIMEOUT", "-1"),
        ("HEADERS_WAIT", "nan"),
        ("REASONING", "loud"),
        ("UPSTREAM", "both"),
        ("POE_BASE_URL", "api.poe.com"),
        ("BOT_URLS", "mine"),
        ("BOT_URLS", "mine=127.0.0.1:8000/x"),
        ("MODEL_ALIASES", "=x"),
        ("ACCESS_TOKENS", "[1]"),
        ("ACCESS_TOKENS", "two words"),
        ("POE_API_KEYS", "key"),
        ("POEGATE_CONFIG", "/nowhere.toml"),
    ],
)
def test_a_bad_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        load_settings({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOOL_ADAPTER", "loud"),
        ("TOOL_ADAPTER", "app.nowhere.Adapter"),
        ("TOOL_ADAPTER", "app.config.Settings"),
        ("REASONING", "loud"),
        ("POEGATE_CONFIG", "/nowhere.toml"),
    ],
)
def test_a_bad_setting_ends_the_start_in_one_line(name: str, value: str) -> None:
    environ = {**os.environ, "PORT": str(free_port()), name: value}
    command = [sys.executable, "-m", "gunicorn"]
    ended = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30
    )
    assert ended.returncode != 0
    [line] = [line for line in ended.stderr.splitlines() if name in line]
    assert line.startswith(f"poegate: {name}: ")
    assert "Traceback" not in ended.stderr
    assert ended.stderr.count("Booting worker") <= 1


@pytest.mark.parametrize(
    "text",
    [
        "x =",
        "colour = 1",
        "bot = 1",
        "[bot]\na = {b = 1}",
        "[bot]\na = 5",
        "[bot]\na = {alias_of = 5}",
        "[bot]\na = {tool_adapter = ['native']}",
        "[bot]\na = {alias_of = ''}",
        "[bot]\na = {glob = 'b'}",
    ],
)
def test_a_bad_file_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        load_settings({"POEGATE_CONFIG": str(file)})


MISSPELT = [
    ("POE_API_KEY", "POE_API_KEYS"),
    ("ACCESS_TOKEN", "ACCESS_TOKENS"),
    ("acces_tokens", "ACCESS_TOKENS"),
    ("IDLE_TIMOUT", "IDLE_TIMEOUT"),
]


@pytest.mark.parametrize(("name", "meant"), MISSPELT)
def test_a_misspelt_setting_is_found(name: str, meant: str) -> None:
    assert misspelt_settings({name: "x"}) == {name: meant}
    assert misspelt_settings({name: ""}) == {}


def test_other_programs_variables_are_no_settings() -> None:
    others = "PATH HOME HOSTNAME HOSTS PORTS REPORT STATE_DIRECTORY LOGS_DIRECTORY OPENAI_API_KEY"
    kubernetes = "POEGATE_PORT POEGATE_SERVICE_HOST KUBERNETES_PORT WEB_MEMORY DATABASE_URL"
    assert misspelt_settings(dict.fromkeys(f"{others} {kubernetes}".split(), "x")) == {}


@pytest.mark.parametrize(("name", "meant"), MISSPELT[:3])
def test_a_misspelt_key_does_not_open_the_gateway_to_all(name: str, meant: str) -> None:
    load_settings({name: "x"})
    load_settings({name: "x", "HOST": "::1"})
    with pytest.raises(ConfigError, match=f"{name}.*{meant}"):
        load_settings({name: "x", "HOST": "0.0.0.0"})
    load_settings({"IDLE_TIMOUT": "x", "HOST": "0.0.0.0"})
    keys = {"POE_API_KEYS": "k", "ACCESS_TOKENS": "t", "HOST": "0.0.0.0"}
    load_settings({name: "x", **keys})


def test_a_misspelt_setting_is_warned_of(start_gateway: Callable[..., Server]) -> None:
    gateway = start_gateway(IDLE_TIMOUT="5")
    assert "IDLE_TIMOUT: there is no such setting. Did you mean IDLE_TIMEOUT?" in gateway.printed()


def test_secrets_do_not_show() -> None:
    settings = Settings(poe_api_keys=("hidden-key",), access_tokens=("hidden-token",))
    assert "hidden" not in repr(settings)
