"""Short lists and tables, written as they are read."""


def words(text: str) -> list[str]:
    """Parted by blanks."""
    return text.split()


def table(text: str) -> dict[str, str]:
    """Rows parted by |, each a word, a blank, and what it stands for."""
    rows = (row.strip().partition(" ") for row in text.split("|"))
    return {word: meaning for word, _, meaning in rows}
