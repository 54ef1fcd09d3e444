"""``monitoring serve``: the store's pages over HTTP."""

from __future__ import annotations

from contextlib import suppress

import click

PORT = 8080


@click.command(
    epilog="""\b
Examples:
  monitoring serve
  monitoring serve --host 0.0.0.0 --port 80
"""
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. There is no sign-in: beyond this machine, put a proxy before it.",
)
@click.option("--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True)
def serve(host: str, port: int) -> None:
    """Serve the pages of the store: all models, and each day of each version.

    Reads the store that MONITORING_STORE names, and serves nothing of it but pages. Exit code: 0
    once it is interrupted, 2 for bad usage or input.
    """
    import socket

    import uvicorn

    from monitoring_assets.pages.server import page_server
    from resources.environment import resources_from_environment

    store = resources_from_environment()["store"]
    try:
        listening = socket.create_server((host, port))
    except OSError as error:  # a name that is none has a text, but no word of which
        raise click.UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    at = f"http://{host}:{listening.getsockname()[1]}"
    click.echo(f"Pages of {store.root}: {at} (Ctrl-C ends it)")
    server = uvicorn.Server(uvicorn.Config(page_server(store.storage), log_level="warning"))
    with suppress(KeyboardInterrupt):  # raised once more when all is closed
        server.run([listening])
