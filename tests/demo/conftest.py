"""Here fastapi_poe is the client as it is installed, without what the gateway changes in it."""

import asyncio
from collections.abc import Iterator

import fastapi_poe.client
import httpx_sse
import pytest


@pytest.fixture(autouse=True)
def plain_library(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tests of the same process may have made a PoeClient or an Uploader before."""
    monkeypatch.setattr(fastapi_poe.client, "asyncio", asyncio)
    monkeypatch.setattr(fastapi_poe.client, "httpx_sse", httpx_sse)
    yield
