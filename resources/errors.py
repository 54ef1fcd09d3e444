"""The one kind of failure that is no bug: input that trying again does not mend."""


class InputError(Exception):
    """A file or a model's answer is absent or wrong; the text names it and says what to do."""


class NotArrivedError(InputError):
    """The files of a day are not there, or not complete."""
