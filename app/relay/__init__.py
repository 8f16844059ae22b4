"""From a query to its answer: keys, adapters, stages, counting, jobs."""
