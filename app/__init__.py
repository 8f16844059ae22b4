"""Poegate: every bot of Poe behind the APIs that applications already speak."""

__version__ = "0.2.0"
"""Read by pyproject.toml and by /openapi.json."""
