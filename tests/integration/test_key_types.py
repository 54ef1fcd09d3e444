"""A day whose batch, scores and outcomes have keys of another type each: the same applicants."""

import datetime as dt
import decimal
import uuid
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_assets.engines.batch_rows import day_rows, write_rows
from monitoring_assets.performance.outcomes import joined
from resources.errors import InputError
from resources.manifest import Manifest
from resources.scorers.base import FeatureFile, ScoringError, read_scores, write_aligned
from resources.storage import open_storage
from resources.store import Landed
from tests.conftest import YESTERDAY

SIZE = 300
SCORES = np.arange(SIZE) / SIZE
BAD = np.arange(SIZE) % 3 == 0
TEXTS = pa.array([f"loan-{n}" for n in range(SIZE)])
UUIDS = [uuid.UUID(int=n * 2**64 + 5) for n in range(SIZE)]
NUMBERS = np.arange(1, SIZE + 1)
WHOLE = [decimal.Decimal(int(n)) for n in NUMBERS]

AS_TEXT = {
    "text": TEXTS,
    "category": TEXTS.dictionary_encode(),
    "large text": TEXTS.cast(pa.large_string()),
    "text view": TEXTS.cast(pa.string_view()),
}
AS_UUID = {
    "uuid": pa.array([one.bytes for one in UUIDS], pa.uuid()),
    "16 bytes": pa.array([one.bytes for one in UUIDS], pa.binary(16)),
    "uuid in text": pa.array([str(one) for one in UUIDS]),
}
AS_NUMBER = {
    "int64": pa.array(NUMBERS),
    "int32": pa.array(NUMBERS.astype("int32")),
    "decimal": pa.array(WHOLE, pa.decimal128(18, 0)),
    "wide decimal": pa.array(WHOLE, pa.decimal128(38, 0)),
    "decimal with digits": pa.array(WHOLE, pa.decimal128(20, 4)),
}
PAIRS = [
    (first, second)
    for kinds in (AS_TEXT, AS_UUID, AS_NUMBER)
    for first, second in product(kinds.items(), repeat=2)
]


def reordered(table):
    return pa.concat_tables([table[200:], table[:200]])


@pytest.fixture
def follow(lender, tmp_path):
    """The outcome counts of a day, and its scores in the order of the batch."""

    def run(batch_keys, score_keys, outcome_keys):
        fields = lender.manifest("pd_cards", "1", features={"columns": ["income"]})
        now = dt.datetime.now(dt.UTC)
        landed = Landed(
            manifest=Manifest.model_validate(fields), folder="pd_cards/1", landed_at=now
        )
        tables = {
            f"pd_cards/{YESTERDAY}": {"loan_id": batch_keys, "income": SCORES},
            f"scores/{YESTERDAY}": {"loan_id": score_keys, "score": SCORES},
            f"outcomes/{YESTERDAY}": {"loan_id": outcome_keys, "bad": BAD},
        }
        lake = open_storage(lender.lake.root)
        for path, columns in tables.items():
            table = pa.table(columns)
            with lake.writing(f"{path}.parquet") as local:
                in_batch = path.startswith("pd_cards")
                pq.write_table(table if in_batch else reordered(table), local, row_group_size=70)
        features = FeatureFile(tmp_path / "features.parquet", "loan_id", ("income",))
        batch, outcomes = (
            lender.lake.day_files(f"{name}/{{date}}.parquet", YESTERDAY)
            for name in ("pd_cards", "outcomes")
        )
        write_rows(day_rows(batch, landed, lender.registry, {}), features.path)
        path = lake.location(f"scores/{YESTERDAY}.parquet")
        scores = tmp_path / "scores.parquet"
        scored = read_scores(features.key_field, "score", path, None, "scores")
        write_aligned(features, scored, scores, "scores")
        with joined([scores], "loan_id", outcomes, "loan_id", "bad", 0.0, 1.0) as cohort:
            return cohort.counts, pq.read_table(scores)["score"].to_pylist()

    return run


@pytest.mark.parametrize(("batch", "other"), PAIRS, ids=lambda pair: pair[0])
def test_keys_of_another_type_are_the_same_applicants(follow, batch, other):
    counts, scores = follow(batch[1], other[1], other[1])
    assert scores == SCORES.tolist()
    assert (counts.scored, counts.known, counts.unmatched) == (SIZE, SIZE, 0)
    assert counts.bads == BAD.sum()


def test_keys_that_cannot_be_those_of_the_batch_are_refused_in_words(follow):
    with pytest.raises(ScoringError, match=r"scores, column 'loan_id': .* as int64"):
        follow(AS_NUMBER["int64"], TEXTS, TEXTS)
    with pytest.raises(InputError, match=r"outcomes .*\.parquet, column 'loan_id': .* as int64"):
        follow(AS_NUMBER["int64"], AS_NUMBER["int32"], TEXTS)


def test_a_key_that_is_a_list_is_refused_in_words(follow):
    keys = pa.array([[n] for n in range(SIZE)])
    with pytest.raises(InputError, match=r"\(batch.key\): found keys of type list<.*; allowed: t"):
        follow(keys, TEXTS, TEXTS)
