"""The suites of the vendors' SDKs, over a gateway whose Poe is a second gateway."""
