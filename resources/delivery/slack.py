"""Slack: incident notices as messages of an incoming webhook.

Limits and escapes are those of Slack's developer documentation: "Sending messages using incoming
webhooks", "Blocks" and "Formatting message text". Servers that take the same format, such as
Mattermost, work as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

from resources.delivery import http_errors
from resources.delivery.channel import UndeliveredError
from resources.delivery.messages import Link, Message, Notice
from resources.delivery.metrics import environment_name
from resources.delivery.notice_text import breach_lines, duration, reason_lines, shortened

if TYPE_CHECKING:
    from resources.store import Store

SERVICE = "Slack"
URL_VARIABLE = "MONITORING_SLACK_WEBHOOK_URL"
TEXT_CHARACTERS = 3000
HEADER_CHARACTERS = 150
# Ours: ten lines and a title fit into a block.
LINE_CHARACTERS = 280
VERBS = {"open": "Opened", "update": "More evidence", "escalate": "Worse", "resolve": "Resolved"}

Block = dict[str, Any]


class Slack:
    """Incoming webhook.

    Slack knows no dedup key: a message whose sender was killed before it could write down the
    answer appears twice. The header and the footer name the incident, so a reader sees that.
    """

    name: ClassVar[str] = "slack"

    @classmethod
    def from_environment(cls, store: Store) -> Self | None:
        """If ``MONITORING_SLACK_WEBHOOK_URL`` is set; it is read again for each message."""
        return cls() if os.environ.get(URL_VARIABLE) else None

    def takes(self, message: Message) -> bool:
        """Notices."""
        return isinstance(message, Notice)

    def send(self, message: Message) -> str:
        """Post the notice: one try.

        Raises
        ------
        UndeliveredError
            If Slack did not take it, or there is no usable address.
        """
        if not isinstance(message, Notice):
            raise TypeError(f"{SERVICE} takes no {message.kind}")
        _post(_body(message))
        return "taken"


def _post(body: dict[str, Any]) -> None:
    import requests

    url = os.environ.get(URL_VARIABLE, "")
    try:
        response = requests.post(
            url,
            json=body,
            timeout=http_errors.TIMEOUT,
            allow_redirects=False,  # the message is for no other address
        )
    except ValueError:
        failure = UndeliveredError(f"{URL_VARIABLE} is not an http or https URL", refused=True)
    except requests.RequestException as error:
        failure = http_errors.unreachable(SERVICE, url, error)
    else:
        path = urlsplit(url).path
        http_errors.accepted(SERVICE, response, url, path, path.rpartition("/")[2])
        if response.text.strip() == "ok":
            return
        failure = UndeliveredError(f"{SERVICE} answered {response.status_code} without 'ok'")
    # Outside the handlers: what was caught holds the request, and so the address.
    raise failure


http_errors.keep_address_from_log(URL_VARIABLE)


def _body(notice: Notice) -> dict[str, Any]:
    subject = notice.subject
    header = f"{VERBS[notice.action]}: {notice.family} incident of {subject.key}"
    footer = [
        f"{notice.incident} notice {notice.number}",
        notice.severity,
        f"since {duration(notice)}",
        f"environment {environment_name()}",
        *([f"team {subject.team}"] if subject.team else []),
    ]
    blocks = [
        {
            "type": "header",
            "text": {"type": "plain_text", "text": shortened(header, HEADER_CHARACTERS)},
        },
        _section(_escaped(notice.summary, TEXT_CHARACTERS)),
        *_list("What", breach_lines(notice)),
        *_list("Why", reason_lines(notice)),
        *_list("Look further", notice.commands),
        *_context(map(_link, notice.links)),
        *_context([_escaped(" · ".join(footer), TEXT_CHARACTERS)]),
    ]
    # `text` is what a notification and a screen reader show.
    return {"text": _escaped(notice.summary, TEXT_CHARACTERS), "blocks": blocks}


def _section(mrkdwn: str) -> Block:
    return {"type": "section", "text": _text(mrkdwn)}


def _list(title: str, lines: Iterable[str]) -> list[Block]:
    items = [f"\n• {_escaped(line, LINE_CHARACTERS)}" for line in lines]
    return [_section(f"*{title}*{''.join(items)}")] if items else []


def _context(elements: Iterable[str]) -> list[Block]:
    texts = [_text(element) for element in elements]
    return [{"type": "context", "elements": texts}] if texts else []


def _text(mrkdwn: str) -> dict[str, Any]:
    # Verbatim: a name such as #cards or @risk links to no channel or person.
    return {"type": "mrkdwn", "text": mrkdwn, "verbatim": True}


def _link(link: Link) -> str:
    href = _escaped(link.href.replace("|", "%7C"), len(link.href) * 5)
    return f"<{href}|{_escaped(link.text, LINE_CHARACTERS)}>"


def _escaped(text: str, characters: int) -> str:
    """The text with Slack's control characters escaped; no escape is cut through."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if len(text) <= characters:
        return text
    return re.sub(r"&[a-z]*$", "", text[: characters - 1]) + "…"
