"""Files of a model that a newcomer has, and drafts of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from click.testing import CliRunner, Result

from monitoring_assets.cli.main import main


def applications(seed: int = 1, size: int = 500) -> pd.DataFrame:
    """Applications with a score and an outcome; the score is a function of three numbers."""
    random = np.random.default_rng(seed)
    income = random.lognormal(10, 0.5, size).round(2)
    age = random.integers(18, 80, size)
    ratio = random.beta(2, 5, size)
    score = 1 / (1 + np.exp(2 + 0.8 * (np.log(income) - 10) - 2 * ratio))
    return pd.DataFrame(
        {
            "loan_id": [f"{seed}-{number}" for number in range(size)],
            "applied_at": pd.Timestamp("2026-01-01") + pd.to_timedelta(range(size), "min"),
            "income": income,
            "age": age,
            "ratio": ratio,
            "channel": random.choice(["web", "branch"], size),
            "pd": score,
            "bad": random.random(size) < score,
        }
    )


class Newcomer:
    """A folder with a registry, a lake and files of one's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, path: str, frame: pd.DataFrame) -> None:
        """Write a Parquet file into the folder."""
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(self.folder / path, index=False)

    def draft(self, *options: str, name: str = "loans", batch: str = "lake/{date}/") -> Result:
        """Run the command on sample.parquet."""
        arguments = ["--reference", "sample.parquet", "--batch", batch, *options]
        return CliRunner().invoke(main, ["registry", "draft", name, *arguments])

    def text(self, folder: str = "registry/loans/1") -> str:
        """The manifest that was written."""
        return (self.folder / folder / "model.yaml").read_text()

    def manifest(self, folder: str = "registry/loans/1") -> dict:
        """The same, read."""
        return yaml.safe_load(self.text(folder))

    @property
    def columns(self) -> list[str]:
        """The characteristics of the manifest."""
        return [one["name"] for one in self.manifest()["features"]["columns"]]
