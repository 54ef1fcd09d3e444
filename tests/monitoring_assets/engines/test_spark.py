"""A day on a real cluster has the counts, rows and reports that it has on one machine."""

import hashlib
from collections import Counter
from functools import partial
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_assets.engines import batch_rows, spark
from monitoring_assets.engines.cluster import Cluster
from monitoring_assets.partitions import ModelDay
from resources.storage import open_storage
from tests.conftest import Lender, days_ago, job, onboard, rows, tick
from tests.monitoring_assets.engines.executors import kill_executor
from tests.resources.scorers.bench import failure

pytestmark = pytest.mark.spark

KEY = "pd_cards.1"
DAY = days_ago(40)
PARTITION = ModelDay(DAY, KEY).partition
FILES, FILE_ROWS, GROUP_ROWS = 3, 2_000, 700
COUNTED = ("features_profile", "scores_profile", "score_grid", "decisions")
REPORTS = ("drift_report", "segment_report", "performance_report")
SQL = (
    "SELECT loan_id, greatest(income, 0) AS income, lower(region) AS region, branch, "
    "decision, asked FROM batch"
)


def batch(number, odd_keys=True):
    """A file of a day: missing values, a category that is new, keys that repeat or are null."""
    frame = rows(7 + number, FILE_ROWS, income_shift=0.2)
    random = np.random.default_rng(number)
    frame["branch"] = random.choice(["city", "airport", None], FILE_ROWS)
    frame.loc[random.random(FILE_ROWS) < 0.05, "income"] = None
    frame.loc[random.random(FILE_ROWS) < 0.04, "region"] = "east"
    frame["decision"] = random.choice(["A", "D", None], FILE_ROWS)
    frame["asked"] = random.integers(1, 9, FILE_ROWS)
    if odd_keys:
        frame.loc[:1, "loan_id"] = ["twice", None]
    return frame


def sample():
    """The reference, with outcomes that a score means something else for by branch."""
    frame = rows(0, 6_000).assign(branch=["city", "airport", None] * 2_000)
    odds = np.where(frame["branch"] == "city", 1.6, 0.3)
    bad = np.random.default_rng(1).random(6_000) < np.clip(frame["score"] * odds, 0, 1)
    return frame.assign(bad=bad.astype(float), reason=frame["region"])


class Monitored:
    """A lender with one version and one day, and an instance of Dagster."""

    def __init__(self, lender, instance, sql_text=SQL, engine="one_machine", **changes):
        self.lender, self.instance = lender, instance
        self.fields = {
            "deployed_at": days_ago(60).isoformat(),
            "batch": {"path": "pd_cards/{date}/", "key": "loan_id"},
            "reference": {"path": "reference.parquet", "outcome": "bad"},
            "outcome": {"path": "outcomes/{date}.parquet", "column": "bad", "maturity": 30},
            "segments": ["branch"],
            "decisions": {"column": "decision", "approved": ["A"], "amount": "asked"},
            "checks": {"blocking": []},
        } | changes
        registry = open_storage(lender.registry.root)
        registry.write("pd_cards/1/features.sql", sql_text.encode())
        lender.publish(**self.fields, engine=engine)
        lender.put(registry, "pd_cards/1/reference.parquet", sample())
        self.lake = open_storage(lender.lake.root)
        self.deliver([batch(number) for number in range(FILES)])
        onboard(lender, instance)

    def deliver(self, frames):
        """A file of each frame, in place of all others; what became of some of the applicants."""
        for path in self.lake.list(f"pd_cards/{DAY}"):
            self.lake.delete(path)
        for number, frame in enumerate(frames):
            self.put(f"pd_cards/{DAY}/{number}.parquet", frame.drop(columns="score"))
        told = pd.concat(frames)[["loan_id"]].dropna().drop_duplicates()
        bad = [int(hashlib.sha256(key.encode()).hexdigest(), 16) % 9 == 0 for key in told.loan_id]
        self.put(f"outcomes/{DAY}.parquet", told.assign(bad=bad))

    def put(self, path, frame):
        with self.lake.writing(path) as local:
            table = pa.Table.from_pandas(frame, preserve_index=False)
            pq.write_table(table, local, row_group_size=GROUP_ROWS, write_page_checksum=True)

    def run(self, **how):
        return job("monitor_day", self.lender).execute_in_process(
            instance=self.instance, partition_key=PARTITION, **how
        )

    def fault(self):
        """Why the day cannot be made."""
        return failure(self.run(raise_on_error=False))

    def rows_of(self, dataset):
        store = self.lender.store
        files = [
            pq.ParquetFile(one, filesystem=store.storage.filesystem)
            for one in store.locations(dataset, KEY, DAY)
        ]
        return pa.concat_tables([file.read() for file in files])


@pytest.fixture
def monitored(tmp_path, monkeypatch):
    """Monitored days of lenders of their own, each batch in many parts."""
    monkeypatch.setattr(batch_rows, "PART_BYTES", 20_000)
    monkeypatch.setattr(spark, "BUCKET_ROWS", 1_500)
    with dg.DagsterInstance.ephemeral() as instance:
        made = Counter()

        def of(**changes):
            made["lenders"] += 1
            folder = tmp_path / f"{made['lenders']}"
            return Monitored(Lender(str(folder), folder), instance, **changes)

        yield of


def assert_alike(one, other):
    """Equal, but for sums of doubles, which another order of adding makes another last digit."""
    if isinstance(one, dict) and isinstance(other, dict):
        assert one.keys() == other.keys()
        one, other = list(one.values()), list(other.values())
    if isinstance(one, list | tuple):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_alike(*pair)
    else:
        assert one == (pytest.approx(other, 1e-9) if isinstance(other, float) else other)


def assert_same_day(alone, together):
    for one in (alone, together):
        assert one.run().success
    assert len(together.lender.store.parts("features", KEY, DAY)) > FILES
    assert not together.lender.store.has("features", KEY, DAY)
    for dataset in ("features", "scores"):
        one, other = (each.rows_of(dataset) for each in (alone, together))
        assert other.schema.equals(one.schema)
        pd.testing.assert_frame_equal(other.to_pandas(), one.to_pandas(), check_exact=True)
    for dataset in (*COUNTED, *REPORTS):
        (table, notes), (other, other_notes) = (
            one.lender.store.read_table(dataset, KEY, DAY) for one in (alone, together)
        )
        assert len(table) > 0
        assert_alike(other.to_pylist(), table.to_pylist())
        made = {"run_id", "manifest_sha256", "scored_with_manifest_sha256"}
        assert_alike(*({k: v for k, v in n.items() if k not in made} for n in (other_notes, notes)))


def test_a_day_that_the_executors_score_is_that_of_one_machine(monitored, cluster):
    alone, together = monitored(), monitored(engine="spark")
    assert_same_day(alone, together)
    _, notes = together.lender.store.read_table("features_profile", KEY, DAY)
    assert notes["key"] == {"unique": 5_995, "repeated": 2, "missing": 3}
    grid = together.lender.store.read_table("score_grid", KEY, DAY)[1]
    assert grid["splits"]
    assert "strata_error" not in grid


def test_executors_read_and_write_s3_by_themselves(monitored, cluster, s3_lender):
    alone = monitored()
    assert_same_day(alone, Monitored(s3_lender, alone.instance, engine="spark"))


def test_a_day_with_sql_is_that_of_one_machine(monitored, cluster):
    features = {"columns": ["income", "region"], "sql": "features.sql"}
    assert_same_day(monitored(features=features), monitored(features=features, engine="spark"))


def test_scores_of_production_find_their_features_whatever_their_order(monitored, cluster):
    changes = {
        "scoring": {
            "flavour": "scored",
            "path": "scores/{date}/",
            "score": "pd",
            "reasons": ["reason"],
        },
        "reference": {"path": "reference.parquet", "score": "score", "outcome": "bad"},
    }
    frames = [batch(number, odd_keys=False) for number in range(FILES)]
    scored = pd.concat(frames)[["loan_id", "score", "region"]]
    scored = scored.rename(columns={"score": "pd", "region": "reason"})
    scored = scored.sample(frac=1, random_state=1)
    days = [monitored(**changes), monitored(**changes, engine="spark")]
    for one in days:
        one.deliver(frames)
        one.put(f"scores/{DAY}/a.parquet", scored[:2_500])
        one.put(f"scores/{DAY}/b.parquet", scored[2_500:])
    assert_same_day(*days)
    scored.iloc[0, 0] = scored.iloc[1, 0]
    days[1].put(f"scores/{DAY}/a.parquet", scored[:2_500])
    assert " rows without a score, such as [" in days[1].fault()
    days[1].put(f"scores/{DAY}/a.parquet", scored[:2_499])
    assert "5999 rows scored; the features have 6000" in days[1].fault()
    for one in days:
        one.put(f"scores/{DAY}/a.parquet", scored[:2_500].assign(reason=7))
        assert "other files of the day: Unable to merge: Field reason has" in one.fault()


def dies_after(marks, work, number, task):
    """Do a task, and the first time that one of them is done end its executor before it says so."""
    made = work(number, task)
    mark = marks / f"{work.func.__name__}"
    if number == 2 and not mark.exists():
        mark.touch()
        kill_executor()
    return made


def test_a_part_that_was_written_twice_is_counted_once(monitored, cluster, tmp_path, monkeypatch):
    marks = tmp_path / "marks"
    marks.mkdir()
    run = Cluster.run

    def deadly(self, what, tasks, work, *stages):
        return run(self, what, tasks, work if stages else partial(dies_after, marks, work), *stages)

    monkeypatch.setattr(Cluster, "run", deadly)
    assert_same_day(monitored(), monitored(engine="spark"))
    killed = sorted(mark.name for mark in marks.iterdir())
    assert killed == ["_count", "_make_features", "_score"]


def damaged(one):
    """Flip a byte in the middle of a file, which only a reader of that page notices."""
    path = one.lake.location(f"pd_cards/{DAY}/1.parquet")
    content = bytearray(Path(path).read_bytes())
    at = pq.read_metadata(path).row_group(1).column(0).data_page_offset + 60
    content[at] ^= 0xFF
    Path(path).write_bytes(content)


def without_key(one):
    one.put(f"pd_cards/{DAY}/1.parquet", batch(1).drop(columns="loan_id"))


def of_another_type(one):
    one.put(f"pd_cards/{DAY}/1.parquet", batch(1).assign(income="much"))


def no_parquet(one):
    one.lake.write(f"pd_cards/{DAY}/1.parquet", b"loan_id,income")


@pytest.mark.parametrize("breaks", [damaged, without_key, of_another_type, no_parquet])
def test_a_broken_batch_is_the_same_error_as_on_one_machine(monitored, cluster, breaks):
    days = [monitored(), monitored(engine="spark")]
    said = []
    for one in days:
        breaks(one)
        said.append(one.fault().replace(one.lender.root, "ROOT"))
    # One machine names the first file where rows cannot be read, executors the file itself.
    first, itself = (f"ROOT/lake/pd_cards/{DAY}/{number}.parquet" for number in (0, 1))
    assert said[1] == (said[0].replace(first, itself) if breaks is damaged else said[0])
    assert itself in said[1]


def test_other_formats_than_parquet_are_refused_in_words(monitored, cluster):
    one = monitored(engine="spark")
    for number in range(FILES):
        one.lake.delete(f"pd_cards/{DAY}/{number}.parquet")
    one.lake.write(f"pd_cards/{DAY}/0.csv", b"loan_id,income,region,branch\na,1,north,city\n")
    said = f"/{DAY}/0.csv: found no Parquet files; allowed with engine: spark are these"
    assert said in one.fault()


def test_sql_that_needs_other_rows_is_refused_in_words(monitored, cluster):
    sql = "SELECT * FROM batch QUALIFY row_number() OVER (PARTITION BY loan_id) = 1"
    features = {"columns": ["income", "region"], "sql": "features.sql"}
    one = monitored(features=features, engine="spark", sql_text=sql)
    assert "found WINDOW in DuckDB's plan of it" in one.fault()


def test_a_day_that_is_made_again_leaves_no_rows_of_before(monitored, cluster):
    one = monitored(engine="spark")
    one.run()
    parts = one.lender.store.parts("scores", KEY, DAY)
    one.deliver([batch(0)])
    one.run()
    fewer = one.lender.store.parts("scores", KEY, DAY)
    assert len(fewer) < len(parts)
    assert len(one.rows_of("features")) == len(one.rows_of("scores")) == FILE_ROWS
    one.lender.publish_manifest("pd_cards", "1", **one.fields, revision=2)
    tick(one.lender, one.instance)
    one.run()
    for dataset in ("features", "scores"):
        (path,) = one.lender.store.storage.list(f"{dataset}/model={KEY}/date={DAY}")
        assert path.endswith(f"/{dataset}.parquet")


def test_a_batch_without_rows_is_the_same_day_as_on_one_machine(monitored, cluster):
    days = [monitored(), monitored(engine="spark")]
    counted = []
    for one in days:
        one.deliver([batch(0)[:0]])
        one.run()
        table, notes = one.lender.store.read_table("features_profile", KEY, DAY)
        assert notes["key"] == {"unique": 0, "repeated": 0, "missing": 0}
        counted.append(table)
    assert counted[0].equals(counted[1])
