"""The stages of a reply, each a generator over batches of events, one file a stage."""
