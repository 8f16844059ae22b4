"""Pure translators between a wire format and the core, one module each."""
