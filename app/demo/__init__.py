"""Poe-protocol bots on fastapi_poe's own server side, for ``make run`` and the tests."""
