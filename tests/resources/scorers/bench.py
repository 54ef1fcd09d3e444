"""Scoring a frame with a model of any flavour, and rows to score."""

import datetime as dt
import hashlib

import dagster as dg
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from resources.manifest import Manifest
from resources.scorers.base import FeatureFile
from resources.scoring import score_features
from resources.storage import open_storage
from resources.store import Landed
from tests.conftest import YESTERDAY, job

FEATURES = pd.DataFrame(
    {
        "loan_id": ["a", "b", "c", "d", "e"],
        "income": [20_000.0, 30_000.0, None, 50_000.0, 10_000.0],
        "age": [1.0, 2.0, 3.0, 4.0, 5.0],
    }
)


def scorer_of(lender, tmp_path):
    """Score a frame with an artefact in the registry; the scores by key, or what was raised."""

    def score(scoring, artefact=b"", features=FEATURES, columns=("income", "age"), rows_a_group=2):
        storage = open_storage(lender.registry.root)
        storage.write("pd_cards/1/model", artefact)
        if scoring["flavour"] not in ("scored", "image"):
            sha256 = hashlib.sha256(artefact).hexdigest()
            scoring = {"artefact": "model", "sha256": sha256} | scoring
        fields = lender.manifest(
            "pd_cards", "1", scoring=scoring, features={"columns": list(columns)}
        )
        landed = Landed(
            manifest=Manifest.model_validate(fields),
            folder="pd_cards/1",
            landed_at=dt.datetime.now(dt.UTC),
        )
        path, output = tmp_path / "features.parquet", tmp_path / "scores.parquet"
        table = features if isinstance(features, pa.Table) else pa.Table.from_pandas(features)
        pq.write_table(table, path, row_group_size=rows_a_group)
        raised = []

        @dg.asset
        def scored(context: dg.AssetExecutionContext):
            file = FeatureFile(path, "loan_id", tuple(columns))
            args = (file, landed, YESTERDAY, *lender.resources.values(), output, context)
            try:
                score_features(*args)
            except Exception as error:
                raised.append(error)
            return dg.MaterializeResult()

        with dg.DagsterInstance.ephemeral() as instance:
            assert dg.materialize([scored], instance=instance).success
        if raised:
            raise raised[0]
        written = pq.ParquetFile(output)
        assert written.schema_arrow.names == ["loan_id", "score"]
        groups = [written.metadata.row_group(i).num_rows for i in range(written.num_row_groups)]
        source = pq.ParquetFile(path).metadata
        assert groups == [source.row_group(i).num_rows for i in range(source.num_row_groups)]
        found = written.read().to_pydict()
        assert found["loan_id"] == table["loan_id"].to_pylist()
        return found["score"]

    return score


def run_day(lender, instance):
    return job("monitor_day", lender).execute_in_process(
        instance=instance, partition_key=f"{YESTERDAY}|pd_cards.1", raise_on_error=False
    )


def failure(result):
    (event,) = (event for event in result.all_events if event.is_step_failure)
    return event.step_failure_data.user_failure_data.description
