"""Slack on loopback: an incoming webhook with the published rules.

Rules: Slack's developer documentation, "Sending messages using incoming webhooks", "Blocks", "Text
object" and "Formatting message text". ``receiver.messages`` are the bodies that were taken. What
would ping people, such as ``<!channel>``, is a violation too.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tests.receivers.server import Answer, Receiver, ViolationError

PATH = "/services/T00000000/B00000000/s3cr3ts3cr3ts3cr3ts3cr3t"
BODY = {"text", "blocks", "attachments", "thread_ts", "mrkdwn", "unfurl_links", "unfurl_media"}
LINK = re.compile(r"<https?://[^<>|\s]+(?:\|[^<>|]+)?>")
TEXT = {"Content-Type": "text/plain; charset=utf-8"}


class SlackReceiver(Receiver):
    """The incoming webhook of one channel."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []

    @property
    def environment(self) -> dict[str, str]:
        return {"MONITORING_SLACK_WEBHOOK_URL": self.url + PATH}

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if path != PATH:
            return Answer(404, b"no_service", TEXT)
        if method != "POST" or not headers.get("content-type", "").startswith("application/json"):
            raise ViolationError("invalid_payload: not JSON by POST")
        try:
            message = json.loads(body)
        except ValueError:
            raise ViolationError("invalid_payload: not JSON") from None
        if not isinstance(message, dict) or message.keys() - BODY:
            raise ViolationError(f"invalid_payload: {message!r} has fields of no webhook")
        if not message.get("text"):
            raise ViolationError("no_text: what a notification shows is missing")
        _verify_mrkdwn(message["text"], 40_000)
        blocks = message.get("blocks", [])
        if len(blocks) > 50:
            raise ViolationError(f"invalid_blocks: {len(blocks)}, more than 50")
        for block in blocks:
            _verify_block(block)
        self.messages.append(message)
        return Answer(200, b"ok", TEXT)

    def refusal(self, violation: ViolationError) -> Answer:
        return Answer(400, str(violation).partition(":")[0].encode(), TEXT)


def _verify_block(block: dict[str, Any]) -> None:
    kind = block.get("type")
    if kind == "header" and block.keys() <= {"type", "text", "block_id"}:
        _verify_text(block["text"], 150, kinds=("plain_text",))
    elif kind == "section" and block.keys() <= {"type", "text", "block_id", "expand"}:
        _verify_text(block["text"], 3000)
    elif kind == "context" and block.keys() <= {"type", "elements", "block_id"}:
        if not 1 <= len(block["elements"]) <= 10:
            raise ViolationError("invalid_blocks: context without elements, or with more than 10")
        for element in block["elements"]:
            _verify_text(element, 3000)
    else:
        raise ViolationError(f"invalid_blocks: {block!r}")


def _verify_text(text: Any, most: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> None:
    if text.get("type") not in kinds:
        raise ViolationError(f"invalid_blocks: {text!r} is none of {kinds}")
    if text["type"] == "mrkdwn":
        if text.keys() - {"type", "text", "verbatim"}:
            raise ViolationError(f"invalid_blocks: {text!r}")
        _verify_mrkdwn(text["text"], most)
    elif text.keys() - {"type", "text", "emoji"} or not 1 <= len(text["text"]) <= most:
        raise ViolationError(f"invalid_blocks: {text!r}")


def _verify_mrkdwn(text: Any, most: int) -> None:
    if not isinstance(text, str) or not 1 <= len(text) <= most:
        raise ViolationError(f"invalid_blocks: text of 0 or more than {most} characters")
    rest = LINK.sub("", text)
    if "<" in rest or ">" in rest or re.search(r"&(?!amp;|lt;|gt;)", rest):
        raise ViolationError(f"invalid_blocks: a control character is not escaped in {text!r}")


RECEIVER = SlackReceiver
