"""The operator's API: tokens, usage, keys, requests, health."""
