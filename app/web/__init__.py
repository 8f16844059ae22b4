"""The page at /: what a browser sees of the gateway. Everything it needs is served from here."""
