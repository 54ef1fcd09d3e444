"""The whole path on published data: registry sensor, reference, days, checks."""

import dagster as dg
import pytest

from monitoring_assets.definitions import defs
from monitoring_assets.demo.findings import read_findings
from monitoring_assets.demo.replay import replay
from resources.lake import Lake
from resources.registry import open_registry
from resources.store import Store
from tests.conftest import YESTERDAY, days_ago, instance_in
from tests.integration import german_credit

DAYS = [days_ago(back) for back in (3, 2, 1, 0)]
KEY = f"{german_credit.NAME}.{german_credit.VERSION}"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(root=str(tmp_path_factory.mktemp("german-credit") / "store"))


@pytest.fixture(scope="module")
def found(store, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    german_credit.lay_out(home, DAYS)
    bound = dg.Definitions(
        assets=defs.assets,
        asset_checks=defs.asset_checks,
        jobs=defs.jobs,
        executor=defs.executor,
        resources={
            "registry": open_registry(str(home / "registry")),
            "lake": Lake(root=str(home / "lake")),
            "store": store,
        },
    )
    roots = {f"MONITORING_{name.upper()}": str(home / name) for name in ("registry", "lake")}
    roots["MONITORING_STORE"] = store.root
    with (
        instance_in(home / "dagster_home") as instance,
        pytest.MonkeyPatch.context() as environment,
    ):
        for name, root in roots.items():  # of the processes that do the days
            environment.setenv(name, root)
        replay(bound, instance, YESTERDAY, lambda doing, done, total: None)
        found = read_findings(instance)
        assert instance.get_dynamic_partitions("model") == [KEY]
    return found[KEY]


def test_every_day_is_judged_whole(found, store):
    assert sorted(found) == DAYS
    for day, findings in found.items():
        report, notes = store.read_table("drift_report", KEY, day)
        assert notes["rows"] == report["rows"][0].as_py()
        assert len(findings.csi) == report.num_rows - 1 == 18
        assert {row["column"]: row["value"] for row in report.to_pylist()} == pytest.approx(
            {**findings.csi, "score": findings.psi}
        )


def test_a_random_hundred_raises_no_alarm(found):
    for day in DAYS[:3]:
        assert found[day].alarms == []


def test_a_day_of_young_applicants_is_an_alarm_about_age(found):
    alarms = {alarm.subject: alarm for alarm in found[DAYS[3]].alarms}
    assert alarms["age_in_years"].status == "fail"
    assert max(found[DAYS[3]].csi, key=found[DAYS[3]].csi.get) == "age_in_years"
    assert not found[DAYS[3]].is_blocked
