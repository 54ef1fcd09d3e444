"""Writes a bundle where Airflow reads it: a folder or a prefix of a bucket, of the bundle's own.

The DAG file is the commit point: it is written last, in one step, and names the manifest and the
runtime by the hash of their content. Until then Airflow reads the earlier bundle, whole.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import airflow_bridge.runtime
from airflow_bridge.export.bundle import Bundle
from resources.errors import InputError
from resources.storage import Storage

DAG_FILE = "model_monitoring_dags.py"
IGNORE_FILE = ".airflowignore"
# Right as regular expressions, as Airflow 2 reads them, and as globs, as Airflow 3 does. The second
# is where a local file lies until it is complete.
IGNORED = ("model_monitoring_runtime_*", ".unfinished")
OWN = re.compile(r"(model_monitoring_(?:[0-9a-f]{12}\.json|runtime_[0-9a-f]{12}))(?:/.*)?")
TEMPLATE = '''\
"""Airflow DAGs of model-monitoring, one for each model version.

Written by `monitoring airflow export`; an edit is lost with the next one.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.append(str(HERE))

from {runtime} import dags  # noqa: E402

globals().update(dags.of_bundle(HERE / "{manifest}"))
'''


@dataclass(frozen=True)
class Changes:
    """What writing a bundle changed: paths below the bundle's root."""

    written: list[str]
    removed: list[str]


def write_bundle(bundle: Bundle, storage: Storage) -> Changes:
    """Bring a bundle's folder up to date; a file that is right is not written again.

    What the bundle replaces stays until the next change, as a parse or a task that has begun may
    still read it. Of other files in the folder none is touched.

    Raises
    ------
    InputError
        If the folder has an ``.airflowignore`` of another program that would let Airflow parse
        the runtime.
    """
    content = bundle.content()
    manifest = f"model_monitoring_{_hash(content)}.json"
    modules = _runtime()
    listed = "".join(f"{name} {_hash(text)}\n" for name, text in modules.items())
    runtime = f"model_monitoring_runtime_{_hash(listed.encode())}"
    dag_file = TEMPLATE.format(runtime=runtime, manifest=manifest).encode()

    there = storage.list()
    ignore = _ignore(storage)
    files = ({IGNORE_FILE: ignore} if ignore else {}) | {
        f"{runtime}/{name}": text for name, text in modules.items()
    }
    files[manifest] = content
    written = []
    for path, text in files.items():
        # Under the hash of a content there is nothing else, as files appear whole.
        if path not in there or there[path].size != len(text):
            storage.write(path, text)
            written.append(path)
    before = storage.read(DAG_FILE) if DAG_FILE in there else b""
    if before == dag_file:
        return Changes(written, [])
    storage.write(DAG_FILE, dag_file)
    kept = {runtime, manifest, *OWN.findall(before.decode(errors="replace"))}
    removed = [
        path for path in there if (own := OWN.fullmatch(path)) is not None and own[1] not in kept
    ]
    for path in removed:
        storage.delete(path)
    return Changes([*written, DAG_FILE], removed)


def _runtime() -> dict[str, bytes]:
    """The modules that a bundle takes with it, by name."""
    (folder,) = airflow_bridge.runtime.__path__
    return {path.name: path.read_bytes() for path in sorted(Path(folder).glob("*.py"))}


def _ignore(storage: Storage) -> bytes | None:
    """What ``.airflowignore`` must become; None if it is right."""
    try:
        lines = storage.read(IGNORE_FILE).decode(errors="replace").splitlines()
    except FileNotFoundError:
        return "".join(f"{line}\n" for line in IGNORED).encode()
    absent = [line for line in IGNORED if line not in lines]
    if absent:
        raise InputError(
            f"{storage.url(IGNORE_FILE)}: found no line {', '.join(map(repr, absent))}; add it, "
            "or give the bundle a folder of its own"
        )
    return None


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
