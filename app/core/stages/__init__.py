"""The stages that a reply passes through, each a generator over batches of events.

A stage passes empty batches on: they are the ticks that keep a silent stream alive.
"""
