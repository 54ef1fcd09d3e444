"""The table of a report at the width of a plain terminal."""

import pytest

from monitoring_assets.cli.drift_table import print_drift
from monitoring_assets.statistics.drift.drift import BinDrift, ColumnDrift
from monitoring_assets.statistics.drift.last_days import LastDays
from monitoring_assets.statistics.drift.thresholds import Status, Thresholds


def test_names_and_statuses_are_whole_at_80_columns(capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    name = "months_since_last_delinquency"
    column = ColumnDrift(
        column=name,
        index="CSI",
        value=0.31,
        critical_value=0.41,
        status=Status.INSUFFICIENT,
        reference_missing=0.1,
        current_missing=0.123,
        unseen=0.1,
        out_of_range=0.999,
        infinite=0,
        bins=(
            BinDrift("low", "interval", 1000, 20, 0.1),
            BinDrift("high", "interval", 1000, 53, 0.21),
        ),
        error=None,
        thresholds=Thresholds(0.1, 0.25, 0.001),
    )
    week = LastDays(7, 511, 0.29, 0.06, Status.FAIL)
    print_drift([column], 2000, 73, moved={name: 0.0123}, weeks={name: week})
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    first = next(i for i, line in enumerate(lines) if "months" in line)
    assert "".join(line[1:15].strip() for line in lines[first : first + 3]) == name
    assert [line.split()[-1] for line in lines[first : first + 2]] == ["insufficient", "evidence"]
    assert lines[first].split()[1:3] == ["0.3100", "0.29!"]
    assert "2,000 reference rows, 73 current rows, 511 in 7 of the last 7 days" in lines[0]
    words = next(n for n, line in enumerate(lines) if line.startswith(f"{name}: "))
    assert " ".join(line.strip() for line in lines[words : words + 2]) == (
        f"{name}: CSI 0.31 on 73 rows (insufficient evidence); 0.29 over 7 days, 511 rows: fail"
    )
