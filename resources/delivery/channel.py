"""Channel: where messages are sent to."""

from __future__ import annotations

from typing import Protocol

from resources.delivery.messages import Message


class UndeliveredError(Exception):
    """A message that was not taken; it waits in the outbox and is sent again.

    Parameters
    ----------
    reason
        In words, without any secret.
    retry_after
        Seconds that the other side asks to wait.
    refused
        Whether the other side said that this message, or our key, is wrong: sending it again soon
        would not help.
    """

    def __init__(
        self, reason: str, *, retry_after: float | None = None, refused: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.refused = refused


class Channel(Protocol):
    """Somebody, or some system, that is told."""

    @property
    def name(self) -> str:
        """``pagerduty``, ``datadog`` or ``log``."""
        ...

    def takes(self, message: Message) -> bool:
        """Whether this kind of message is for this channel."""
        ...

    def send(self, message: Message) -> str:
        """Send a message; sending it again must do no harm.

        Returns
        -------
        str
            What the other side answered, without any secret.

        Raises
        ------
        UndeliveredError
            If it was not taken, or nobody knows.
        """
        ...
