"""What a scorer of every flavour must do.

The test of a flavour is a class that inherits `ScorerContract` and says which model to land. Each
score of that model is the row's ``age``. A flavour that runs elsewhere than in this process's
reach inherits `SectionContract`, and its other tests say where it runs.
"""

import datetime as dt
import hashlib
import json
import re
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest
import yaml

from resources.kubernetes.pod_config import run_pod_tags
from resources.manifest import Manifest, ManifestError, parse_manifest
from resources.registry import scan
from resources.scorers import SCORERS
from resources.scorers.base import Scorer, ScoringError
from resources.storage import open_storage
from tests.conftest import YESTERDAY
from tests.resources.scorers.bench import FEATURES

DOCS = Path(__file__).parents[3] / "docs"
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "canary-of-the-cloud",
    "PAGERDUTY_ROUTING_KEY": "canary-of-the-pager",
    "LENDER_API_TOKEN": "canary-of-the-lender",
}


class SectionContract:
    """The tests of a flavour's section, which run nothing."""

    scorer: ClassVar[type[Scorer]]

    def land(self, lender: Any, features: pd.DataFrame) -> tuple[dict[str, Any], bytes]:
        """The section, without ``artefact`` and ``sha256``, and the artefact's bytes.

        Scores that the model needs in the lake are written there for YESTERDAY.
        """
        raise NotImplementedError

    @pytest.fixture
    def fields(self, lender):
        """A manifest with the flavour's section, its model in the registry."""
        section, artefact = self.land(lender, FEATURES)
        if "artefact" in self.scorer.model_fields:
            digest = hashlib.sha256(artefact).hexdigest()
            section = {"artefact": "model", "sha256": digest} | section
            open_storage(lender.registry.root).write("pd_cards/1/model", artefact)
        return lender.manifest("pd_cards", "1", scoring=section)

    @pytest.fixture
    def manifest(self, fields):
        return Manifest.model_validate(fields)

    def test_it_is_registered_under_a_name_of_its_own(self, manifest):
        assert SCORERS[manifest.scoring.flavour] is self.scorer
        assert type(manifest.scoring) is self.scorer

    def test_it_is_described_in_the_schema_and_the_docs(self, manifest):
        published = json.loads((DOCS / "model.schema.json").read_text())
        section = published["$defs"][self.scorer.__name__]
        fields = section["properties"]
        assert section["description"]
        assert [n for n in fields if n != "flavour" and not fields[n].get("description")] == []
        flavour = manifest.scoring.flavour
        assert f"| `{flavour}` |" in (DOCS / "onboarding.md").read_text()
        assert re.search(rf"flavour: {flavour}$", (DOCS / "model.example.yaml").read_text(), re.M)

    def test_it_reads_what_it_has_written(self, manifest):
        assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest

    def test_a_field_that_it_does_not_know_is_refused_by_file_field_and_remedy(self, fields):
        fields["scoring"] = fields["scoring"] | {"nonsense": 1}
        with pytest.raises(ManifestError) as raised:
            parse_manifest(yaml.safe_dump(fields), "model.yaml")
        (fault,) = raised.value.faults
        assert (fault.file, fault.field) == ("model.yaml", "scoring.nonsense")
        assert fault.allowed

    def test_its_version_lands_unless_the_model_is_another(self, lender, fields):
        def faults(**changes):
            lender.publish(reference=reference, scoring=fields["scoring"] | changes)
            (verdict,) = scan(lender.registry, {}, seconds=60)[0].values()
            return [fault.field for fault in verdict.faults]

        reference = {"path": "reference.parquet"}
        assert faults() == ([] if self.scorer.has_model else ["reference.score"])
        reference = {"path": "reference.parquet", "score": "income"}
        assert faults() == []
        if "artefact" in fields["scoring"]:
            assert faults(sha256="0" * 64) == ["scoring.sha256"]
            assert faults(artefact="absent") == ["scoring.artefact"]

    def test_its_runs_may_start_pods_only_if_it_does(self, manifest, monkeypatch):
        monkeypatch.setenv("MONITORING_STARTER_ACCOUNT", "starter")
        tags = run_pod_tags(manifest.pod, starts_pods=manifest.scoring.starts_pods)
        assert ("starter" in str(tags)) == self.scorer.starts_pods


class ScorerContract(SectionContract):
    """The tests of a flavour that can run here."""

    tells_its_environment: ClassVar[bool] = False
    """Whether the model of `land` is a program, which writes its environment beside its output."""

    def land_short(self, lender: Any, features: pd.DataFrame) -> tuple[dict[str, Any], bytes]:
        """As `land`, with a model that leaves out a row."""
        raise NotImplementedError

    @pytest.mark.parametrize("rows_a_group", [1, 2, 5])
    def test_every_row_has_its_score_in_order(self, lender, score, rows_a_group):
        found = score(*self.land(lender, FEATURES), rows_a_group=rows_a_group)
        assert found == FEATURES["age"].tolist()

    def test_it_scores_where_files_are_on_s3(self, any_lender, score_anywhere):
        assert score_anywhere(*self.land(any_lender, FEATURES)) == FEATURES["age"].tolist()

    def test_no_rows_have_no_scores(self, lender, score):
        none = FEATURES.head(0).astype({"income": "float64", "loan_id": "str"})
        assert score(*self.land(lender, none), features=none) == []

    def test_a_row_that_is_lost_is_refused_in_words(self, lender, score):
        with pytest.raises(ScoringError, match=r"\d rows|for \d+ rows"):
            score(*self.land_short(lender, FEATURES))

    def test_a_model_other_than_the_one_that_landed_is_not_run(self, lender, score, tmp_path):
        section, artefact = self.land(lender, FEATURES)
        if "artefact" not in self.scorer.model_fields:
            return
        with pytest.raises(ScoringError, match=f"has SHA-256 .*; the manifest says {'0' * 64}"):
            score(section | {"sha256": "0" * 64}, artefact)
        assert list(tmp_path.glob("*.environment")) == []
        assert not (tmp_path / "scores.parquet").exists()

    def test_no_secret_of_this_process_reaches_the_model(
        self, lender, score, tmp_path, monkeypatch
    ):
        for name, value in SECRETS.items():
            monkeypatch.setenv(name, value)
        score(*self.land(lender, FEATURES))
        told = list(tmp_path.glob("*.environment"))
        assert bool(told) == self.tells_its_environment
        written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
        assert [
            secret for secret in SECRETS.values() for w in written if secret.encode() in w
        ] == []

    def test_a_day_waits_for_what_it_reads_in_the_lake(self, lender, fields):
        manifest = Manifest.model_validate(fields)
        lender.deliver(YESTERDAY)
        assert lender.lake.has_arrived(manifest, YESTERDAY)
        before = YESTERDAY - dt.timedelta(days=1)
        lender.deliver(before)
        assert lender.lake.has_arrived(manifest, before) == (not manifest.scoring.day_paths)
