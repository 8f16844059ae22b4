"""Structured output: asking a bot for JSON, finding it in the answer and checking it."""
