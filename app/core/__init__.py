"""Pure: imports no flask, no fastapi_poe, opens no socket."""
