"""OpenAI's Videos API."""
