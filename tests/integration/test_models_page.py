"""The programs of `docs/models.md`, as they stand there, in virtual environments of their own."""

import json
import pickle
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from monitoring_assets.cli.main import main
from tests.integration.test_exported_models import BATCH, SAMPLE
from tests.resources.scorers.bench import scorer_of

PAGE = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
COLUMNS = ["income", "utilisation", "region"]
PMML = """\
<PMML xmlns="http://www.dmg.org/PMML-4_4" version="4.4">
  <Header/>
  <DataDictionary>
    <DataField name="utilisation" optype="continuous" dataType="double"/>
    <DataField name="region" optype="categorical" dataType="string">
      <Value value="n"/><Value value="s"/>
    </DataField>
    <DataField name="bad" optype="categorical" dataType="string">
      <Value value="0"/><Value value="1"/>
    </DataField>
  </DataDictionary>
  <RegressionModel functionName="classification" normalizationMethod="logit">
    <MiningSchema>
      <MiningField name="utilisation"/><MiningField name="region"/>
      <MiningField name="bad" usageType="target"/>
    </MiningSchema>
    <RegressionTable intercept="-1.5" targetCategory="1">
      <NumericPredictor name="utilisation" coefficient="2"/>
      <CategoricalPredictor name="region" value="n" coefficient="0.5"/>
    </RegressionTable>
    <RegressionTable intercept="0" targetCategory="0"/>
  </RegressionModel>
</PMML>
"""


def blocks(section, language):
    """The code of a section in a language."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def environment(tmp_path):
    """A virtual environment with the tests' packages, as a network would be needed for others."""
    folder = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib"))
    return folder


@pytest.fixture
def model():
    numbers = SimpleImputer(strategy="median", add_indicator=True)
    texts = OneHotEncoder(handle_unknown="ignore")
    columns = [("numbers", numbers, COLUMNS[:2]), ("texts", texts, COLUMNS[2:])]
    made = make_pipeline(ColumnTransformer(columns), LogisticRegression(max_iter=1000))
    return made.fit(SAMPLE[COLUMNS], SAMPLE["bad"])


def packed(folder, section, python, **files):
    """The section's program with files of its own, made by the commands of the page."""
    (folder / "program").mkdir(parents=True)
    (folder / "registry" / "pd_loans" / "1").mkdir(parents=True)
    (folder / "program" / "__main__.py").write_text(blocks(section, "python")[0])
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    pack = blocks("A pickled model", "sh")[1].replace("python3", str(python))
    pack = pack.replace("model.pkl", next(iter(files)).replace("_", "."))
    done = subprocess.run(["sh", "-ec", pack], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[0]


def test_a_pickled_model_scores_through_a_program_of_its_own(
    tmp_path, lender, environment, model, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    python = environment / "bin" / "python"
    digest = packed(tmp_path, "A pickled model", python, model_pkl=pickle.dumps(model))
    (text,) = blocks("A pickled model", "yaml")
    text = text.replace("SHA256", digest).replace("/opt/models/pd_loans", str(environment))
    version = tmp_path / "registry" / "pd_loans" / "1"
    (version / "model.yaml").write_text(text)
    SAMPLE.to_parquet(version / "reference.parquet", index=False)
    done = CliRunner().invoke(
        main, ["registry", "validate", "registry/pd_loans/1", "--format", "json"]
    )
    assert done.exit_code == 0, done.output
    (line,) = json.loads(done.stdout)
    first = model.predict_proba(SAMPLE[COLUMNS].head(10))[:, 1]
    found = line["trial"]["scores"]
    assert [found["least"], found["mean"], found["greatest"]] == pytest.approx(
        [first.min(), first.mean(), first.max()]
    )
    # A batch with missing numbers and with a category that the sample lacks.
    section = {**yaml.safe_load(text)["scoring"], "artefact": "model"}
    artefact = (version / "model.pyz").read_bytes()
    scores = scorer_of(lender, tmp_path)(section, artefact, BATCH, COLUMNS, rows_a_group=20)
    assert scores == pytest.approx(model.predict_proba(BATCH[COLUMNS])[:, 1])


def test_a_pmml_scores_through_a_program_of_its_own(tmp_path, lender, environment):
    python = environment / "bin" / "python"
    packed(tmp_path, "PMML", python, model_pmml=PMML.encode())
    artefact = (tmp_path / "registry" / "pd_loans" / "1" / "model.pyz").read_bytes()
    columns = ["utilisation", "region"]
    command = [str(python), "{artefact}", "{input}", "{output}", "loan_id", *columns]
    rows = pd.DataFrame(
        {"loan_id": list("abcd"), "utilisation": [0.1, 0.9, 0.5, 0.0], "region": list("nssn")}
    )
    section = {"flavour": "command", "command": command}
    scores = scorer_of(lender, tmp_path)(section, artefact, rows, columns)
    logit = -1.5 + 2 * rows["utilisation"] + 0.5 * (rows["region"] == "n")
    assert scores == pytest.approx((1 / (1 + np.exp(-logit))).tolist())
    with pytest.raises(Exception, match="Found unknown categories"):
        scorer_of(lender, tmp_path)(section, artefact, rows.assign(region="moon"), columns)
