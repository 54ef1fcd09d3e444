"""Manifests as no team would write them: valid ones with one to three changes, from a seed.

The changes are those that have found faults: numbers, texts and dates out of all bounds, YAML that
is larger than it looks, keys twice, other files than a version's own.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import yaml

RAW = "RAWVALUE"
"""Stands for a value that is put in as it is, because YAML's writer would not write it."""

VALUES = [
    *(
        "0x" + "f" * 5000,
        "9" * 5000,
        "1" + ":1" * 3000,
        "1" + "0" * 30,
        "-1",
        "0",
        "1e308",
        "1e-320",
    ),
    *(".inf", "-.inf", ".nan", "1" + "_0" * 40, "0o777", "0b" + "1" * 400, "true", "null", "~"),
    *("0001-01-01", "9999-12-31", "2026-02-30", "2026-13-01", "0000-00-00", "2026-09-01T25:00:00Z"),
    *("2001-12-14t21:59:43.10-99:30", "1969-12-31", "2200-01-01", "12345678-01-01"),
    *('""', "''", '" "', '"a\\nb"', '"a\\0b"', '"\\e[31mred\\e[0m"', '"a\\u202Eb"', '"\\ud800"'),
    *(
        '"\\u2028"',
        "٣ ٦ * * *",
        "'06 24 * * *'",
        "\uff20",
        '"😀"',
        '"\\ufeff"',
        "é" * 3000,
        "a" * 70000,
    ),
    *(
        '"{{ conn.secret }}"',
        '"{% raw %}"',
        '"{date:>3000000000}"',
        '"{date!r}"',
        '"{horizon:>9999999}"',
    ),
    *('"x/{date.__class__}"', '"{0}"', '"{artefact:>3000000000}"', '"{"', '"%s%n"', '"../../x"'),
    *("/etc/passwd", "/dev/zero", "file:///dev/zero", "s3://nowhere/x", "http://127.0.0.1:1/x"),
    *("warehouse://risk/x", "postgresql://u:p@h/d", "'//'", "'.'", "'..'", "'~'", "'a/../../b'"),
    *(
        "[]",
        "{}",
        "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
        "{a: {b: {c: {d: {e: {f: 1}}}}}}",
        "[1, [2]]",
    ),
    *(
        "!!binary aGk=",
        "!!set {a, b}",
        "!!python/name:os.system x",
        "!!timestamp x",
        "!!int x",
        "!!float x",
    ),
    *(
        "*nothing",
        "&a [*a]",
        "&b {<<: *b}",
        "{<<: 1}",
        "{? [a] : b}",
        "{1: a}",
        "{null: a}",
        "{a: 1, a: 2}",
    ),
    *(
        "|\n    two\n    lines",
        "[" + "a, " * 30000 + "a]",
        "999",
        "Europe/Atlantis",
        "[mon, mon, mon]",
    ),
    *(
        "0.999999999999999999999",
        "[0, 0]",
        "[1.0, -1e300]",
        "[-1e308, 1e308]",
        "[nan, nan]",
        "2147483648",
    ),
]
SECTIONS = [
    "outcome: {path: 'o/{date}.parquet', column: bad, maturity: 90}",
    "outcome: {path: 'o/{date}/', column: 'dpd_{horizon}', maturity: [30, 60], cut_offs: [0.5]}",
    "segments: [region]",
    "checks: {min_rows: 10, max_missing: {income: 0.5}, blocking: [psi]}",
    "thresholds: {psi: {warn: 0.1, fail: 0.2, level: 0.001}, characteristics: {income: {}}}",
    "alerts: {open: {days: 1, of: 2}, mute: [{first: 2026-09-01, last: 2026-09-02, why: x}]}",
    "alerts: {accepted: [{first: 2026-09-01, last: 2026-09-02, by: me, why: x}], at_once: 2}",
    "schedule: {days: [mon, tue], cron: '0 6 * * *', timezone: Europe/London}",
    "pod: {cpu: 500m, memory: 1Gi, node_selector: {a: b}, tolerations: [{key: k}]}",
    "alerts: {holidays: [DE], expected: [{first: 2026-09-01, last: 2026-09-02, why: x}]}",
    "retired_at: 2027-01-01",
    "revision: 2",
]


def mutants(manifest: dict[str, Any], seed: int) -> Iterator[bytes]:
    """Texts without end, each a change of a valid manifest.

    Parameters
    ----------
    manifest
        A valid one. Name and version are not changed often, as nothing else is looked at then.
    seed
        The same texts for the same seed.
    """
    rng = random.Random(seed)
    while True:
        fields = copy.deepcopy(manifest)
        for section in rng.sample(SECTIONS, rng.randint(0, 4)):
            fields |= yaml.safe_load(section)
        raws = [_change(rng, fields) for _ in range(rng.randint(0, 2))]
        text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=10**6)
        for raw in raws:
            text = text.replace(RAW, raw or "", 1)
        if rng.random() < 0.3:
            text = _rewritten(rng, text)
        yield text.encode("utf-8", "surrogatepass")


def _change(rng: random.Random, fields: dict[str, Any]) -> str:
    """Change one place; returns the value that stands there."""
    at: Any = fields
    while True:
        keys = list(at if isinstance(at, dict) else range(len(at)))
        if not keys:
            return ""
        key = rng.choice(keys)
        if at is fields and key in ("name", "version") and rng.random() < 0.9:
            continue
        if isinstance(at[key], dict | list) and at[key] and rng.random() < 0.8:
            at = at[key]
            continue
        break
    kind = rng.random()
    if kind < 0.1:
        del at[key]
        return ""
    if kind < 0.15 and isinstance(at, dict):
        at[f"{key}{rng.choice(['', 'x', ' ', '.'])}x"] = at[key]
        return ""
    at[key] = RAW
    return rng.choice(VALUES)


def _rewritten(rng: random.Random, text: str) -> str:
    """Change the text itself."""
    lines = text.splitlines(keepends=True)
    kind = rng.randrange(9)
    if kind == 0:
        return text + rng.choice(lines)
    if kind == 1:
        return text[: rng.randrange(len(text))]
    if kind == 2:
        place = rng.randrange(len(text))
        return text[:place] + chr(rng.randrange(1, 0x3000)) + text[place + 1 :]
    if kind == 3:
        width, depth = rng.choice([(9, 30), (2, 60), (200, 3)])
        bomb = "".join(
            f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * width)}]\n" for n in range(1, depth)
        )
        return f"{text}x0: &x0 [a]\n{bomb}"
    if kind == 4:
        bomb = "".join(
            f"x{n}: &x{n} {{<<: [{', '.join([f'*x{n - 1}'] * 9)}]}}\n" for n in range(1, 12)
        )
        return f"{text}x0: &x0 {{a: 1}}\n{bomb}"
    if kind == 5:
        sign = rng.choice(["[", "{a: ", "- ", "? "])
        return f"{text}deep: {sign * rng.choice([20, 1000, 20_000])}\n"
    if kind == 6:
        return text + "".join(
            f"k{n}: [1, 2, 3]\n" for n in range(rng.choice([10, 30_000, 150_000]))
        )
    if kind == 7:
        return rng.choice(
            ["", "---\n", "a\n---\nb\n", "- a\n", "null", "\ufeff" + text, "%YAML 9\n---\n"]
        )
    rng.shuffle(lines)
    return "".join(lines)
