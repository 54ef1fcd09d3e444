"""Keys: the values that name an applicant in a batch, in scores and in outcomes, of any writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from resources.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

ALLOWED = "text, numbers, booleans, dates, timestamps, UUIDs or bytes"
UUID_BYTES = 16
INT64_DIGITS = 18
"""Digits that every int64 can have."""
DECIMAL_DIGITS = 38
"""Digits of the widest decimal that all libraries compare; int64 fits with 19 of them."""


def plain_keys(keys: pa.Array, where: str) -> pa.Array:
    """Keys in a type that Arrow and DuckDB compare, whatever encoding a writer has chosen.

    Parameters
    ----------
    keys
        Keys of a file.
    where
        File and column, for the error.

    Returns
    -------
    pyarrow.Array
        The same keys: categories and views as their text, UUIDs and other 16 bytes as the text of
        a UUID, decimals without a fraction as int64 if they fit.

    Raises
    ------
    InputError
        If the type is none that keys can have.
    """
    import pyarrow as pa

    found = keys.type
    if isinstance(keys, pa.DictionaryArray):
        keys = keys.dictionary_decode()
    if isinstance(keys, pa.ExtensionArray):
        keys = keys.storage
    kind = keys.type
    if pa.types.is_string_view(kind):
        return keys.cast(pa.string())
    if pa.types.is_fixed_size_binary(kind) and kind.byte_width == UUID_BYTES:
        return _uuid_texts(keys)
    if pa.types.is_fixed_size_binary(kind) or pa.types.is_binary_view(kind):
        return keys.cast(pa.binary())
    if pa.types.is_decimal(kind) and kind.precision <= DECIMAL_DIGITS:
        wide = keys.cast(pa.decimal128(DECIMAL_DIGITS, kind.scale))
        return wide.cast(pa.int64()) if kind.scale == 0 and kind.precision <= INT64_DIGITS else wide
    if not _is_plain(kind):
        raise InputError(f"{where}: found keys of type {found}; allowed: {ALLOWED}")
    return keys


def keys_as(keys: pa.Array, key_type: pa.DataType, where: str) -> pa.Array:
    """Keys of another file than the batch in the type that `plain_keys` gave the batch's.

    Raises
    ------
    InputError
        If one of them cannot be read as that. No key is shown.
    """
    import pyarrow as pa

    plain = plain_keys(keys, where)
    try:
        return plain.cast(key_type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(
            f"{where}: found keys of type {keys.type}; allowed: what can be read as {key_type}, "
            "the type that keys have in the features"
        ) from None


def _is_plain(kind: pa.DataType) -> bool:
    from pyarrow import types

    return any(
        is_one(kind)
        for is_one in (
            types.is_string,
            types.is_large_string,
            types.is_binary,
            types.is_large_binary,
            types.is_integer,
            types.is_floating,
            types.is_boolean,
            types.is_date,
            types.is_timestamp,
            types.is_null,
        )
    )


def _uuid_texts(keys: pa.Array) -> pa.Array:
    """The text of each UUID, as RFC 9562 writes it."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    start = UUID_BYTES * keys.offset
    values = memoryview(keys.buffers()[1] or b"")[start : start + UUID_BYTES * len(keys)]
    digits = np.frombuffer(values.hex().encode(), np.uint8).reshape(len(keys), 2 * UUID_BYTES)
    texts = np.insert(digits, (8, 12, 16, 20), ord("-"), axis=1)
    offsets = np.arange(len(keys) + 1, dtype=np.int32) * texts.shape[1]
    buffers = (pa.py_buffer(offsets), pa.py_buffer(texts.tobytes()))
    made = pa.StringArray.from_buffers(len(keys), *buffers)
    return pc.if_else(keys.is_valid(), made, None) if keys.null_count else made
