"""Masking the deployment's secrets in texts of others: programs, services, libraries.

A text of others may repeat what it was given. Where one is stored, logged or sent it goes through
`masked`, which takes out the values of the environment that are secrets.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, unquote, urlsplit

MASK = "***"
_SECRET_NAME = re.compile(
    r"SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|PRIVATE|CREDENTIAL|WEBHOOK|_DSN$|(^|_)PWD$|"
    r"(API|APP|APPLICATION|ACCESS|ROUTING|ACCOUNT|SERVICE|ENCRYPTION)_?KEY"
)
# A shorter one would take words out of all texts.
_SHORTEST = 8


def masked(text: str) -> str:
    """A text without the secrets of this process's environment.

    A secret is the value of a variable with a name such as ``DD_API_KEY``, and the password or a
    secret parameter in a URL, whatever the variable's name. It is also found as it stands in URLs,
    in base64, and cut at a line's end; one of fewer than 8 characters is not.

    Examples
    --------
    >>> os.environ["RISK_TOKEN"] = "s3cret-of-risk"
    >>> masked("refused: s3cret-of-risk")
    'refused: ***'
    """
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _secrets() -> set[str]:
    return {
        form
        for name, value in os.environ.items()
        for secret in _of_variable(name, value)
        if len(secret) >= _SHORTEST
        for form in _forms(secret)
    }


def _of_variable(name: str, value: str) -> Iterator[str]:
    if _SECRET_NAME.search(name.upper()) and not os.path.isabs(value):  # noqa: PTH117  # of files
        yield value
        if "://" in value:  # of a webhook the path, which a server repeats without the host
            path = urlsplit(value).path
            yield from (path, path.rpartition("/")[2])
    if "://" in value and "@" in value:
        try:
            url = urlsplit(value)
            password = url.password
        except ValueError:
            return
        parameters = [
            text for key, text in parse_qsl(url.query) if _SECRET_NAME.search(key.upper())
        ]
        for secret in filter(None, [password, *parameters]):
            yield from (secret, unquote(secret))


def _forms(secret: str) -> Iterator[str]:
    """A secret as it is, in a URL, in JSON, and within what base64 makes of a longer text."""
    yield secret
    yield quote(secret, safe="")
    yield from (json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    content = secret.encode()
    for before in range(3):  # where it begins within three bytes
        encoded = base64.b64encode(b"\0" * before + content).decode()
        inner = encoded[(before * 8 + 5) // 6 : len(encoded) - 4]
        if len(inner) >= _SHORTEST:
            yield inner


def mask_error(error: BaseException) -> None:
    """Take the secrets out of an error's texts, and of those of the errors that led to it."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            one.args = tuple(masked(arg) if isinstance(arg, str) else arg for arg in one.args)
            left += [one.__cause__, one.__context__]
