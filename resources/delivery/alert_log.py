"""The alert log: every notice and change on the terminal and in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from dagster import ConfigurableResource

from resources import layout
from resources.delivery.messages import Change, Measurements, Message, Notice
from resources.storage import open_storage

if TYPE_CHECKING:
    from resources.store import Store


class AlertLog(ConfigurableResource):
    """A block on standard error, where a run's output is kept too, and ``alert_log/<day>/``.

    One object a message, in the same shape as every channel gets it: an S3 object cannot be
    appended to.

    Parameters
    ----------
    root
        The store's root.
    """

    name: ClassVar[str] = "log"

    root: str

    @classmethod
    def from_environment(cls, store: Store) -> Self:
        """Always."""
        return cls(root=store.root)

    def takes(self, message: Message) -> bool:
        """Notices and changes."""
        return isinstance(message, Notice | Change)

    def send(self, message: Message) -> str:
        """Write and show it; the same message again replaces itself.

        Raises
        ------
        OSError
            If the store cannot be written.
        """
        if isinstance(message, Measurements):
            raise TypeError(f"the alert log takes no {message.kind}")
        day = message.at.date() if isinstance(message, Change) else message.day
        storage = open_storage(self.root)
        path = layout.alert_log(day, message.path)
        storage.write(path, message.model_dump_json(indent=2).encode())
        _show(message)
        return f"written to {storage.url(path)}"


def _show(message: Notice | Change) -> None:
    from rich.console import Console
    from rich.panel import Panel
    from rich.text import Text

    console = Console(stderr=True)
    if isinstance(message, Change):
        console.print(Text(message.summary, "blue"))
        return
    lines = [
        message.summary,
        *(f"  {line.text}, since {line.since}" for line in message.breaches),
        *(f"  {reason}" for reason in message.reasons),
        *(f"  $ {command}" for command in message.commands),
        *(f"  {link.text}: {link.href}" for link in message.links),
    ]
    title = Text(f"{message.incident} · {message.action} · {message.severity}")
    style = "green" if message.action == "resolve" else "red"
    text = Text("\n".join(lines), overflow="fold")
    console.print(Panel(text, title=title, title_align="left", border_style=style))
