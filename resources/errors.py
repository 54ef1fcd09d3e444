"""The two kinds of failure that are no bug: of the input, and of where it lies."""


class InputError(Exception):
    """A file or a model's answer is absent or wrong; the text names it and says what to do.

    Trying again does not mend it.
    """


class NotArrivedError(InputError):
    """The files of a day are not there, or not complete."""


class StorageError(Exception):
    """A file could not be read or written for now; the text names it. Trying again may help."""
