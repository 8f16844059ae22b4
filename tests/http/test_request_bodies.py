"""Compressed request bodies, as a real gateway reads them."""

import gzip
import json
import zlib
from collections.abc import Callable

import pytest
import requests
import zstandard

from tests.conftest import KEY
from tests.servers import Server

BODY = json.dumps(
    {"model": "demo-echo", "messages": [{"role": "user", "content": "héllo " * 2_000}]}
).encode()


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def post(server: Server, body: bytes, encoding: str, **headers: str) -> requests.Response:
    return requests.post(
        f"{server.url}/v1/chat/completions",
        data=body,
        headers={
            "Authorization": f"Bearer {KEY}",
            "Content-Type": "application/json",
            "Content-Encoding": encoding,
            **headers,
        },
        timeout=30,
    )


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("GZIP", lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:])),
        ("deflate", zlib.compress),
        ("deflate", bare_deflate),
        ("zstd", zstandard.compress),
        ("identity", bytes),
    ],
)
def test_a_body_is_read_decoded(
    gateway: Server, encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    answer = post(gateway, encode(BODY), encoding)
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"].startswith("héllo héllo")


@pytest.mark.parametrize("encoding", ["br", "compress", "gzip, gzip", "x"])
def test_another_encoding_is_refused_by_name(gateway: Server, encoding: str) -> None:
    answer = post(gateway, BODY, encoding)
    assert answer.status_code == 415
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert encoding in error["message"] and "gzip, deflate, zstd" in error["message"]


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (BODY, "gzip"),
        (gzip.compress(BODY)[:-20], "gzip"),
        (zlib.compress(BODY)[:-20], "deflate"),
        (zstandard.compress(BODY)[:-5], "zstd"),
        (BODY, "zstd"),
    ],
)
def test_a_body_that_is_not_of_its_encoding_is_refused(
    gateway: Server, body: bytes, encoding: str
) -> None:
    answer = post(gateway, body, encoding)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_the_limit_holds_for_a_body_of_no_stated_length(gateway: Server) -> None:
    """Chunked: it is counted as it comes."""
    pieces = iter([b"x" * 1_000_000] * 120)
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = requests.post(
        f"{gateway.url}/v1/chat/completions", data=pieces, headers=headers, timeout=30
    )
    assert answer.status_code == 413
    assert answer.json()["error"]["type"] == "request_too_large"


@pytest.mark.parametrize(
    ("encoding", "encode"), [("gzip", gzip.compress), ("zstd", zstandard.compress)]
)
def test_the_limit_counts_what_is_decoded(
    gateway: Server, encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    bomb = encode(b" " * 101_000_000)
    assert len(bomb) < 200_000
    answer = post(gateway, bomb, encoding)
    assert answer.status_code == 413
    assert answer.json()["error"]["type"] == "request_too_large"


@pytest.mark.parametrize(("size", "connection"), [(1_000, "keep-alive"), (150_000, "close")])
def test_a_connection_whose_body_nobody_reads_says_that_it_ends(
    gateway: Server, size: int, connection: str
) -> None:
    """The answer arrives all the same, and the next request finds a connection."""
    with requests.Session() as session:
        for _ in range(5):
            answer = session.post(f"{gateway.url}/v1/embeddings", data=b"x" * size, timeout=10)
            assert answer.status_code == 404
            assert answer.headers["Connection"] == connection
