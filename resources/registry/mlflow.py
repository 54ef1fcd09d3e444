"""A registry that is an MLflow tracking server, read through its REST API.

A version of a registered model is monitored if it has the tag ``monitoring``, whose value is the
folder of its run's artefacts that holds what `FolderRegistry` has in ``<name>/<version>/``. A file
that is not there is taken from the version's own artefacts, such as those of
``mlflow.onnx.log_model``. Everything goes through the tracking server, so it does not matter where
the server keeps artefacts. Not through the ``mlflow-skinny`` package: its import takes seconds of
CPU in every run, and it brings some twenty packages, for the five requests made here.

Credentials are those of MLflow's own client: ``MLFLOW_TRACKING_TOKEN``, or
``MLFLOW_TRACKING_USERNAME`` and ``MLFLOW_TRACKING_PASSWORD``. ``REQUESTS_CA_BUNDLE`` names the
certificates to trust.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from resources.manifest import MANIFEST_NAME
from resources.masking import masked
from resources.registry.base import Candidate, ModelRegistry
from resources.storage import CHUNK_BYTES, Files

if TYPE_CHECKING:
    from requests import Response, Session

TAG = "monitoring"
API = "/api/2.0/mlflow"
PAGE = 1000
READERS = 16
TIMEOUT_SECONDS = 20.0
BUSY = (429, 502, 503, 504)
SHOWN_CHARACTERS = 500


class RefusedError(OSError):
    """The server answers, but not with what was asked for."""


class MlflowRegistry(ModelRegistry):
    """The model versions of a tracking server that carry the tag ``monitoring``."""

    schemes: ClassVar[tuple[str, ...]] = ("mlflow+http", "mlflow+https")

    @override
    def candidates(self) -> list[Candidate]:
        versions = []
        page: str | None = ""
        while page is not None:
            wanted: dict[str, str | int] = {
                "filter": f"tags.{TAG} LIKE '%'",
                "max_results": PAGE,
                "page_token": page,
            }
            with _get(self.root, f"{API}/model-versions/search", **wanted) as response:
                answer = response.json()
            versions += answer.get("model_versions", [])
            page = answer.get("next_page_token") or None
        with ThreadPoolExecutor(READERS) as readers:
            found = list(readers.map(self._candidate, versions))
        return sorted(found, key=lambda candidate: candidate.folder)

    def _candidate(self, version: dict[str, Any]) -> Candidate:
        """Two small requests: what lies in the folder, and the manifest.

        A listing has sizes and no digests, and a manifest is revised without changing its size.
        """
        folder = f"{version['name']}/{version['version']}"
        files = VersionFiles(self.root, folder, version)
        seen: list[object] = [
            version.get(name)
            for name in ("source", "run_id", "status", "last_updated_timestamp", "tags")
        ]
        is_complete = True
        try:
            listing = files.list_logged()
            is_complete = MANIFEST_NAME in listing
            seen += [listing, files.sha256(MANIFEST_NAME) if is_complete else None]
        except (FileNotFoundError, RefusedError) as error:  # of this version, not of the server
            # Complete, so that the judge reads it and says what is wrong.
            seen.append(str(error))
        return Candidate(
            folder, hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:16], is_complete
        )

    @override
    def files(self, folder: str) -> VersionFiles:
        return VersionFiles(self.root, folder)


class VersionFiles(Files):
    """The files of a model version: those logged for monitoring, then the model's own.

    Parameters
    ----------
    registry
        Root of the registry.
    folder
        ``<name>/<version>``.
    version
        The model version as the server describes it, if that is known.
    """

    def __init__(self, registry: str, folder: str, version: dict[str, Any] | None = None) -> None:
        super().__init__(f"{registry.rstrip('/')}/{folder}")
        self._registry = registry
        self._name, self._number = folder.split("/")
        if version is not None:
            self._version = version

    @cached_property
    def _version(self) -> dict[str, Any]:
        wanted = {"name": self._name, "version": self._number}
        with _get(self._registry, f"{API}/model-versions/get", **wanted) as response:
            version: dict[str, Any] = response.json()["model_version"]
        return version

    @property
    def _logged(self) -> str:
        """The folder of the run's artefacts that the tag names."""
        tags = {tag["key"]: tag["value"] for tag in self._version.get("tags", [])}
        folder: str = tags.get(TAG, TAG).strip("/")
        return folder

    def list_logged(self) -> dict[str, int]:
        """Sizes of the files in the folder that the tag names, by path, in bytes.

        Raises
        ------
        OSError
            If the server does not say.
        """
        run, found = self._version.get("run_id", ""), {}
        folders = [self._logged]
        while folders:
            page: str | None = ""
            wanted = {"run_id": run, "path": folders.pop()}
            while page is not None:
                with _get(self._registry, f"{API}/artifacts/list", **wanted, page_token=page) as r:
                    answer = r.json()
                for file in answer.get("files", []):
                    if file["is_dir"]:
                        folders.append(file["path"])
                    else:
                        path = PurePosixPath(file["path"]).relative_to(self._logged)
                        found[str(path)] = int(file.get("file_size", 0))
                page = answer.get("next_page_token") or None
        return dict(sorted(found.items()))

    @override
    @contextmanager
    def fetched(self, path: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="monitoring-") as folder:
            local = Path(folder) / Path(path).name
            with self._opened(path) as response, local.open("wb") as file:
                for chunk in response.iter_content(CHUNK_BYTES):
                    file.write(chunk)
            yield local

    def _opened(self, path: str) -> Response:
        try:
            wanted = {"run_id": self._version.get("run_id", ""), "path": f"{self._logged}/{path}"}
            return _get(self._registry, "/get-artifact", **wanted)
        except FileNotFoundError:
            pass
        wanted = {"name": self._name, "version": self._number, "path": path}
        try:
            return _get(self._registry, "/model-versions/get-artifact", **wanted)
        except FileNotFoundError:
            raise FileNotFoundError(self.url(path)) from None


def _get(root: str, endpoint: str, **parameters: str | int) -> Response:
    """Ask the server; the body of what it answers is still to be read, and to be closed.

    Raises
    ------
    FileNotFoundError
        If it has no such thing.
    RefusedError
        If it refuses or fails.
    OSError
        If it cannot be reached.
    """
    response = _session().get(
        f"{root.removeprefix('mlflow+').rstrip('/')}{endpoint}",
        params={name: value for name, value in parameters.items() if value != ""},
        stream=True,
        timeout=TIMEOUT_SECONDS,
    )
    if response.ok:
        return response
    with response:
        answer = masked(response.text)[:SHOWN_CHARACTERS]  # before it is cut
        said = f"{response.status_code} for {masked(response.url)}: {answer}"
    if response.status_code == 404:
        raise FileNotFoundError(said)
    raise RefusedError(said)


@cache
def _session() -> Session:
    """One for all threads, whose connections are kept."""
    from requests import Session
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    session = Session()
    retries = Retry(total=2, backoff_factor=0.5, status_forcelist=BUSY, raise_on_status=False)
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=READERS, max_retries=retries))
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        session.headers["Authorization"] = f"Bearer {token}"
    elif user := os.environ.get("MLFLOW_TRACKING_USERNAME"):
        session.auth = (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", ""))
    return session
