"""Two small tables made by arithmetic, so they are the same in every environment."""

from __future__ import annotations


def tables() -> tuple[dict[str, list], dict[str, list]]:
    """Return the reference (1,000 rows) and the current table (800 rows).

    - ``full``: the integers 1 to 1,000, then skewed to the low end; every decile has rows.
    - ``gap``: the same, but nothing over 650, so the last three deciles and a half are empty.
    - ``grade``: four grades in other proportions.
    - ``vanished``: two of the four grades are gone.
    """
    place = [(i + 0.5) / 800 for i in range(800)]
    reference = {
        "full": [float(i) for i in range(1, 1_001)],
        "gap": [float(i) for i in range(1, 1_001)],
        "grade": [*"A" * 400, *"B" * 300, *"C" * 200, *"D" * 100],
        "vanished": [*"A" * 400, *"B" * 300, *"C" * 200, *"D" * 100],
    }
    current = {
        "full": [float(int(1_000 * u**1.5) + 1) for u in place],
        "gap": [float(int(650 * u) + 1) for u in place],
        "grade": [*"A" * 200, *"B" * 250, *"C" * 250, *"D" * 100],
        "vanished": [*"A" * 500, *"B" * 300],
    }
    return reference, current
