import datetime as dt
import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from monitoring_assets.demo import lender, population, scorecards
from monitoring_assets.demo.truth import Truth
from resources.manifest import Manifest, parse_manifest
from resources.registry import open_registry, scan
from resources.scorers.onnx import OnnxScoring

END = dt.date(2026, 11, 22)
DAYS = 12  # the push begins on day 6, the feed breaks on day 7, version 2 lands on day 9


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("lender")
    lender.build(home, end=END, days=DAYS)
    return home


@pytest.fixture(scope="module")
def truth(home):
    truth = Truth.read(home)
    assert truth is not None
    return truth


def files(home: Path) -> dict[str, str]:
    return {
        path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.rglob("*")
        if path.is_file()
    }


def manifest_of(home: Path, key: str) -> Manifest:
    file = home / "registry" / Path(*key.split(".", 1)) / "model.yaml"
    return parse_manifest(file.read_text(), str(file))


def day_table(home: Path, pattern: str, day: dt.date) -> pa.Table:
    (file,) = (home / "lake").glob(pattern.format(date=day))
    return pq.ParquetFile(file).read()


def features_of(home: Path, manifest: Manifest, day: dt.date) -> pa.Table:
    folder = home / "registry" / manifest.name / manifest.version
    sql = (folder / manifest.features.sql).read_text() if manifest.features.sql else None
    return lender._characteristics(day_table(home, manifest.batch.path, day), sql)


def scores_of(home: Path, manifest: Manifest, table: pa.Table, day: dt.date) -> np.ndarray:
    if isinstance(manifest.scoring, OnnxScoring):
        folder = home / "registry" / manifest.name / manifest.version
        return scorecards.score((folder / manifest.scoring.artefact).read_bytes(), table)
    scored = day_table(home, manifest.scoring.path, day)
    assert scored[lender.KEY].equals(table[lender.KEY])
    return scored["score"].to_numpy()


def stability(reference: pa.ChunkedArray, current: pa.ChunkedArray) -> float:
    """The index over ten quantile bins or the categories, with a bin for what is missing."""

    def counts(column: pa.ChunkedArray) -> np.ndarray:
        values = column.drop_null().to_numpy()
        if pa.types.is_string(column.type):
            inside = [int((values == name).sum()) for name in names]
        else:
            bins = np.searchsorted(edges, values.astype(float))
            inside = list(np.bincount(bins, minlength=len(edges) + 1))
        return np.array([*inside, column.null_count]) + 0.5

    names, edges = [], np.array([])
    if pa.types.is_string(reference.type):
        names = sorted(set(reference.drop_null().to_pylist()))
    else:
        deciles = np.arange(1, 10) / 10
        edges = np.unique(np.quantile(reference.drop_null().to_numpy().astype(float), deciles))
    expected, actual = counts(reference), counts(current)
    expected, actual = expected / expected.sum(), actual / actual.sum()
    return float(np.sum((actual - expected) * np.log(actual / expected)))


def reference_of(home: Path, manifest: Manifest) -> pa.Table:
    folder = home / "registry" / manifest.name / manifest.version
    return pq.ParquetFile(folder / manifest.reference.path).read()


def indices(home: Path, key: str, day: dt.date) -> dict[str, float]:
    manifest = manifest_of(home, key)
    reference, current = reference_of(home, manifest), features_of(home, manifest, day)
    return {name: stability(reference[name], current[name]) for name in manifest.features.names}


def test_the_same_seed_gives_the_same_bytes(home, tmp_path):
    lender.build(tmp_path, end=END, days=DAYS)
    assert files(tmp_path) == files(home)


def test_a_second_build_touches_nothing(home):
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
    steps = []
    lender.build(home, end=END, days=DAYS, progress=lambda *step: steps.append(step))
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before
    assert steps == []


def test_a_build_that_was_stopped_is_completed(home, tmp_path):
    (tmp_path / ".lender").mkdir()
    (tmp_path / ".lender" / "half-written").touch()
    what = lender.what_happens(END, DAYS, 7)
    what.write(tmp_path)
    steps = []
    lender.build(tmp_path, end=END, days=DAYS, progress=lambda *step: steps.append(step[:2]))
    assert files(tmp_path) == files(home)
    total = len(lender.VERSIONS) + len(lender.PRODUCTS) * DAYS
    assert steps == [(done, total) for done in range(total + 1)]


def test_another_lender_is_not_overwritten(home):
    with pytest.raises(FileExistsError, match="12 days to 2026-11-22 with seed 7"):
        lender.build(home, end=END, days=DAYS, seed=8)


def test_a_registry_of_somebody_else_is_not_touched(tmp_path):
    (tmp_path / "registry").mkdir()
    with pytest.raises(FileExistsError, match="not the demo's"):
        lender.build(tmp_path, end=END, days=DAYS)
    assert list(tmp_path.iterdir()) == [tmp_path / "registry"]


def test_too_few_days_are_refused(tmp_path):
    with pytest.raises(ValueError, match="at least 8 days, not 7"):
        lender.build(tmp_path, end=END, days=7)


def test_the_usual_sixty_days_have_their_events_where_they_are_told():
    truth = lender.what_happens(END, 60, 7)
    number = {day: count for count, day in enumerate(truth.dates, 1)}
    events = {v.key: v.event for v in truth.versions if v.event}
    assert number[events["pd_personal_loans.1"].began] == 30
    assert events["pd_personal_loans.1"].ended is None
    assert number[events["pd_overdraft.1"].began] == 20
    assert number[events["pd_auto.1"].began] == number[events["pd_auto.1"].ended] == 37
    assert {v.key: number[v.deployed_at] for v in truth.versions} == {
        "pd_auto.1": 1,
        "pd_cards.1": 1,
        "pd_mortgage.1": 1,
        "pd_mortgage.2": 45,
        "pd_overdraft.1": 1,
        "pd_personal_loans.1": 1,
    }


def test_the_registry_accepts_every_version(home, truth):
    verdicts, _ = scan(open_registry(str(home / "registry")), {}, seconds=60)
    assert not [str(fault) for verdict in verdicts.values() for fault in verdict.faults]
    manifests = [verdict.manifest for verdict in verdicts.values()]
    assert {m.key: m.deployed_at for m in manifests} == {
        v.key: v.deployed_at for v in truth.versions
    }
    for manifest in manifests:
        table = reference_of(home, manifest)
        assert table.num_rows == lender.REFERENCE_ROWS
        assert 10 <= len(manifest.features.names) <= 14
        assert set(table[manifest.reference.outcome].to_pylist()) == {True, False}
        assert ("score" in table.column_names) == (manifest.scoring.flavour == "scored")


def test_the_batches_look_like_applications(home, truth):
    for product in lender.PRODUCTS:
        rows = {}
        for day in truth.dates:
            table = day_table(home, f"{product.feed}/date={{date}}/*.parquet", day)
            keys = table[lender.KEY].to_pylist()
            assert len(set(keys)) == len(keys)
            rows[day.weekday()] = len(keys)
        assert 1_900 < min(rows.values()) < max(rows.values()) < 4_400
        assert rows[6] < rows[0]
        kinds = {str(field.type) for field in table.schema}
        assert kinds == {"double", "int64", "string", "bool"}
        assert any(table[name].null_count for name in table.column_names)


def test_every_model_scores_in_range_and_ranks(home, truth):
    for version in truth.versions:
        manifest = manifest_of(home, version.key)
        scores, defaults = [], []
        for day in truth.dates:
            turned = version.key == lender.TURNED and version.event.touches(day)
            if manifest.is_monitored(day) and not turned:
                table = features_of(home, manifest, day)
                outcomes = day_table(home, manifest.outcome.path, day)
                assert outcomes[lender.KEY].equals(table[lender.KEY])
                scores.append(scores_of(home, manifest, table, day))
                defaults.append(outcomes[manifest.outcome.column].to_numpy())
        together, defaulted = np.concatenate(scores), np.concatenate(defaults)
        assert np.isfinite(together).all()
        assert together.min() >= 0
        assert together.max() <= 1
        assert roc_auc_score(defaulted, together) > 0.72
        assert min(map(roc_auc_score, defaults, scores)) > 0.65


def test_a_healthy_day_is_close_to_the_reference(home, truth):
    healthy = [version for version in truth.versions if version.event is None]
    assert [v.key for v in healthy] == ["pd_cards.1", "pd_mortgage.1", "pd_mortgage.2"]
    for version in healthy:
        for day in truth.dates:
            if version.deployed_at <= day:
                assert max(indices(home, version.key, day).values()) < 0.03
        manifest = manifest_of(home, version.key)
        table = features_of(home, manifest, truth.end)
        score = scores_of(home, manifest, table, truth.end)
        own = scores_of(home, manifest, reference_of(home, manifest), truth.end)
        assert stability(pa.chunked_array([own]), pa.chunked_array([score])) < 0.02


def test_the_push_grows_from_its_day_on_and_touches_what_it_is_said_to(home, truth):
    (event,) = (v.event for v in truth.versions if v.key == "pd_personal_loans.1")
    by_day = {day: indices(home, "pd_personal_loans.1", day) for day in truth.dates}
    for day, values in by_day.items():
        quiet = [name for name in values if name not in event.characteristics]
        assert max(values[name] for name in quiet) < 0.03
        if not event.touches(day):
            assert max(values.values()) < 0.03
    channel = [by_day[day]["channel"] for day in truth.dates if event.touches(day)]
    assert channel == sorted(channel)
    last = by_day[truth.end]
    assert min(last[name] for name in event.characteristics) > 0.02
    assert last["channel"] > 0.25


def test_outcomes_turn_while_applicants_stay_what_they_are(home, truth):
    (event,) = (v.event for v in truth.versions if v.key == "pd_overdraft.1")
    manifest = manifest_of(home, "pd_overdraft.1")
    areas, rates = {True: [], False: []}, {True: [], False: []}
    for day in truth.dates:
        table = features_of(home, manifest, day)
        assert max(indices(home, manifest.key, day).values()) < 0.03
        bad = day_table(home, manifest.outcome.path, day)[manifest.outcome.column].to_numpy()
        score = scores_of(home, manifest, table, day)
        areas[event.touches(day)].append(roc_auc_score(bad, score))
        rates[event.touches(day)].append(bad.mean())
    # Half of the bads are other people: they win half of their pairs instead of what they did.
    before = np.mean(areas[False])
    assert np.mean(areas[True]) == pytest.approx((before + 0.5) / 2, abs=0.03)
    assert np.mean(rates[True]) == pytest.approx(np.mean(rates[False]), rel=0.1)


def test_the_feed_breaks_on_its_day_alone(home, truth):
    (event,) = (v.event for v in truth.versions if v.key == "pd_auto.1")
    manifest = manifest_of(home, "pd_auto.1")
    reference = reference_of(home, manifest)
    usual_income = np.nanmedian(reference["income"].to_numpy())
    for day in truth.dates:
        table, values = features_of(home, manifest, day), indices(home, "pd_auto.1", day)
        score = stability(
            reference["score"], pa.chunked_array([scores_of(home, manifest, table, day)])
        )
        if event.touches(day):
            assert day == event.began
            missing = table["bureau_score"].null_count / table.num_rows
            assert missing == pytest.approx(0.4 + 0.6 * 0.06, abs=0.03)
            assert np.nanmedian(table["income"].to_numpy()) * 12 == pytest.approx(
                usual_income, rel=0.1
            )
            assert {name for name, value in values.items() if value > 0.25} == {
                *event.characteristics
            }
            assert score > 0.25
        else:
            assert max(values.values()) < 0.03
            assert score < 0.03


def test_a_push_leaves_the_other_characteristics_alone():
    rng = np.random.default_rng(1)
    usual = population.personal_loans(rng, 40_000, 0.0).table
    pushed = population.personal_loans(rng, 40_000, 1.0).table
    moved = {name for name in usual.column_names if stability(usual[name], pushed[name]) > 0.02}
    assert moved == {*population.PUSHED_CHARACTERISTICS}


def test_the_card_lender_accepts_fewer_of_the_same_applicants_from_a_day_on(home, truth):
    manifest = manifest_of(home, "pd_cards.1")
    assert manifest.decisions.column == "decision"
    changed = truth.dates[9]
    rates = {}
    for day in truth.dates:
        table = features_of(home, manifest, day)
        decided = np.array(table["decision"].to_pylist(), dtype=object)
        scores = scores_of(home, manifest, table, day)
        between = (scores > 0.05) & (scores <= 0.08) & (decided != None)  # noqa: E711
        rates[day] = (decided[between] == "accept").mean()
    assert min(rate for day, rate in rates.items() if day < changed) > 0.9
    assert max(rate for day, rate in rates.items() if day >= changed) < 0.1
    assert (reference_of(home, manifest)["decision"].to_numpy() == "accept").mean() > 0.5
