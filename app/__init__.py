"""Poegate: every bot of Poe behind the APIs that applications already speak."""
