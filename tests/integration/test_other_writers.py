"""A day as a warehouse, Spark or pandas writes it, beside the same rows written plainly."""

import datetime as dt
import decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_assets.partitions import ModelDay
from resources.storage import open_storage
from tests.conftest import days_ago, job, onboard

DAY = days_ago(1)
RATES = np.array([0.9, 1.15, 1.4, 1.65, 2.05, 2.35])
OPEN = dt.datetime(9999, 12, 31)


def plain_rows(seed, size):
    """A price list of rates, dates of which half are the end of time, and text."""
    random = np.random.default_rng(seed)
    start = dt.datetime(2024, 3, 1)
    ends = [
        OPEN if draw < 0.5 else start + dt.timedelta(days=int(900 * draw))
        for draw in random.random(size)
    ]
    return {
        "loan_id": pa.array([f"{seed}/{number}" for number in range(size)]),
        "rate": pa.array(random.choice(RATES, size)),
        "ends_at": pa.array(ends, pa.timestamp("us")),
        "branch": pa.array(random.choice(["007", "100"], size)),
        "score": pa.array(random.random(size)),
    }


def of_another_writer(columns):
    rates = [decimal.Decimal(f"{rate:.2f}") for rate in columns["rate"].to_pylist()]
    return columns | {
        "loan_id": columns["loan_id"].dictionary_encode(),
        "rate": pa.array(rates, pa.decimal128(12, 2)),
        "branch": columns["branch"].cast(pa.large_string()).dictionary_encode(),
    }


def publish(lender, version, ending, columns, **options):
    """Land a version, its sample written plainly, and a day of it with these options."""

    def put(root, path, table, **how):
        with open_storage(root).writing(path) as local:
            pq.write_table(pa.table(table), local, **how)

    put(lender.registry.root, f"pd_cards/{version}/reference.parquet", plain_rows(0, 3000))
    batch = {name: column for name, column in columns.items() if name != "score"}
    put(lender.lake.root, f"{version}/{DAY}{ending}", batch, **options)
    scores = pa.table({name: columns[name] for name in ("loan_id", "score")})
    scores = pa.concat_tables([scores[500:], scores[:500]])
    put(
        lender.lake.root,
        f"scores/{version}/{DAY}{ending}",
        scores,
        **options,
    )
    lender.publish_manifest(
        "pd_cards",
        version,
        deployed_at=DAY.isoformat(),
        reference={"path": "reference.parquet", "score": "score"},
        batch={"path": f"{version}/{{date}}{ending}", "key": "loan_id"},
        features={"columns": ["rate", "ends_at", "branch"]},
        scoring={"flavour": "scored", "path": f"scores/{version}/{{date}}{ending}"},
    )


def test_a_day_is_the_same_whoever_has_written_it(lender, instance):
    rows = plain_rows(1, 800)
    publish(lender, "plain", ".parquet", rows)
    publish(
        lender,
        "other",
        ".parquet.gzip",
        of_another_writer(rows),
        compression="gzip",
        use_deprecated_int96_timestamps=True,
    )
    onboard(lender, instance)
    reports = {}
    for version in ("plain", "other"):
        day = ModelDay(DAY, f"pd_cards.{version}")
        done = job("monitor_day", lender).execute_in_process(
            instance=instance, partition_key=day.partition
        )
        assert done.success
        reports[version] = lender.store.read_table("drift_report", day.key, DAY)[0].to_pylist()
    assert reports["other"] == reports["plain"]
    assert {row["status"] for row in reports["other"]} == {"ok"}
    assert max(row["value"] for row in reports["other"]) < 0.03
