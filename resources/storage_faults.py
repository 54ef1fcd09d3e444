"""Faults of a storage, as opposed to those of what lies in it: trying again may help.

Each library says in its own way that a server was busy, a connection broke or a disk is full. Here
they all become `StorageError`, which names the file.
"""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from resources.errors import StorageError

# What Arrow says of S3, inside of what it or DuckDB says of the file, and delta-rs.
OF_S3 = re.compile(
    r"AWS Error (\w+)(?: \(HTTP status (\d+)\))? during [^\n]*|Generic S3 error[^\n]*"
)
# Of these the storage has answered: the object is not there, or not as long as it was.
ANSWERS = {"404", "412", "416", "NoSuchKey", "NoSuchBucket", "NotFound", "InvalidBucketName"}
ARROW_ANSWERS = {"NO_SUCH_KEY", "NO_SUCH_BUCKET", "RESOURCE_NOT_FOUND"}
# Of a disk, a network file system or a connection.
ERRNOS = {
    errno.EIO,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.ECONNREFUSED,
    errno.ECONNRESET,
}


@contextmanager
def storage_of(url: str) -> Iterator[None]:
    """Have what a storage is at fault for in the block said with its file.

    Raises
    ------
    StorageError
        For it; everything else is raised as it is.
    """
    try:
        yield
    except Exception as error:
        fault = storage_fault(error)
        if fault is None or isinstance(error, StorageError):
            raise
        raise StorageError(f"{url}: {fault}") from None


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
        return None if {found[1], found[2]} & (ANSWERS | ARROW_ANSWERS) else found[0]
    if isinstance(error, OSError) and (
        error.errno in ERRNOS or isinstance(error, ConnectionError | TimeoutError)
    ):
        return text
    return text if "botocore" in sys.modules and _is_of_boto(error) else None


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
