"""One statistic for each of 50 columns, 1 million rows: this project beside other libraries.

Every library runs in a process of its own, in an environment of its own under ``.peers/``. CPU
seconds are those after imports, so that a library is not blamed for its size; memory is the peak
of the process. Two cases: from two raw Parquet files, and the daily one, where whatever the
library can keep of the reference is ready. A library that can keep nothing has only the first.
A library that does not take a column's kind is given the columns it does take.

Run: python benchmarks/peers.py [NAME ...]
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import measure

spent: dict[str, float] = {"raw": 0.0}


@contextmanager
def timed(*cases: str) -> Iterator[None]:
    """Add CPU seconds to one or both cases."""
    start = time.process_time()
    yield
    for case in cases:
        spent[case] = spent.get(case, 0.0) + time.process_time() - start


def ours(reference: str, current: str) -> int:
    """Count against stored bins; fit these first in the raw case."""
    import pyarrow.parquet as pq

    from monitoring_assets.statistics.drift.drift import compare
    from monitoring_assets.statistics.profiles.profile import (
        ParquetSource,
        Profile,
        count,
        fit_profile,
    )

    with timed("raw"):
        expected = fit_profile(ParquetSource(reference))
    stored = Path(reference).with_suffix(".stored.parquet")
    if not stored.exists():
        pq.write_table(expected.to_table(), stored)
    with timed("daily"):
        expected = Profile.from_table(pq.ParquetFile(stored).read())
    with timed("daily", "raw"):
        return len(compare(expected, count(ParquetSource(current), expected.bins)))


def ours_daily(reference: str, current: str) -> int:
    """Only the daily case, for its memory."""
    import pyarrow.parquet as pq

    from monitoring_assets.statistics.drift.drift import compare
    from monitoring_assets.statistics.profiles.profile import ParquetSource, Profile, count

    with timed("daily"):
        stored = Path(reference).with_suffix(".stored.parquet")
        expected = Profile.from_table(pq.ParquetFile(stored).read())
        return len(compare(expected, count(ParquetSource(current), expected.bins)))


def evidently(reference: str, current: str) -> int:
    """PSI of every column."""
    import pandas as pd
    from evidently import Report
    from evidently.metrics import ValueDrift

    with timed("raw"):
        tables = [pd.read_parquet(path) for path in (current, reference)]
        for table in tables:
            table["opened"] = (pd.to_datetime(table["opened"]) - pd.Timestamp(0)).dt.days
        report = Report([ValueDrift(column=name, method="psi") for name in tables[0]])
        return len(report.run(*tables).dict()["metrics"])


def nannyml(reference: str, current: str) -> int:
    """Jensen-Shannon distance of every column; the fitted calculator is kept."""
    import pandas as pd
    from nannyml import UnivariateDriftCalculator

    def read(path: str) -> pd.DataFrame:
        table = pd.read_parquet(path)
        table["opened"] = (pd.to_datetime(table["opened"]) - pd.Timestamp(0)).dt.days
        return table

    with timed("raw"):
        before = read(reference)
        calculator = UnivariateDriftCalculator(
            column_names=list(before),
            continuous_methods=["jensen_shannon"],
            categorical_methods=["jensen_shannon"],
            chunk_number=1,
        ).fit(before)
    with timed("raw", "daily"):
        calculator.calculate(read(current))
    return len(before.columns)


def frouros(reference: str, current: str) -> int:
    """PSI of the numeric columns; the fitted detectors are kept."""
    import pandas as pd
    from frouros.detectors.data_drift import PSI

    with timed("raw"):
        before = pd.read_parquet(reference).select_dtypes("number")
        detectors = {}
        for name in before:
            detectors[name] = PSI(num_bins=10)
            detectors[name].fit(X=before[name].dropna().to_numpy())
    with timed("raw", "daily"):
        now = pd.read_parquet(current, columns=list(detectors))
        for name, detector in detectors.items():
            detector.compare(X=now[name].dropna().to_numpy())
    return len(detectors)


def polars_ds(reference: str, current: str) -> int:
    """PSI of every column."""
    import polars as pl
    import polars_ds as pds

    with timed("raw"):
        now, before = pl.read_parquet(current), pl.read_parquet(reference)
        for name, kind in before.schema.items():
            if kind == pl.String:
                index = pds.psi_discrete(now[name], before[name])
            else:
                index = pds.psi(now[name].cast(pl.Float64), before[name].cast(pl.Float64))
            pl.select(index)
        return before.width


def scouter(reference: str, current: str) -> int:
    """PSI of the numeric columns, missing values as 0; the profile is kept."""
    import pandas as pd
    from scouter.drift import Drifter, PsiDriftConfig

    drifter = Drifter()
    with timed("raw"):
        before = pd.read_parquet(reference).select_dtypes("number").fillna(0.0)
        config = PsiDriftConfig(space="x", name="x")
        profile = drifter.create_drift_profile(before, config)
    with timed("raw", "daily"):
        now = pd.read_parquet(current, columns=list(before)).fillna(0.0)
        return len(drifter.compute_drift(now, profile).features)


def feature_engine(reference: str, current: str) -> int:
    """PSI of the numeric and string columns."""
    import pandas as pd
    from feature_engine.selection import DropHighPSIFeatures

    with timed("raw"):
        tables = [pd.read_parquet(path).drop(columns="opened") for path in (reference, current)]
        both = pd.concat(tables, keys=[1, 2]).reset_index(0, names="sample")
        both = both.reset_index(drop=True)
        selector = DropHighPSIFeatures(
            split_col="sample", cut_off=1, variables="all", missing_values="ignore"
        )
        return len(selector.fit(both).psi_values_)


def toad(reference: str, current: str) -> int:
    """PSI of the numeric and string columns; the combiner is kept, but it needs the reference."""
    import pandas as pd
    from toad.metrics import PSI
    from toad.transform import Combiner

    with timed("raw"):
        before, now = (pd.read_parquet(p).drop(columns="opened") for p in (reference, current))
        combiner = Combiner()
        combiner.fit(before.select_dtypes("number"), method="quantile", n_bins=10)
        return len(PSI(now, before, combiner=combiner))


def popmon(reference: str, current: str) -> int:
    """Its stability metrics, PSI among them, against histograms of the reference."""
    import pandas as pd
    import popmon  # noqa: F401, it adds methods to DataFrame

    def read(path: str) -> pd.DataFrame:
        table = pd.read_parquet(path).drop(columns="opened")
        return table.assign(day=pd.Timestamp("2026-01-01"))

    time_axis = {"time_axis": "day", "time_width": "1d"}
    with timed("raw"):
        before = read(reference).pm_make_histograms(**time_axis)
    with timed("raw", "daily"):
        now = read(current)
        now.pm_stability_metrics(reference_type="external", reference=before)
        return now.shape[1] - 1


def whylogs(reference: str, current: str) -> int:
    """Drift scores of two sketches; the sketch of the reference is kept."""
    import pandas as pd
    import whylogs as why
    from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

    with timed("raw"):
        before = why.log(pd.read_parquet(reference)).view()
    with timed("raw", "daily"):
        now = why.log(pd.read_parquet(current)).view()
        return len(calculate_drift_scores(target_view=now, reference_view=before))


PEERS: dict[str, tuple[Callable[[str, str], int], list[str]]] = {
    "evidently": (evidently, ["evidently==0.7.23", "pandas==3.0.6"]),
    "nannyml": (nannyml, ["nannyml==0.13.1", "statsmodels"]),
    "frouros": (frouros, ["frouros", "pandas<3"]),
    "polars-ds": (polars_ds, ["polars-ds==0.13.0", "polars<2"]),
    "scouter-ml": (scouter, ["scouter-ml==0.25.0", "pandas<3"]),
    "feature-engine": (feature_engine, ["feature-engine==1.9.4"]),
    "toad": (toad, ["toad==0.1.7", "pandas<3", "scikit-learn", "seaborn"]),
    "popmon": (popmon, ["popmon", "pandas<3", "setuptools<81"]),
    "whylogs": (whylogs, ["whylogs[viz]", "numpy<2", "pandas<3", "pyarrow<20"]),
}


def environment(name: str) -> Path:
    """Return the Python of a library's own environment, made at first use."""
    home = measure.ROOT / ".peers" / name
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
        packages = [*PEERS[name][1], "pyarrow"]
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    return python


def main(data: Path, names: list[str]) -> None:
    """Measure every library once, in turn, this project first and last."""
    import tables

    reference = tables.write(data / "mixed.parquet", 1_000_000, tables.mixed)
    shifted = functools.partial(tables.mixed, shift=0.1)
    current = tables.write(data / "mixed_current.parquet", 1_000_000, shifted, seed=7)
    rows = [
        {"library": "monitoring drift"}
        | measure.run(__file__, "measure", "ours", reference, current)
    ]
    rows.append(
        {"library": "daily run"}
        | measure.run(__file__, "measure", "ours_daily", reference, current)
    )
    for name in names or PEERS:
        try:
            found = measure.run(
                __file__, "measure", name, reference, current, python=environment(name)
            )
        except (subprocess.SubprocessError, OSError) as error:
            found = {"note": type(error).__name__}
        rows.append({"library": name} | found)
    again = measure.run(__file__, "measure", "ours", reference, current)
    rows.append({"library": "monitoring drift, again"} | again)
    for row in rows:
        for case in ("daily", "raw"):
            if case + "_cpu_s" in row:
                row[f"{case}_times_ours"] = row[case + "_cpu_s"] / rows[0][case + "_cpu_s"]
    measure.publish("peers", rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        own = {"ours": ours, "ours_daily": ours_daily}
        library = own.get(sys.argv[2]) or PEERS[sys.argv[2]][0]
        columns = library(*sys.argv[3:])
        print()
        found = {f"{case}_cpu_s": seconds for case, seconds in spent.items() if seconds}
        print(json.dumps({"columns": columns} | found | {"peak_rss_mb": measure.peak_rss_mb()}))
    else:
        parser = measure.arguments(__doc__ or "")
        parser.add_argument("names", nargs="*", help="libraries; all by default")
        options = parser.parse_args()
        main(options.data, options.names)
