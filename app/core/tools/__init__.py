"""Tools for bots that have none: the adapters that TOOL_ADAPTER names, and what they read by."""
