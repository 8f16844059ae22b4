"""The Files API of OpenAI and of Anthropic."""
