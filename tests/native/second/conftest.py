"""Two gateways: the first passes everything to the API of the second, which asks the bots."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import anthropic
import openai
import pytest

from tests.conftest import KEY, StartGateway
from tests.servers import Server


@pytest.fixture(scope="package")
def gateway(gateways: Callable[[], AbstractContextManager[StartGateway]]) -> Iterator[Server]:
    """In the place of the gateway that asks bots itself."""
    limits = {"FIRST_EVENT_TIMEOUT": "2", "IDLE_TIMEOUT": "2"}
    with gateways() as start:
        second = start(**limits, HEADERS_WAIT="1", KEEPALIVE_SECONDS="1")
        longer = {"FIRST_EVENT_TIMEOUT": "6", "IDLE_TIMEOUT": "6"}
        yield start(
            **longer,
            HEADERS_WAIT="2",
            KEEPALIVE_SECONDS="5",
            UPSTREAM="api",
            BOT_URLS="",
            POE_API_URL=second.url,
        )


@pytest.fixture
def claude(gateway: Server) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=gateway.url, api_key=KEY, max_retries=0, _strict_response_validation=True
    ) as sdk:
        yield sdk


@pytest.fixture
def client(gateway: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as sdk:
        yield sdk
