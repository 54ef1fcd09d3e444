"""Families of Arrow types: a type, its printed name and its aliases are of the same one."""

import pyarrow as pa
import pytest

from resources.arrow_types import same_family, type_family

TEXTS = [pa.string(), pa.large_string(), pa.string_view()]
NUMBERS = [pa.int8(), pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.decimal128(10, 2)]
DATES = [pa.date32(), pa.date64()]
TIMES = [pa.timestamp("us", "UTC"), pa.timestamp("ns", "UTC"), pa.timestamp("s")]


@pytest.mark.parametrize("dictionary", [False, True])
@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("string", TEXTS),
        ("number", NUMBERS),
        ("boolean", [pa.bool_()]),
        ("date", DATES),
        ("timestamp", TIMES),
    ],
)
def test_width_unit_zone_and_encoding_do_not_matter(name, types, dictionary):
    for plain in types:
        kind = pa.dictionary(pa.int8(), plain) if dictionary else plain
        assert type_family(kind) == type_family(str(kind)) == name


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("float64", "number"),
        ("halffloat", "number"),
        ("utf8", "string"),
        ("str", "string"),
        ("boolean", "boolean"),
        ("date32", "date"),
    ],
)
def test_a_manifest_may_use_arrows_aliases(alias, name):
    assert type_family(alias) == type_family(pa.type_for_alias(alias)) == name


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.int8()), pa.binary(), pa.time64("us"), pa.struct([("a", pa.int8())])]
)
def test_other_types_are_a_family_of_their_own(kind):
    assert type_family(kind) == str(kind)


def test_kinds_of_value_are_told_apart():
    one_each = [pa.string(), pa.int64(), pa.bool_(), pa.date32(), pa.timestamp("us"), pa.binary()]
    for one in one_each:
        assert [other for other in one_each if same_family(str(one), other)] == [one]


@pytest.mark.parametrize("kind", [pa.string(), pa.int64(), pa.list_(pa.int8())])
def test_a_column_without_a_value_is_of_any_kind(kind):
    assert same_family(pa.null(), kind)
    assert same_family(str(kind), "null")
