"""Requests and bots that try to hold up or fill up a worker, and what another client feels of it.

Each attack runs against a real gateway while a neighbour reads a stream of its own.
"""
