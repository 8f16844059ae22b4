"""The suite of messages, over a gateway that passes everything on."""

import pytest

from tests.dialects.messages.test_routes import *  # noqa: F403

pytestmark = pytest.mark.long
