"""The German credit data as a registry with one model and a lake with four days of batches."""

import datetime as dt
import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from monitoring_assets.demo import scorecards

DATA = Path(__file__).parents[1] / "data" / "german_credit.parquet"
REFERENCE_ROWS = 700
YOUNG = 30
NAME = "german_credit"
VERSION = "1"
KEY = "applicant"
TARGET = "creditability"
# What lenders in many places may not use.
PROTECTED = ["personal_status_and_sex", "foreign_worker"]


def lay_out(home: Path, days: list[dt.date]) -> None:
    """Write ``home/registry`` and ``home/lake``.

    The model is trained on the reference sample. The other 300 applicants are spread over the first
    three of four days at random, so there is no drift but that of small numbers; on the fourth day
    those of them who are 30 or younger come again, and no others.
    """
    applicants = pq.read_table(DATA)
    order = np.random.default_rng(1).permutation(applicants.num_rows)
    applicants = applicants.take(order)
    keys = pa.array([f"{row:04d}" for row in order])
    characteristics = applicants.drop_columns([TARGET, *PROTECTED])
    rows = characteristics.add_column(0, KEY, keys)
    is_bad = pc.equal(applicants[TARGET], "bad").to_numpy()

    folder = home / "registry" / NAME / VERSION
    folder.mkdir(parents=True)
    graph = scorecards.train(
        "logistic", characteristics.slice(0, REFERENCE_ROWS), is_bad[:REFERENCE_ROWS], seed=1
    )
    (folder / "model.onnx").write_bytes(graph)
    pq.write_table(rows.slice(0, REFERENCE_ROWS), folder / "reference.parquet")

    held_back = np.arange(REFERENCE_ROWS, len(order))
    ages = applicants["age_in_years"].to_numpy()[held_back]
    parts = [*np.array_split(held_back, 3), held_back[ages <= YOUNG]]
    for day, part in zip(days, parts, strict=True):
        for feed, table in (
            ("applications", rows.take(part)),
            ("outcomes", pa.table({KEY: keys.take(part), "bad": is_bad[part]})),
        ):
            batch = home / "lake" / feed / f"date={day}" / "part-0.parquet"
            batch.parent.mkdir(parents=True)
            pq.write_table(table, batch)

    manifest = {
        "name": NAME,
        "version": VERSION,
        "owner": "credit-risk",
        "deployed_at": days[0],
        "reference": {"path": "reference.parquet"},
        "batch": {"path": "applications/date={date}/*.parquet", "key": KEY},
        "features": {"columns": characteristics.column_names},
        "scoring": {
            "flavour": "onnx",
            "artefact": "model.onnx",
            "sha256": hashlib.sha256(graph).hexdigest(),
            "output": scorecards.SCORE_OUTPUT,
            "output_column": scorecards.SCORE_COLUMN,
        },
        "outcome": {
            "path": "outcomes/date={date}/*.parquet",
            "column": "bad",
            "maturity": 90,
        },
    }
    (folder / "model.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
