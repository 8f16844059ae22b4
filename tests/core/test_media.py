"""Files in base64, which are read in pieces."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import turns
from app.core.media import media_from_base64, media_from_url
from app.errors import InvalidRequest


def read(payload: str) -> bytes | None:
    return media_from_base64(payload, "image/png", "name", "param").data


@pytest.fixture(autouse=True, scope="module")
def short_pieces() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(turns, "PIECE", 5)
        yield


@given(st.binary(min_size=1, max_size=40), st.lists(st.integers(0, 60), max_size=5))
def test_white_space_may_be_anywhere(data: bytes, places: list[int]) -> None:
    payload = base64.b64encode(data).decode()
    for place in places:
        payload = payload[:place] + "\n " + payload[place:]
    assert read(payload) == data
    assert media_from_url(f"data:image/png;base64,{payload}", "image", "param").data == data


@pytest.mark.parametrize(
    "payload",
    "QUJD=QUJD QUI=QUJD QUI=QQ== QQ==QUJDQUJD QUJDQ QUJDQUJDQ= QU_D ==== \u00e9".split(),
)
def test_what_is_no_base64(payload: str) -> None:
    with pytest.raises(InvalidRequest, match="Not valid base64"):
        read(payload)
