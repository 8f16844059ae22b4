"""The suite of chat, over a gateway that passes everything on."""

from tests.dialects.chat.test_routes import *  # noqa: F403
