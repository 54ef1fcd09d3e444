"""Record the stability index of other libraries, each in an environment of its own.

Their requirements exclude each other's and this project's, so the figures are recorded once:
``python -m tests.monitoring_assets.statistics.peers.record`` makes the environments under
``.peers/`` and writes ``figures.json``; the test reads that.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
EDGES = [float(edge) for edge in range(100, 1_000, 100)]
"""Deciles of the reference."""


def feature_engine(reference, current):
    """Cut at its own deciles; a share of 0 becomes 1e-4."""
    import pandas as pd
    from feature_engine.selection import DropHighPSIFeatures

    table = pd.concat([pd.DataFrame(reference), pd.DataFrame(current)], ignore_index=True)
    table["sample"] = [1] * 1_000 + [2] * 800
    selector = DropHighPSIFeatures(
        split_col="sample", cut_off=1, bins=10, min_pct_empty_bins=1e-4, variables="all"
    )
    return {name: float(v) for name, v in selector.fit(table).psi_values_.items()}


def polars_ds(reference, current):
    """Cut at the edges given."""
    import polars as pl
    import polars_ds as pds

    figures = {}
    for name in reference:
        if name in ("full", "gap"):
            report = pds.psi_w_breakpoints(current[name], reference[name], EDGES)
        else:
            report = pds.psi_discrete(current[name], reference[name], return_report=True)
        figures[name] = pl.select(report.struct.field("psi_bin").sum()).item()
    return figures


def scouter(reference, current):
    """Cut at its own deciles."""
    import numpy as np
    from scouter.drift import Drifter, PsiDriftConfig

    names = ["full", "gap"]
    tables = [np.column_stack([table[name] for name in names]) for table in (reference, current)]
    drifter = Drifter()
    profile = drifter.create_drift_profile(tables[0], PsiDriftConfig(space="x", name="x"))
    found = drifter.compute_drift(tables[1], profile).features
    return dict(zip(names, (found[key] for key in sorted(found)), strict=True))


def optbinning(reference, current):
    """Its divergence of shares, which its monitoring reports as PSI."""
    import numpy as np
    from optbinning.binning.metrics import jeffrey

    figures = {}
    for name in reference:
        sides = []
        for table in (reference, current):
            if name in ("full", "gap"):
                counts = np.bincount(np.searchsorted(EDGES, table[name]), minlength=10)
            else:
                counts = np.array([table[name].count(grade) for grade in "ABCD"])
            sides.append(counts / counts.sum())
        if all(side.all() for side in sides):
            figures[name] = float(jeffrey(sides[1], sides[0], return_sum=True))
    return figures


def toad(reference, current):
    """Cut at the edges given, which it takes as closed below, so they are moved up a little."""
    import pandas as pd
    from toad.metrics import PSI

    figures = {}
    for name in reference:
        tables = [pd.DataFrame({name: table[name]}) for table in (current, reference)]
        if name in ("full", "gap"):
            figures[name] = float(PSI(*tables, combiner={name: [e + 0.5 for e in EDGES]})[name])
        else:
            figures[name] = float(PSI(*tables)[name])
    return figures


PEERS = {
    "feature-engine": (feature_engine, ["feature-engine==1.9.4"]),
    "polars-ds": (polars_ds, ["polars-ds==0.13.0", "polars<2"]),
    "scouter-ml": (scouter, ["scouter-ml==0.25.0", "pandas<3"]),
    "optbinning": (optbinning, ["optbinning==1.0.0"]),
    "toad": (toad, ["toad==0.1.7", "pandas<3", "scikit-learn", "seaborn"]),
}


def record(name: str) -> dict:
    """Run one library, in its own environment."""
    home = ROOT / ".peers" / name
    python = home / "bin" / "python"
    if not python.exists():
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PEERS[name][1]], check=True)
    done = subprocess.run([python, __file__, name], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    if len(sys.argv) == 2:
        sys.path.insert(0, str(HERE))
        from data import tables

        figures = PEERS[sys.argv[1]][0](*tables())
        print(json.dumps({"version": version(sys.argv[1]), "figures": figures}))
    else:
        recorded = {name: record(name) for name in PEERS}
        (HERE / "figures.json").write_text(json.dumps(recorded, indent=2) + "\n")
