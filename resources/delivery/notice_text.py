"""A notice in words, as every channel that a person reads shows it."""

from __future__ import annotations

from resources.delivery.messages import BreachLine, Notice

SHOWN_LINES = 10
"""Most breaches, and most reasons, that are shown."""

LINE_CHARACTERS = 500


def shortened(text: str, characters: int = LINE_CHARACTERS) -> str:
    """The text, or its beginning and an ellipsis, in at most so many characters."""
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def breach_lines(notice: Notice) -> list[str]:
    """What is in breach, the worst first, and how many more there are."""
    shown = notice.breaches[:SHOWN_LINES]
    left_out = len(notice.breaches) - len(shown)
    return [_line(breach) for breach in shown] + (
        [f"and {left_out} more, see the links"] if left_out else []
    )


def reason_lines(notice: Notice) -> list[str]:
    """Why the notice is sent."""
    return [shortened(text) for text in notice.reasons[:SHOWN_LINES]]


def duration(notice: Notice) -> str:
    """Since when the incident lasts, and how many days that is."""
    days = (notice.day - notice.since).days + 1
    return f"{notice.since}, {days} {'day' if days == 1 else 'days'} up to {notice.day}"


def _line(breach: BreachLine) -> str:
    index = "" if breach.value is None else f" {breach.value:.2f}"
    limit = "" if breach.limit is None else f" (limit {breach.limit:g})"
    moved = (
        ""
        if breach.moved_score_by is None
        else f"; moved the mean score by {breach.moved_score_by:+.4f}"
    )
    text = f"{breach.subject}{index}{limit} since {breach.since}: {breach.text}"
    return shortened(text) + moved
