"""Text that UTF-8 can hold: JSON can escape one half of a surrogate pair alone."""


def is_encodable(text: str) -> bool:
    """Whether the text has no lone surrogate."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def encodable(text: str) -> str:
    """The text with its pairs of surrogates joined, and U+FFFD for each lone one."""
    if is_encodable(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
