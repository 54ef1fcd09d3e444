"""Asset ``fleet_status``: green and red say what the last day of each model is."""

import datetime as dt

import dagster as dg
import pytest

from monitoring_assets.assets.fleet_status import NAMED, fleet_status, record_fleet
from monitoring_assets.pages.summary import Summary
from resources import layout
from resources.store import Store

NOW = dt.datetime(2026, 9, 13, 8, tzinfo=dt.UTC)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store in which whatever has a summary is monitored."""
    monkeypatch.setattr(
        Store,
        "all_landed",
        lambda self: {path.split("/")[-1][:-5]: None for path in self.storage.list("pages/latest")},
    )
    return Store(root=str(tmp_path))


def summarise(store, key, outcome, **what):
    what = {"day": dt.date(2026, 9, 12), "verdict": f"{key} is {outcome}."} | what
    summary = Summary(key=key, owner="risk", outcome=outcome, **what)
    store.storage.write(layout.summary(key), summary.model_dump_json().encode())


@pytest.mark.parametrize(
    ("outcome", "passed", "severity"),
    [
        ("ok", True, None),
        ("warn", True, None),
        ("insufficient evidence", True, None),
        ("fail", False, dg.AssetCheckSeverity.WARN),
        ("error", False, dg.AssetCheckSeverity.ERROR),
        ("stopped", False, dg.AssetCheckSeverity.ERROR),
        ("incident open", False, dg.AssetCheckSeverity.ERROR),
    ],
)
def test_the_check_is_about_the_last_days_alone(store, outcome, passed, severity):
    summarise(store, "pd_auto.1", "ok")
    summarise(store, "pd_cards.1", outcome)
    _, evaluation = record_fleet(store, NOW)
    assert evaluation.passed is passed
    if passed:
        assert evaluation.description == "the last days of 2 versions call for no action"
    else:
        assert evaluation.severity == severity
        said = f"pd_cards.1 on 2026-09-12: {outcome}. pd_cards.1 is {outcome}."
        assert evaluation.description == said


@pytest.mark.parametrize("outcome", ["fail", "error", "stopped"])
def test_a_shadow_version_calls_for_no_action(store, outcome):
    summarise(store, "pd_cards.2", outcome, is_shadow=True)
    _, evaluation = record_fleet(store, NOW)
    assert evaluation.passed
    assert "Shadow" in store.storage.read(layout.FLEET_PAGE).decode()


def test_a_silent_model_is_an_error(store):
    summarise(store, "pd_cards.1", "ok", day=dt.date(2026, 9, 9))
    _, evaluation = record_fleet(store, NOW)
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert evaluation.description.startswith("pd_cards.1 on 2026-09-09: silent.")


def test_the_worst_are_named_and_the_table_has_all(store):
    for number in range(NAMED + 3):
        summarise(store, f"pd_{number:02}.1", "fail", csi=0.3 + number / 100, column="income")
    made, evaluation = record_fleet(store, NOW)
    *named, left = evaluation.description.splitlines()
    assert len(named) == NAMED
    assert left == "and 3 more"
    records = made.metadata["models"].records
    assert [one.data["model version"] for one in records] == [
        f"pd_{number:02}.1" for number in reversed(range(NAMED + 3))
    ]
    assert records[0].data["largest CSI"] == "0.42 (income)"


def test_it_links_to_the_page_where_there_is_an_address(store, monkeypatch):
    assert "page" not in record_fleet(store, NOW)[0].metadata
    monkeypatch.setenv("MONITORING_PAGES_URL", "https://pages.lender.example/")
    made, _ = record_fleet(store, NOW)
    assert made.metadata["page"].value == "https://pages.lender.example/index.html"


def test_a_person_can_materialise_it(store):
    summarise(store, "pd_cards.1", "ok", day=dt.datetime.now(dt.UTC).date(), psi=(0.01, 0.02))
    done = dg.materialize([fleet_status], resources={"store": store})
    assert done.success
    (evaluation,) = done.get_asset_check_evaluations()
    assert evaluation.passed
    (made,) = done.asset_materializations_for_node("fleet_status")
    (record,) = made.metadata["models"].records
    assert record.data["PSI"] == "0.02"
    assert store.storage.exists(layout.FLEET_PAGE)
