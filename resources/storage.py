"""Files under one root URL: a local folder, or a prefix of a bucket on any S3 endpoint.

The registry, the lake and the store are all read and written through `Storage`. A write is atomic:
a reader sees the whole old object or the whole new one, and a killed writer leaves nothing behind
under the final name.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
import stat
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from typing_extensions import override

from resources.errors import InputError
from resources.storage_faults import disk_of, storage_of
from resources.warehouse_names import WAREHOUSE, warehouse_name

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

CHUNK_BYTES = 1 << 20
S3_ATTEMPTS = 5
# No file of ours takes that long from one written byte to the next.
UNFINISHED_SECONDS = 86_400.0
# As many as threads ask at once; beyond them each request would make a connection of its own.
S3_CONNECTIONS = 32
_KINDS = {
    stat.S_IFIFO: "a pipe, no file",
    stat.S_IFSOCK: "a socket, no file",
    stat.S_IFCHR: "a device, no file",
    stat.S_IFBLK: "a device, no file",
}

AnyFiles = TypeVar("AnyFiles", bound="Files")


@dataclass(frozen=True)
class StoredFile:
    """One object: its path below the root, its size in bytes and a tag that changes with it."""

    path: str
    size: int
    etag: str


class Files(ABC):
    """Files to read below one root. Paths are relative to it and use forward slashes.

    What a storage is at fault for, such as a broken connection, is a `StorageError` everywhere.

    Parameters
    ----------
    root
        What the paths start from, for people and for error messages.
    """

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")

    @abstractmethod
    def fetched(self, path: str) -> AbstractContextManager[Path]:
        """A local copy of a file, or the file itself when it is local.

        Raises
        ------
        FileNotFoundError
            If there is none at ``path``.
        """

    @contextmanager
    def open(self, path: str) -> Iterator[IO[bytes]]:
        """A file as a stream of bytes that can seek.

        Raises
        ------
        FileNotFoundError
            If there is none at ``path``.
        """
        with self.fetched(path) as local, local.open("rb") as stream:
            yield stream

    def read(self, path: str) -> bytes:
        """Content of a file.

        Raises
        ------
        FileNotFoundError
            If there is none at ``path``.
        """
        with self.open(path) as stream:
            return stream.read()

    def read_up_to(self, most: int, path: str) -> bytes:
        """Content of a file that has no more than so many bytes.

        Raises
        ------
        FileNotFoundError
            If there is none at ``path``.
        InputError
            If it has more.
        """
        with self.open(path) as stream:
            return self._bounded(stream.read(most + 1), most, path)

    def _bounded(self, content: bytes, most: int, path: str) -> bytes:
        if len(content) > most:
            raise InputError(f"{self.url(path)}: more than {most:,} bytes")
        return content

    def sha256(self, path: str) -> str:
        """SHA-256 of a file in hexadecimal, read in chunks."""
        digest = hashlib.sha256()
        with self.open(path) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
        return digest.hexdigest()

    def url(self, path: str) -> str:
        """``path`` with its root, for people and for error messages."""
        return f"{self.root}/{path}" if path else self.root or "/"


class Storage(Files):
    """The files below one root, to read and to write.

    Parameters
    ----------
    root
        ``s3://bucket/prefix``, ``file:///folder`` or a local path.
    """

    @property
    @abstractmethod
    def filesystem(self) -> FileSystem:
        """The pyarrow file system to read Parquet in place with."""

    @abstractmethod
    def location(self, path: str) -> str:
        """Name of ``path`` for `filesystem`."""

    @abstractmethod
    def list(self, prefix: str = "", after: str = "") -> dict[str, StoredFile]:
        """Objects in the folder ``prefix``, however deep, by path, in order.

        Parameters
        ----------
        after
            Only those whose paths come after this one: what lies before it costs next to nothing.
        """

    @abstractmethod
    def exists(self, path: str) -> bool:
        """Whether there is an object at ``path``."""

    @abstractmethod
    def publish(self, local: Path, path: str) -> None:
        """Put a local file at ``path``, in one step for every reader; the local file is used up."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Take an object away, if it is there."""

    @override
    @contextmanager
    def open(self, path: str) -> Iterator[IO[bytes]]:
        with (
            storage_of(self.url(path)),
            self.filesystem.open_input_file(self.location(path)) as stream,
        ):
            yield stream  # on S3 in place: only what is read crosses the network

    @contextmanager
    def writing(self, path: str) -> Iterator[Path]:
        """A local file to write, put at ``path`` if the block succeeds and dropped if it fails."""
        with tempfile.TemporaryDirectory(prefix="monitoring-", dir=self._scratch) as folder:
            local = Path(folder) / Path(path).name
            with disk_of(f"{self.url(path)}, written in {folder}"):
                yield local
                self.publish(local, path)

    def write(self, path: str, content: bytes) -> None:
        """Put ``content`` at ``path`` atomically."""
        with self.writing(path) as local:
            local.write_bytes(content)

    @property
    def _scratch(self) -> str | None:
        """Where unfinished files lie: on the target's own disk, so that publishing is a rename."""
        return None


@dataclass(frozen=True)
class DayFiles:
    """The Parquet files of one day: where they lie and their paths there, in order."""

    storage: Storage
    paths: tuple[str, ...]

    @property
    def locations(self) -> list[str]:
        """Names of the files for the storage's file system."""
        return [self.storage.location(path) for path in self.paths]

    @property
    def evidence(self) -> dict[str, str | int] | None:
        """Which version of a table they are, where it has several."""
        return None


class LocalStorage(Storage):
    """A folder."""

    def __init__(self, root: str) -> None:
        super().__init__(str(Path(root.removeprefix("file://")).absolute()))

    @cached_property
    @override
    def filesystem(self) -> FileSystem:
        from pyarrow.fs import LocalFileSystem

        return LocalFileSystem()

    @override
    def location(self, path: str) -> str:
        return self.url(path)

    @override
    def list(self, prefix: str = "", after: str = "") -> dict[str, StoredFile]:
        found = {}
        # Links too: Kubernetes and git-sync mount folders as such.
        for folder, subfolders, names in os.walk(self.url(prefix), followlinks=True):
            subfolders[:] = sorted(
                name
                for name in subfolders
                # Unfinished files lie in hidden folders.
                if not name.startswith(".")
                and not _leads_up(Path(folder) / name)
                and not _ends_before(f"{self._path(Path(folder) / name)}/", after)
            )
            for name in sorted(names):
                file = Path(folder) / name
                path = self._path(file)
                if path <= after:
                    continue
                try:
                    state = file.stat()
                except OSError:  # taken away while we were looking, or a link that leads nowhere
                    continue
                tag = f"{state.st_mtime_ns:x}-{state.st_size:x}-{state.st_ino:x}"
                found[path] = StoredFile(path, state.st_size, tag)
        return dict(sorted(found.items()))

    def _path(self, file: Path) -> str:
        return file.relative_to(self.url("")).as_posix()

    @override
    @contextmanager
    def open(self, path: str) -> Iterator[IO[bytes]]:
        with self._regular(path).open("rb") as stream:
            yield stream

    def _regular(self, path: str) -> Path:
        """A regular file: opening a pipe blocks until a writer comes, and a device may never end.

        Raises
        ------
        FileNotFoundError
            If there is none, or a folder.
        InputError
            If it is something else.
        """
        local = Path(self.location(path))
        mode = local.stat().st_mode
        if stat.S_ISDIR(mode):
            raise FileNotFoundError(str(local))
        if not stat.S_ISREG(mode):
            raise InputError(f"{self.url(path)}: {_KINDS.get(stat.S_IFMT(mode), 'no file')}")
        return local

    @override
    def exists(self, path: str) -> bool:
        return Path(self.location(path)).is_file()

    @override
    def delete(self, path: str) -> None:
        Path(self.location(path)).unlink(missing_ok=True)

    @override
    def publish(self, local: Path, path: str) -> None:
        target = Path(self.location(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        with local.open("rb") as written:
            os.fsync(written.fileno())
        local.replace(target)

    @override
    @contextmanager
    def fetched(self, path: str) -> Iterator[Path]:
        yield self._regular(path)

    @property
    def _scratch(self) -> str | None:
        scratch = Path(self.root) / ".unfinished"
        scratch.mkdir(parents=True, exist_ok=True)
        _sweep(scratch)
        return str(scratch)


class Copies(LocalStorage):
    """Local copies of files under the same paths, which keep their URLs for people.

    Parameters
    ----------
    root
        Folder of the copies.
    originals
        Where the files themselves lie.
    """

    def __init__(self, root: str, originals: Files) -> None:
        super().__init__(root)
        self._originals = originals

    @override
    def url(self, path: str) -> str:
        return self._originals.url(path)

    @override
    def location(self, path: str) -> str:
        return f"{self.root}/{path}"


@cache
def _sweep(scratch: Path) -> None:
    """Once a process, take away what killed writers have left; what a living one writes is new."""
    before = time.time() - UNFINISHED_SECONDS
    for folder in scratch.iterdir():
        with suppress(OSError):  # another process sweeps as well, or its writer is done
            if max(one.stat().st_mtime for one in (folder, *folder.iterdir())) < before:
                shutil.rmtree(folder)


def _ends_before(folder: str, path: str) -> bool:
    """Whether all paths in a folder, whose own ends with a slash, come before a path."""
    return folder < path and not path.startswith(folder)


def _leads_up(folder: Path) -> bool:
    """Whether a folder is a link to one that it lies in, which has no end."""
    if not folder.is_symlink():
        return False
    target = folder.resolve()
    return any(parent.resolve() == target for parent in folder.parents)


class S3Storage(Storage):
    """A prefix of a bucket.

    Credentials, region and endpoint come from where every AWS program takes them: the environment
    (``AWS_ENDPOINT_URL`` for an S3 that is not Amazon's), a profile, or the pod's role.
    """

    def __init__(self, root: str) -> None:
        super().__init__(root)
        # Not urlsplit: a `#` or a `?` is part of a key.
        self._bucket, _, prefix = root.removeprefix("s3://").partition("/")
        self._prefix = prefix.strip("/")

    @property
    def endpoint(self) -> str | None:
        """URL of an S3 that is not Amazon's."""
        return _s3_endpoint()

    @property
    def region(self) -> str:
        """Region of the endpoint."""
        return _s3_region(self.endpoint)

    @property
    def _client(self) -> Any:
        return _s3_client(_s3_endpoint(), _credentials_written())

    @property
    @override
    def filesystem(self) -> FileSystem:
        return _s3_filesystem(_s3_endpoint(), _credentials_written())

    @override
    def location(self, path: str) -> str:
        return f"{self._bucket}/{self._key(path)}"

    def _key(self, path: str) -> str:
        return "/".join(part for part in (self._prefix, path) if part)

    @override
    def list(self, prefix: str = "", after: str = "") -> dict[str, StoredFile]:
        start = self._key(prefix)
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket,
            Prefix=f"{start}/" if start else "",
            **({"StartAfter": self._key(after)} if after else {}),
        )
        found = {}
        with storage_of(self.url(prefix)):
            for page in pages:
                for entry in page.get("Contents", []):
                    path = entry["Key"].removeprefix(f"{self._prefix}/" if self._prefix else "")
                    found[path] = StoredFile(path, entry["Size"], entry["ETag"].strip('"'))
        return dict(sorted(found.items()))  # not every server keeps to S3's order

    @override
    def read(self, path: str) -> bytes:
        with storage_of(self.url(path)):
            content: bytes = self._body(path).read()
            return content

    @override
    def read_up_to(self, most: int, path: str) -> bytes:
        with storage_of(self.url(path)):
            return self._bounded(self._body(path).read(most + 1), most, path)

    def _body(self, path: str) -> Any:
        try:
            response = self._client.get_object(Bucket=self._bucket, Key=self._key(path))
        except self._client.exceptions.NoSuchKey:
            raise FileNotFoundError(self.url(path)) from None
        return response["Body"]

    @override
    def exists(self, path: str) -> bool:
        from botocore.exceptions import ClientError

        try:
            with storage_of(self.url(path)):
                self._client.head_object(Bucket=self._bucket, Key=self._key(path))
        except ClientError as error:
            if _is_absent(error):
                return False
            raise
        return True

    @override
    @contextmanager
    def fetched(self, path: str) -> Iterator[Path]:
        from botocore.exceptions import ClientError

        with tempfile.TemporaryDirectory(prefix="monitoring-") as folder:
            local = Path(folder) / Path(path).name
            try:  # in parts: a large object does not pass through memory whole
                with storage_of(self.url(path)), disk_of(f"{self.url(path)}, copied to {folder}"):
                    self._client.download_file(self._bucket, self._key(path), str(local))
            except ClientError as error:
                if _is_absent(error):
                    raise FileNotFoundError(self.url(path)) from None
                raise
            yield local

    @override
    def delete(self, path: str) -> None:
        with storage_of(self.url(path)):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(path))

    @override
    def publish(self, local: Path, path: str) -> None:
        # S3 shows an object only once its upload is complete.
        with storage_of(self.url(path)):
            self._client.upload_file(str(local), self._bucket, self._key(path))


def sha256_of_file(local: Path) -> str:
    """SHA-256 of a local file in hexadecimal."""
    with local.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _s3_endpoint() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")


def _credentials_written() -> int:
    """When the file of credentials was written, which no client reads again by itself."""
    file = os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
    try:
        return Path(file).expanduser().stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=4)
def _s3_client(endpoint: str | None, credentials: int) -> Any:
    """One client for all roots and threads: making one takes longer than a request."""
    import boto3
    import botocore.session
    from botocore.config import Config

    session = botocore.session.get_session()
    # Botocore's own parser takes two thirds of a listing's time for a date that none reads here.
    factory = session.get_component("response_parser_factory")
    factory.set_parser_defaults(timestamp_parser=_timestamp)
    retries: Any = {"mode": "standard", "max_attempts": S3_ATTEMPTS}
    config = Config(retries=retries, max_pool_connections=S3_CONNECTIONS)
    client = boto3.session.Session(botocore_session=session).client
    return client("s3", endpoint_url=endpoint, config=config)


def _timestamp(text: str | float) -> Any:
    """A time in a response of AWS."""
    from botocore.utils import parse_timestamp

    try:
        return dt.datetime.fromisoformat(str(text))
    except ValueError:
        return parse_timestamp(text)


def _s3_region(endpoint: str | None) -> str:
    region: str | None = _s3_client(endpoint, _credentials_written()).meta.region_name
    return region or "us-east-1"


@lru_cache(maxsize=4)
def _s3_filesystem(endpoint: str | None, credentials: int) -> FileSystem:
    from pyarrow.fs import S3FileSystem

    return S3FileSystem(
        region=_s3_region(endpoint),
        endpoint_override=endpoint,
        scheme=urlsplit(endpoint).scheme if endpoint else "https",
    )


def _is_absent(error: Any) -> bool:
    return error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound")


class Warehouse(Storage):
    """A database server by its name: it has tables, and no files.

    Parameters
    ----------
    root
        ``warehouse://<name>``.

    Raises
    ------
    ValueError
        If it holds more than a name, such as a user.
    """

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self._name = warehouse_name(root)

    @property
    def variable(self) -> str:
        """The environment variable with the server's URL."""
        return f"MONITORING_WAREHOUSE_{self._name.upper()}_URL"

    @property
    @override
    def filesystem(self) -> FileSystem:
        raise FileNotFoundError(self.root)

    @override
    def location(self, path: str) -> str:
        raise FileNotFoundError(self.url(path))

    @override
    def list(self, prefix: str = "", after: str = "") -> dict[str, StoredFile]:
        return {}

    @override
    def exists(self, path: str) -> bool:
        return False

    @override
    @contextmanager
    def fetched(self, path: str) -> Iterator[Path]:
        raise FileNotFoundError(self.url(path))
        yield

    @override
    def publish(self, local: Path, path: str) -> None:
        raise PermissionError(f"{self.url(path)}: nothing is written to a warehouse")

    @override
    def delete(self, path: str) -> None:
        raise PermissionError(f"{self.url(path)}: nothing is deleted from a warehouse")


def open_storage(root: str) -> Storage:
    """The storage for a root URL.

    Raises
    ------
    ValueError
        If the URL's scheme is none of ``s3``, ``file`` and ``warehouse``.
    """
    scheme = root.partition("://")[0] if "://" in root else "file"
    if scheme == "s3":
        return S3Storage(root)
    if scheme == "file":
        return LocalStorage(root)
    if scheme == WAREHOUSE or "@" in root:  # which may follow a password
        return Warehouse(root)
    raise ValueError(f"root {root!r}: found scheme {scheme!r}; allowed: s3://, file:// or a path")


def open_path(path: str, base: AnyFiles) -> tuple[AnyFiles | Storage, str]:
    """Storage and relative path of ``path``: a URL of its own, or a path below ``base``.

    A path that starts with a slash is one of this machine.

    Examples
    --------
    >>> storage, path = open_path("s3://lake/loans/a.parquet", open_storage("registry"))
    >>> storage.root, path
    ('s3://lake', 'loans/a.parquet')
    """
    path = path.removeprefix("file://")
    if "://" in path:
        scheme, _, rest = path.partition("://")  # not urlsplit: a glob may hold a `?`
        host, _, relative = rest.partition("/")
        return open_storage(f"{scheme}://{host}"), relative
    elsewhere = path.startswith("/")
    # No object has an empty name or a dot for one, so `./a//b` is `a/b`; a last slash stays.
    names = [name for name in path.split("/") if name not in ("", ".")]
    last = "/" if names and path.endswith("/") else ""
    return LocalStorage("/") if elsewhere else base, "/".join(names) + last
