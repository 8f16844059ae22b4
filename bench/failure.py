"""The one error of the benchmark."""


class Failure(Exception):
    """A measurement could not be made, or showed a wrong answer."""
