"""The text of a manifest: nothing in it costs more than its length, and its lines are known."""

import time

import pytest
import yaml

from resources.manifest import ManifestError, parse_manifest
from tests.resources.manifest.build import valid

TEXT = yaml.safe_dump(valid(), sort_keys=False)
LAST = len(TEXT.splitlines())


def bomb(width, depth, form):
    lines = [f"x{n}: &x{n} {form(f'*x{n - 1}', width)}\n" for n in range(1, depth)]
    return "x0: &x0 {a: 1}\n" + "".join(lines)


def faults(text):
    began = time.monotonic()
    with pytest.raises(ManifestError) as raised:
        parse_manifest(text, "m/model.yaml")
    assert time.monotonic() - began < 30  # none is of hours
    return raised.value.faults


@pytest.mark.parametrize(
    "more",
    [
        bomb(9, 30, lambda name, width: f"[{', '.join([name] * width)}]"),
        bomb(9, 12, lambda name, width: f"{{<<: [{', '.join([name] * width)}]}}"),
        "x: &x [" + "a, " * 90_000 + "a]\ny: [*x, *x]\n",
        "x: &x " + "a" * 1999 + "\ny: [" + "*x, " * 90_000 + "*x]\n",
        "".join(f"k{n}: [1, 2, 3]\n" for n in range(300_000)),
        "# " + "a" * (1 << 20),
    ],
    ids=["aliases", "merges", "values", "characters", "lines", "comment"],
)
def test_what_is_too_large_is_one_fault(more):
    (fault,) = faults(TEXT + more)
    assert "too large" in fault.found or "levels" in fault.found


@pytest.mark.parametrize(
    "deep",
    [
        *("[" * 200_000, "{a: " * 2000, "- " * 2000, "? " * 2000, "&a [*a]", "&a {a: *a}"),
        "[" * 13 + "]" * 13,
    ],
)
def test_what_is_too_deep_is_one_fault(deep):
    (fault,) = faults(f"{TEXT}deep: {deep}\n")
    assert fault.found in ("more than 12 levels of lists and mappings", "a mapping") or (
        fault.allowed == "YAML"
    )


def test_a_field_twice_is_named_with_both_lines():
    (fault,) = faults(f"{TEXT}checks: {{min_rows: 5}}\nchecks: {{blocking: []}}\n")
    assert (fault.field, fault.found) == ("checks", f"twice, in lines {LAST + 1} and {LAST + 2}")
    (fault,) = faults(f"{TEXT}checks:\n  min_rows: 5\n  blocking: []\n  'min_rows': 6\n")
    assert fault.field == "checks.min_rows"
    assert fault.found == f"twice, in lines {LAST + 2} and {LAST + 4}"


def test_an_alias_is_the_value_that_it_stands_for():
    limits = "thresholds: {psi: &limits {warn: 0.2, fail: 0.3}, csi: {<<: *limits, fail: 0.4}}\n"
    thresholds = parse_manifest(TEXT + limits, "m/model.yaml").thresholds
    assert (thresholds.csi.warn, thresholds.csi.fail) == (0.2, 0.4)


@pytest.mark.parametrize(
    "text",
    [
        *(r'"a\nb"', r'"a\r"', r'"a\tb"', r'"a\0b"', r'"\e[31mred\e[0m"', r'"\x85"', r'"a\u2028b"'),
        *(r'"a\u202Eb"', r'"a\u2066b"', r'"\ufeffa"', r'"a\u200Bb"', r'"\U000e0041"'),
        *("|\n  two\n  lines\n", ">\n  folded\n"),
    ],
)
def test_a_text_has_no_sign_that_is_not_seen(text):
    whole = TEXT.replace("owner: risk@lender.example\n", f"owner: {text}\n")
    (fault,) = faults(whole)
    assert fault.field == "owner"
    assert fault.line == whole.splitlines().index(f"owner: {text}".splitlines()[0]) + 1
    assert str(fault).isprintable()
    (fault,) = faults(f"{TEXT}segments: [income, {text}]\n" if "\n" not in text else whole)
    assert str(fault).isprintable()


def test_a_name_has_none_either():
    found = faults(TEXT + 'checks: {max_missing: {"inc\\e[31mome": 0.5}}\n')
    assert all(str(fault).isprintable() for fault in found)


def test_other_scripts_are_texts():
    text = TEXT.replace("owner: risk@lender.example", "owner: Jürgen 風險 👩‍💻")
    assert parse_manifest(text, "m/model.yaml").owner == "Jürgen 風險 👩‍💻"


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("deployed_at", "2026-13-01", "a date"),
        ("deployed_at", "2026-02-30", "a date"),
        ("deployed_at", "0000-01-01", "a date"),
        ("deployed_at", "0001-01-01", "1970-01-01"),
        ("deployed_at", "9999-12-31", "2199-12-31"),
        ("deployed_at", "2001-12-14t21:59:43.10-99:30", "a date"),
        ("revision", "0x" + "f" * 38, "1000000"),
        ("revision", "0x" + "f" * 5000, "2,000 characters"),
        ("revision", "9" * 41, "a whole number"),
        ("revision", "9" * 5000, "2,000 characters"),
        ("revision", "1" + ":1" * 60, "a whole number"),
        ("revision", "!!int soon", "a whole number"),
        ("revision", "!!float soon", "a number"),
        ("revision", "!!binary aGk=", "a number"),
        ("revision", "!!set {a}", "a list or a mapping"),
        ("revision", "99999999999999999999", "1000000"),
    ],
)
def test_what_is_out_of_bounds_is_named_with_field_and_line(field, value, allowed):
    lines = [one for one in TEXT.splitlines(keepends=True) if not one.startswith(f"{field}:")]
    (fault,) = faults("".join(lines) + f"{field}: {value}\n")
    assert (fault.field, fault.line) == (field, len(lines) + 1)
    assert allowed in fault.allowed
