"""A version with four scored days, of which three have outcomes; another with its shadow."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from monitoring_assets.partitions import ModelDay
from resources.asset_keys import asset_key
from resources.storage import open_storage
from tests.conftest import Lender, days_ago, instance_in, job, onboard, rows, sigmoid_of_log_income

KEY = "pd_cards.1"
CHALLENGER = "pd_cards.2"
OUTCOME = {"path": "outcomes/{date}.parquet", "column": "bad", "maturity": 30}


def with_outcomes(frame, seed, shift):
    chance = expit(shift + logit(frame["score"]))
    return frame.assign(bad=(np.random.default_rng(seed).random(len(frame)) < chance).astype(int))


def score_days(folder, more=lambda frame, seed: frame, sample=lambda frame: frame, **changes):
    """Land a version, and score four days; ``more`` adds columns to batches, ``sample`` to it."""
    lender = Lender(str(folder / "lender"), folder)
    days = [days_ago(back) for back in (43, 42, 41, 25)]
    lender.publish_manifest(
        "pd_cards",
        "1",
        reference={"path": "reference.parquet", "outcome": "bad"},
        deployed_at=days_ago(60).isoformat(),
        **{"outcome": OUTCOME} | changes,
    )
    registry, lake = open_storage(lender.registry.root), open_storage(lender.lake.root)
    lender.put(
        registry, "pd_cards/1/reference.parquet", sample(with_outcomes(rows(0, 3000), 1, 0.0))
    )
    registry.write("pd_cards/1/model.onnx", sigmoid_of_log_income())
    frames = {}
    with instance_in(folder / "dagster_home") as instance:
        onboard(lender, instance)
        for number, day in enumerate(days):
            frame = rows(number, 800 + 100 * number, income_shift=0.1 * number)
            frames[day] = with_outcomes(frame, number, 0.3 * number)
            frames[day] = more(frames[day], number)
            lender.deliver(day, frames[day].drop(columns="bad"))
            if number < 3:
                told = frames[day][["loan_id", "bad"]]
                lender.put(lake, f"outcomes/{day}.parquet", told)
            for name in ("monitor_day", "measure_performance"):
                done = job(name, lender).execute_in_process(
                    instance=instance, partition_key=ModelDay(day, KEY).partition
                )
                assert done.success
    return SimpleNamespace(lender=lender, store=lender.store, days=days, frames=frames)


@pytest.fixture(scope="session")
def scored_once(tmp_path_factory):
    """Made once: the tests only read it."""
    return score_days(tmp_path_factory.mktemp("periods"))


@pytest.fixture
def scored(scored_once, monkeypatch):
    """The version, and the environment that points commands at it."""
    for name, value in scored_once.lender.environment.items():
        monkeypatch.setenv(name, value)
    return scored_once


@pytest.fixture
def copy(scored, tmp_path):
    """A store of its own, to write to."""
    store = scored.store.model_copy(update={"root": str(tmp_path / "store")})
    for path in scored.store.storage.list():
        store.storage.write(path, scored.store.storage.read(path))
    return store


@pytest.fixture
def known(scored):
    """All rows with a known outcome."""
    return pd.concat([scored.frames[day] for day in scored.days[:3]])


def with_protected(frame, seed):
    random = np.random.default_rng(100 + seed)
    sex = random.choice(["prot_woman", "prot_man", None], len(frame), p=[0.45, 0.53, 0.02])
    return frame.assign(prot_sex=sex, prot_age=random.integers(18, 90, len(frame)))


@pytest.fixture(scope="session")
def protected_once(tmp_path_factory):
    """The same with protected columns in the batches, made once."""
    return score_days(
        tmp_path_factory.mktemp("protected"),
        with_protected,
        outcome=OUTCOME | {"cut_offs": [0.45, 0.6]},
        fairness={
            "columns": ["prot_sex", "prot_age"],
            "bands": {"prot_age": [25, 89]},
            "reference_groups": {"prot_sex": "prot_man"},
        },
    )


@pytest.fixture
def protected(protected_once, tmp_path, monkeypatch):
    """A copy that a test may change, and the environment that points commands at it."""
    shutil.copytree(protected_once.lender.root, tmp_path / "lender")
    lender = Lender(str(tmp_path / "lender"), tmp_path)
    for name, value in lender.environment.items():
        monkeypatch.setenv(name, value)
    return SimpleNamespace(
        **vars(protected_once) | {"lender": lender, "store": lender.store},
        dagster_home=Path(protected_once.lender.root).parent / "dagster_home",
    )


DECISIONS = {
    "column": "outcome_of_application",
    "approved": ["A"],
    "booked": "drawn",
    "override": "overridden",
    "amount": "asked",
}


def with_decisions(frame, seed, cut_off=0.55):
    """A cut-off that people override now and then; every hundredth row is not decided yet."""
    random = np.random.default_rng([seed, 5])
    overridden = random.random(len(frame)) < 0.05
    approved = (frame["score"] < cut_off) ^ overridden
    decision = np.where(approved, "A", "D").astype(object)
    decision[99::100] = None
    return frame.assign(
        outcome_of_application=decision,
        drawn=approved & (random.random(len(frame)) < 0.7),
        overridden=overridden,
        asked=random.lognormal(8, 1, len(frame)).round(2),
    )


@pytest.fixture(scope="session")
def decided_once(tmp_path_factory):
    """Decisions in the reference and the batches; from the third day on the cut-off is lower."""
    return score_days(
        tmp_path_factory.mktemp("decided"),
        lambda frame, seed: with_decisions(frame, seed, 0.55 if seed < 2 else 0.45),
        sample=lambda frame: with_decisions(frame, 77),
        decisions=DECISIONS,
    )


@pytest.fixture
def decided(decided_once, monkeypatch):
    """The version, and the environment that points commands at it."""
    for name, value in decided_once.lender.environment.items():
        monkeypatch.setenv(name, value)
    return decided_once


def with_points(frame, seed):
    """Points of another model, where higher is safer: 50 points halve the odds, or nearly."""
    noise = np.random.default_rng([9, seed]).normal(0, 0.6, len(frame))
    points = 600 - 50 / np.log(2) * (logit(frame["score"]) + noise)
    return frame.assign(points=points.clip(300, 850).round(1))


@pytest.fixture(scope="session")
def challenged_once(tmp_path_factory):
    """A champion and its shadow, in points, over three days with outcomes and one without."""
    folder = tmp_path_factory.mktemp("challenged")
    lender = Lender(str(folder / "lender"), folder)
    days = [days_ago(back) for back in (43, 42, 41, 25)]
    deployed_at = days_ago(60).isoformat()
    lender.publish_manifest(
        "pd_cards",
        "1",
        reference={"path": "reference.parquet", "outcome": "bad"},
        deployed_at=deployed_at,
        outcome=OUTCOME | {"cut_offs": [0.5]},
    )
    lender.publish_manifest(
        "pd_cards",
        "2",
        shadow=True,
        reference={"path": "reference.parquet", "outcome": "bad", "score": "points"},
        scoring={
            "flavour": "scored",
            "path": "points/{date}.parquet",
            "score": "points",
            "range": [300, 850],
        },
        deployed_at=deployed_at,
        outcome=OUTCOME,
    )
    registry, lake = open_storage(lender.registry.root), open_storage(lender.lake.root)
    reference = with_points(with_outcomes(rows(0, 3000), 1, 0.0), 0)
    for version in ("1", "2"):
        lender.put(registry, f"pd_cards/{version}/reference.parquet", reference)
    registry.write("pd_cards/1/model.onnx", sigmoid_of_log_income())
    frames = {}
    wanted = [asset_key(name) for name in ("features", "scores", "drift_report")]
    with instance_in(folder / "dagster_home") as instance:
        onboard(lender, instance)
        for number, day in enumerate(days):
            frame = with_points(
                with_outcomes(rows(number, 800 + 100 * number), number, 0.0), number
            )
            frames[day] = frame
            lender.deliver(day, frame[["loan_id", "income", "region"]])
            lender.put(lake, f"points/{day}.parquet", frame[["loan_id", "points"]])
            if number < 3:
                lender.put(lake, f"outcomes/{day}.parquet", frame[["loan_id", "bad"]])
            for key in (KEY, CHALLENGER):
                done = job("monitor_day", lender).execute_in_process(
                    instance=instance,
                    partition_key=ModelDay(day, key).partition,
                    asset_selection=wanted,
                )
                assert done.success
    return SimpleNamespace(lender=lender, store=lender.store, days=days, frames=frames)


@pytest.fixture
def challenged(challenged_once, monkeypatch):
    """Both versions, and the environment that points commands at them."""
    for name, value in challenged_once.lender.environment.items():
        monkeypatch.setenv(name, value)
    return challenged_once
