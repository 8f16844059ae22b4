"""The suite of messages, over a gateway that passes everything on."""

from tests.dialects.messages.test_routes import *  # noqa: F403
