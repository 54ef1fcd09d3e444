"""Channel: a system that messages are sent to."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from resources.delivery.messages import Message

if TYPE_CHECKING:
    from resources.store import Store


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
    """A system that takes messages.

    Classes are listed in `resources.delivery.channels`, and pass
    ``tests/resources/delivery/test_channel_contract.py``.
    """

    name: ClassVar[str]
    """In small letters: part of paths in the store, and value of the tag ``channel``."""

    @classmethod
    def from_environment(cls, store: Store) -> Self | None:
        """The channel as this deployment configures it; None if it does not.

        It raises nothing: a setting that is wrong is an `UndeliveredError` of each message.
        """
        ...

    def takes(self, message: Message) -> bool:
        """Whether this kind of message is for this channel."""
        ...

    def send(self, message: Message) -> str:
        """Send a message in one try, which may be its second: its sender may have been killed.

        Returns
        -------
        str
            What the other side answered, without any secret.

        Raises
        ------
        UndeliveredError
            If it was not taken, or it is not known whether it was.
        """
        ...


def send(channel: Channel, message: Message) -> str:
    """Send a message; turn whatever goes wrong into an `UndeliveredError`.

    Raises
    ------
    UndeliveredError
        If it was not taken. For an error that the channel does not foresee it gives the type and
        the line, because the text may hold what was sent, and so a key.
    """
    try:
        return channel.send(message)
    except UndeliveredError:
        raise
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__} at {Path(at.filename).name}:{at.lineno}"
    raise UndeliveredError(f"{channel.name} failed: {what}", refused=True)
