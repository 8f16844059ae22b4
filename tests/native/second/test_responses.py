"""The suite of responses, over a gateway that passes everything on."""

from tests.dialects.responses.test_routes import *  # noqa: F403
