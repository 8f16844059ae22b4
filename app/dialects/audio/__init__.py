"""OpenAI's Audio API."""
