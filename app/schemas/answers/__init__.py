"""The shape of what the gateway answers, for the OpenAPI document: nothing is rendered by it."""
