"""The suite of chat, over a gateway that passes everything on."""

import pytest

from tests.dialects.chat.test_routes import *  # noqa: F403

pytestmark = pytest.mark.long
