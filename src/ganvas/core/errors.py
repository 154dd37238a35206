"""The one kind of error that a person is meant to read."""


class UserError(Exception):
    """Something in what the user gave cannot work: what was found, what was expected, what to do.

    The command line prints the sentence and exits with code 2; Python callers catch it.
    """
