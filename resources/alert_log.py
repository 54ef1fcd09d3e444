"""The alert log: every notice and change on the terminal and in the store, whoever else is told."""

from __future__ import annotations

from dagster import ConfigurableResource

from resources.notice import Change, Message, Notice
from resources.storage import open_storage

STYLES = {"critical": "red", "error": "red", "warning": "yellow"}


class AlertLog(ConfigurableResource):
    """A block on standard error, where a run's output is kept too, and ``alerts/<day>/``.

    One object a message, in the same shape as every channel gets it: an S3 object cannot be
    appended to.

    Parameters
    ----------
    root
        The store's root.
    """

    root: str

    @property
    def name(self) -> str:
        """``log``."""
        return "log"

    def takes(self, message: Message) -> bool:
        """Notices, whether they page or not, and changes."""
        return isinstance(message, Notice | Change)

    def send(self, message: Message) -> str:
        """Write and show it; the same message again replaces itself.

        Raises
        ------
        OSError
            If the store cannot be written.
        """
        day = message.at.date() if isinstance(message, Change) else message.day
        storage = open_storage(self.root)
        path = f"alerts/{day}/{message.path}.json"
        storage.write(path, message.model_dump_json(indent=2).encode())
        _show(message)
        return f"written to {storage.url(path)}"


def _show(message: Message) -> None:
    from rich.console import Console
    from rich.panel import Panel
    from rich.text import Text

    style, title = "blue", message.subject.key
    lines = []
    if isinstance(message, Notice):
        style = "green" if message.action == "resolve" else STYLES[message.severity]
        who = "pages" if message.pages else "does not page"
        title = f"{message.incident} · {message.action} · {message.severity}, {who}"
        lines = [
            message.summary,
            *(f"  {line.subject}: {line.text} (since {line.since})" for line in message.breaches),
            *(f"  {reason}" for reason in message.reasons),
            *(f"  $ {command}" for command in message.commands),
            *(f"  {link.text}: {link.href}" for link in message.links),
        ]
    elif isinstance(message, Change):
        lines = [message.summary, *(f"  {link.text}: {link.href}" for link in message.links)]
    text = Text("\n".join(lines), overflow="fold")
    Console(stderr=True).print(
        Panel(text, title=Text(title), title_align="left", border_style=style)
    )
