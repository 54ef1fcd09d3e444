"""Keys of every type that a writer may choose are the same keys."""

import datetime as dt
import decimal
import uuid

import pyarrow as pa
import pytest

from resources.errors import InputError
from resources.keys import keys_as, plain_keys

UUIDS = [uuid.UUID(int=2**n * 7919) for n in (0, 40, 80, 110)]
BYTES = [one.bytes for one in UUIDS]
UUID_TEXTS = [str(one) for one in UUIDS]
NUMBERS = [decimal.Decimal(n) for n in (7, 70, 700)]
LONG = [decimal.Decimal(10) ** 30 + n for n in range(3)]
WORDS = ["k1", "k2", "k3"]


@pytest.mark.parametrize(
    ("keys", "kind", "values"),
    [
        (pa.array(WORDS), pa.string(), WORDS),
        (pa.array(WORDS, pa.large_string()), pa.large_string(), WORDS),
        (pa.array(WORDS, pa.string_view()), pa.string(), WORDS),
        (pa.array(WORDS).dictionary_encode(), pa.string(), WORDS),
        (pa.array(WORDS, pa.large_string()).dictionary_encode(), pa.large_string(), WORDS),
        (pa.array(BYTES, pa.uuid()), pa.string(), UUID_TEXTS),
        (pa.array(BYTES, pa.binary(16)), pa.string(), UUID_TEXTS),
        (pa.array([b"ab", b"cd"], pa.binary(2)), pa.binary(), [b"ab", b"cd"]),
        (pa.array([b"a", b"cd"], pa.binary_view()), pa.binary(), [b"a", b"cd"]),
        (pa.array(NUMBERS, pa.decimal128(18, 0)), pa.int64(), [7, 70, 700]),
        (pa.array(NUMBERS, pa.decimal32(5, 0)), pa.int64(), [7, 70, 700]),
        (pa.array(LONG, pa.decimal128(38, 0)), pa.decimal128(38, 0), LONG),
        (pa.array([2**62], pa.int64()), pa.int64(), [2**62]),
        (pa.array([dt.date(2026, 5, 4)]), pa.date32(), [dt.date(2026, 5, 4)]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_keys_become_plain_and_stay_the_same(keys, kind, values):
    def check(given, expected):
        found = plain_keys(given, "batch")
        assert found.type == kind
        assert found.to_pylist() == expected

    check(keys, values)
    check(keys[1:], values[1:])
    check(keys[:0], [])
    check(
        pa.concat_arrays([keys[:1], pa.nulls(1, keys.type), keys[1:]]),
        [values[0], None, *values[1:]],
    )


@pytest.mark.parametrize(
    ("keys", "key_type", "values"),
    [
        (pa.array(UUID_TEXTS), pa.string(), UUID_TEXTS),
        (pa.array(BYTES, pa.uuid()), pa.string(), UUID_TEXTS),
        (pa.array(NUMBERS, pa.decimal128(38, 10)), pa.int64(), [7, 70, 700]),
        (pa.array([7, 70, 700]), pa.decimal128(38, 0), NUMBERS),
        (pa.array([7.0, 70.0]), pa.int64(), [7, 70]),
        (pa.array(["7", "70"]), pa.int64(), [7, 70]),
        (pa.nulls(2), pa.string(), [None, None]),
    ],
    ids=str,
)
def test_keys_of_another_file_are_read_as_those_of_the_batch(keys, key_type, values):
    found = keys_as(keys, key_type, "scores")
    assert found.type == key_type
    assert found.to_pylist() == values


@pytest.mark.parametrize("keys", [[[1], [2]], [{"id": 1}], [dt.time(1, 2)]], ids=str)
def test_what_cannot_be_a_key_is_refused_in_words(keys):
    with pytest.raises(InputError, match=r"batch b\.parquet: found keys of type .*; allowed: text"):
        plain_keys(pa.array(keys), "batch b.parquet")


@pytest.mark.parametrize(
    ("keys", "key_type"),
    [
        (pa.array(["A-31337"]), pa.int64()),
        (pa.array([31337.5]), pa.int64()),
        (pa.array([decimal.Decimal("31337.25")]), pa.int64()),
    ],
    ids=str,
)
def test_keys_that_the_batch_cannot_have_are_refused_and_not_shown(keys, key_type):
    with pytest.raises(InputError, match="allowed: what can be read as int64") as raised:
        keys_as(keys, key_type, "scores")
    assert "31337" not in str(raised.value)
