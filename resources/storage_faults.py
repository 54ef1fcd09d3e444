"""Faults of a storage, as opposed to those of what lies in it: trying again may help.

Each library says in its own way that a server was busy, a connection broke or a disk is full. Here
they all become `StorageError`, which names the file.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from resources.errors import StorageError

# What Arrow says of S3, inside of what it or DuckDB says of the file, and delta-rs.
OF_S3 = re.compile(
    r"AWS Error (\w+)(?: \(HTTP status (\d+)\))? during [^\n]*|Generic S3 error[^\n]*"
)
# Of these the storage has answered: the object is not there, or not as long as it was.
ANSWERS = {"404", "412", "416", "NoSuchKey", "NoSuchBucket", "NotFound", "InvalidBucketName"}
ARROW_ANSWERS = {"NO_SUCH_KEY", "NO_SUCH_BUCKET", "RESOURCE_NOT_FOUND"}
# What a refused operation needs. Whether an object is absent S3 tells only those who may list.
PERMISSIONS = {
    "GetObject": "s3:GetObject and s3:ListBucket",
    "HeadObject": "s3:GetObject and s3:ListBucket",
    "ListObjectsV2": "s3:ListBucket",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
}
# Of a request without an answer's body S3 says no more than 400.
EXPIRED = re.compile(r"ExpiredToken|(?:\(|status )400\).* HeadObject operation")
REFUSED = re.compile(r"(?:AccessDenied|ACCESS_DENIED|\(403\)).*? (\w+) operation")
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
DISK = FULL | {errno.EIO, errno.ESTALE}
# Of a disk, a network file system or a connection.
ERRNOS = DISK | {
    errno.ETIMEDOUT,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.ECONNREFUSED,
    errno.ECONNRESET,
}


def storage_of(url: str) -> AbstractContextManager[None]:
    """Have what a storage is at fault for in the block said with its file.

    Raises
    ------
    StorageError
        For it; everything else is raised as it is.
    """
    return _said_of(url, storage_fault)


def disk_of(place: str) -> AbstractContextManager[None]:
    """Have what a disk is at fault for in the block said with a place on it: Arrow names none.

    Raises
    ------
    StorageError
        For it; everything else is raised as it is.
    """
    return _said_of(place, _disk_fault)


@contextmanager
def _said_of(place: str, fault_of: Callable[[Exception], str | None]) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        fault = fault_of(error)
        if fault is None or isinstance(error, StorageError):
            raise
        raise StorageError(f"{place}: {fault}") from None


def _disk_fault(error: Exception) -> str | None:
    if isinstance(error, OSError) and error.errno in DISK:
        return os.strerror(error.errno)
    return None


def storage_fault(error: BaseException) -> str | None:
    """What a storage is at fault for in an exception or in one that it came from, else None."""
    one: BaseException | None = error
    while one is not None:
        if said := _said(one):
            return said
        one = one.__cause__ or one.__context__
    return None


def _said(error: BaseException) -> str | None:
    text = str(error)
    if isinstance(error, StorageError):
        return text
    if found := OF_S3.search(text):
        is_answer = {found[1], found[2]} & (ANSWERS | ARROW_ANSWERS)
        return None if is_answer else _with_remedy(found[0])
    if isinstance(error, OSError) and (
        error.errno in ERRNOS or isinstance(error, ConnectionError | TimeoutError)
    ):
        # Arrow names no file, and those of a storage are said by `disk_of`.
        is_scratch = error.errno in FULL and not error.filename
        return f"TMPDIR, {tempfile.gettempdir()}: {text}" if is_scratch else text
    return _with_remedy(text) if "botocore" in sys.modules and _is_of_boto(error) else None


def _with_remedy(said: str) -> str:
    """What S3 said, and what to do where it has refused the credentials."""
    if EXPIRED.search(said):
        return f"{said}; the credentials have expired or are not valid here: renew them"
    if refused := REFUSED.search(said):
        allowed = PERMISSIONS.get(refused[1], f"s3:{refused[1]}")
        return f"{said}; no permission: allow the credentials {allowed} here, or use others"
    return said


def _is_of_boto(error: BaseException) -> bool:
    """Whether S3 did not answer, or refused, whatever was asked for."""
    from boto3.exceptions import Boto3Error
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    if isinstance(error, exceptions.ClientError):
        return error.response["Error"]["Code"] not in ANSWERS
    if isinstance(error, Boto3Error):  # around another, if that says more
        cause = error.__cause__ or error.__context__
        return not isinstance(cause, exceptions.ClientError) or _is_of_boto(cause)
    return isinstance(
        error,
        exceptions.HTTPClientError
        | exceptions.IncompleteReadError
        | ResponseParserError
        | exceptions.NoCredentialsError
        | exceptions.CredentialRetrievalError,
    )
