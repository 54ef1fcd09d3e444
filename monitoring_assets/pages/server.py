"""The store's pages over HTTP: reading only, and nothing but pages."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from resources import layout
from resources.errors import StorageError

if TYPE_CHECKING:
    from starlette.requests import Request

    from resources.storage import Storage

HEADERS = {
    # What a page has is in it: even text that escaped escaping could load and send nothing.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # A page is written again: ask each time, and get it only if it is another.
    "Cache-Control": "no-cache",
}
INDEX = layout.FLEET_PAGE.removeprefix(f"{layout.PAGES}/")


def page_server(storage: Storage) -> Starlette:
    """Return an ASGI application that answers GET and HEAD with the pages of a store.

    Parameters
    ----------
    storage
        Of the store. A page is read each time it is asked for.
    """

    async def page(request: Request) -> Response:
        path = request.path_params["path"] or INDEX
        if not _is_page(path):
            return _missing(path)
        try:
            content = await run_in_threadpool(storage.read, f"{layout.PAGES}/{path}")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return _missing(path)
        except StorageError as error:
            return PlainTextResponse(f"{error}\n", 503, HEADERS)
        tag = f'"{hashlib.sha256(content).hexdigest()}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=HEADERS | {"ETag": tag})
        return Response(content, headers=HEADERS | {"ETag": tag}, media_type="text/html")

    return Starlette(routes=[Route("/{path:path}", page, methods=["GET"])])


def _is_page(path: str) -> bool:
    """Whether a path may lead to a page: no other file of the store, and none outside of it."""
    parts = path.split("/")
    return (
        path.endswith(".html")
        and path.isprintable()
        and "\\" not in path
        and not any(part in ("", ".") or part.startswith("..") for part in parts)
    )


def _missing(path: str) -> Response:
    of_all = "" if path != INDEX else ": fleet_page_sensor writes it once a day has been reported"
    return PlainTextResponse(f"There is no page here{of_all}.\n", 404, HEADERS)
