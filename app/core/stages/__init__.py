"""The stages of a reply's way to the client, each a generator over batches of events.

A stage passes empty batches on: they are the ticks by which a silent stream is kept alive.
"""
