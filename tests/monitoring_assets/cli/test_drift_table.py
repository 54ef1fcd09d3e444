"""The table of a report at the width of a plain terminal."""

import pytest

from monitoring_assets.cli.drift_table import print_drift
from monitoring_assets.statistics.drift.drift import ColumnDrift
from monitoring_assets.statistics.drift.thresholds import Thresholds


def test_names_and_statuses_are_whole_at_80_columns(capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    name = "months_since_last_delinquency"
    column = ColumnDrift(
        column=name,
        index="CSI",
        value=None,
        critical_value=0.41,
        status="insufficient evidence",
        reference_missing=0.1,
        current_missing=0.123,
        unseen=0.1,
        out_of_range=0.999,
        infinite=0,
        bins=(),
        error=None,
        thresholds=Thresholds(0.1, 0.25, 0.001),
    )
    print_drift([column], 2000, 73, moved={name: 0.0123})
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    first = next(i for i, line in enumerate(lines) if "months" in line)
    assert "".join(line[1:15].strip() for line in lines[first : first + 3]) == name
    assert [line.split()[-1] for line in lines[first : first + 2]] == ["insufficient", "evidence"]
