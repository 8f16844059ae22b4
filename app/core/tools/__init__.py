"""Ways for a bot to call tools, one module each: TOOL_ADAPTER picks one."""
