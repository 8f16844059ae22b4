"""LangChain's own tests of chat models: https://pypi.org/project/langchain-tests.

``test_langchain.py`` runs this file in a process of its own, against the gateway whose address is
in GATEWAY_URL: the clients under test leave sockets open, and the tests need plugins of pytest.
"""

import os
from collections.abc import Callable
from os.path import splitext
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from langchain_tests.integration_tests import ChatModelIntegrationTests

from app.demo.picture import colours_for, draw
from app.demo.sound import name_of, play
from tests.suites.rules_bot import NAME

KEY = "test-key"
BASE = os.environ["GATEWAY_URL"]


FILES = {
    ".pdf": (b"%PDF-1.4\n%%EOF", "application/pdf"),
    ".wav": (play(name_of("hi")), "audio/wav"),
}
PICTURE = (draw(colours_for("cat")), "image/png")


@pytest.fixture(autouse=True)
def _files_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests fetch a picture, a PDF and a sound from the web, which is not there."""

    def fetch(url: str, **_: Any) -> httpx.Response:
        data, content_type = FILES.get(splitext(url)[1], PICTURE)
        return httpx.Response(200, content=data, headers={"Content-Type": content_type})

    monkeypatch.setattr(httpx, "get", fetch)


@pytest.fixture
def benchmark() -> Callable[[Callable[[], None]], None]:
    """Runs what would be measured."""
    return lambda run: run()


@pytest.fixture
def vcr() -> SimpleNamespace:
    """A recording without responses: the server is asked."""
    return SimpleNamespace(responses=[])


class _Suite(ChatModelIntegrationTests):
    """What the three have in common."""

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def has_tool_calling(self) -> bool:
        return True

    @property
    def has_tool_choice(self) -> bool:
        return True

    @property
    def has_structured_output(self) -> bool:
        return True

    @property
    def supports_model_override(self) -> bool:
        return False


class TestChat(_Suite):
    """ChatOpenAI over Chat Completions."""

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": NAME, "base_url": f"{BASE}/v1", "api_key": KEY, "stream_usage": True}

    @property
    def supports_audio_inputs(self) -> bool:
        return True


class TestResponses(_Suite):
    """ChatOpenAI over Responses."""

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        common = {"model": NAME, "base_url": f"{BASE}/v1", "api_key": KEY}
        return {**common, "use_responses_api": True}


class TestMessages(_Suite):
    """ChatAnthropic over Messages."""

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatAnthropic

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": NAME, "base_url": BASE, "api_key": KEY, "max_tokens": 1_000}

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supports_json_mode(self) -> bool:
        return False
