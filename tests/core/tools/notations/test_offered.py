"""Names of tools as models spell them."""

import pytest

from app.core.conversation import ToolSpec
from app.core.tools.notations.offered import OfferedTools

NAMES = ("get_weather", "mcp__burp__.status", "mcp__burp__.stop", "mcp__disk__.stop", "web.open")
TOOLS = OfferedTools(map(ToolSpec, NAMES))


@pytest.mark.parametrize(
    "spelt, name",
    [
        ("get_weather", "get_weather"),
        ("functions.get_weather", "get_weather"),
        ("functions.get_weather:12", "get_weather"),
        ("get_weather:0", "get_weather"),
        ("default_api.get_weather", "get_weather"),
        ("get_weather<|channel|>json", "get_weather"),
        (" `get_weather` ", "get_weather"),
        ("Get-Weather", "get_weather"),
        ("mcp__burp__status", "mcp__burp__.status"),
        ("burp.status", "mcp__burp__.status"),
        ("status", "mcp__burp__.status"),
        ("mcp__disk__stop", "mcp__disk__.stop"),
        ("functions.web.open", "web.open"),
        ("webopen", "web.open"),
        ("open", "web.open"),
    ],
)
def test_found(spelt: str, name: str) -> None:
    tool = TOOLS.find(spelt)
    assert tool is not None and tool.name == name


@pytest.mark.parametrize(
    "spelt", ["stop", "weather", "", ":0", "functions.", "get_weather_2", "..."]
)
def test_not_found(spelt: str) -> None:
    assert TOOLS.find(spelt) is None
