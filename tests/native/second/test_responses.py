"""The suite of responses, over a gateway that passes everything on."""

import pytest

from tests.dialects.responses.test_routes import *  # noqa: F403

pytestmark = pytest.mark.long
