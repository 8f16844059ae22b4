"""The clients of the APIs under test."""

from collections.abc import Iterator

import anthropic
import pytest

from tests.conftest import KEY
from tests.servers import Server


@pytest.fixture
def claude(gateway: Server) -> Iterator[anthropic.Anthropic]:
    """Anthropic's SDK, which here refuses what its own types do not allow."""
    with anthropic.Anthropic(
        base_url=gateway.url, api_key=KEY, max_retries=0, _strict_response_validation=True
    ) as sdk:
        yield sdk
