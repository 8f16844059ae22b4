"""The Models API of OpenAI and of Anthropic."""
