"""The only package that talks to Poe, and the only one that imports fastapi_poe as a client."""
