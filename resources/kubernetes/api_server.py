"""The cluster's API server, which may be away for a while: an upgrade, a failover."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubernetes.client import BatchV1Api  # type: ignore[import-untyped]

PATIENCE_SECONDS = 300.0
PAUSE_SECONDS = 5.0


def wait_for_api_server(batch_api: BatchV1Api) -> None:
    """Return once the API server answers; what is about to be created is then not lost.

    Parameters
    ----------
    batch_api
        dagster-k8s' own client. What is asked is discovery, which every account may.

    Raises
    ------
    urllib3.exceptions.HTTPError, kubernetes.client.ApiException
        What the last attempt did, if five minutes bring no answer.
    """
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            batch_api.get_api_resources(_request_timeout=PAUSE_SECONDS)
            return
        except (HTTPError, ApiException):
            if time.monotonic() > end:
                raise
        time.sleep(PAUSE_SECONDS)
