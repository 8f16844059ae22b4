"""The shape of what clients send, in marshmallow, one module per wire format."""
