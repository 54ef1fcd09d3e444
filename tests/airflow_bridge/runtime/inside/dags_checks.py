"""What Airflow makes of a bundle when it parses it."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from environment import (
    AIRFLOW_3,
    BUNDLES,
    UTC,
    SerializedDag,
    context,
    infos,
    manifest,
    parse,
    runtime,
)

MODES = ["dagster", "kubernetes"]
ASSETS = ["features", "scores", "drift_report", "alerts"]


@pytest.fixture
def dags(request, nobody_to_talk_to):
    bag = parse(BUNDLES / request.param)
    assert not bag.import_errors
    return bag.dags


@pytest.fixture
def dag(dags):
    return dags["monitor_day.pd_cards.1"]


both_modes = pytest.mark.parametrize("dags", MODES, indirect=True)
in_dagster = pytest.mark.parametrize("dags", ["dagster"], indirect=True)


@both_modes
def test_one_dag_for_each_version_and_no_other_file_is_parsed(dags):
    assert sorted(dags) == ["monitor_day.pd_cards.1", "monitor_day.pd_cards.2"]
    assert {Path(dag.fileloc).name for dag in dags.values()} == {"model_monitoring_dags.py"}


@both_modes
def test_tasks_are_the_asset_graph(dag, request):
    expected = {
        "features": {"scores", "drift_report"},
        "scores": {"drift_report"},
        "drift_report": {"alerts"},
        "alerts": set(),
    }
    # Scores and features have ended once drift_report has, and that once alerts has.
    expected["scores"] |= {"checks"}
    expected["alerts"] |= {"checks"}
    for name, downstream in expected.items():
        assert dag.get_task(name).downstream_task_ids == downstream
    assert dag.get_task("checks").trigger_rule == "all_done"
    last = set(dag.task_ids) - {*ASSETS, "checks"}
    assert dag.get_task("checks").downstream_task_ids == last
    assert last <= {"cancel"}


def may_end(upstream):
    """Every state of tasks that Airflow can reach: each is open, made, or not made.

    A task begins once all upstream are made, and is not made once one of them is not.
    """
    states = [dict.fromkeys(upstream, "open")]
    for state in states:
        for name, parents in upstream.items():
            above = {state[parent] for parent in parents}
            if state[name] != "open":
                continue
            ends = {"failed"} if "failed" in above else set()
            if above <= {"made"}:
                ends = {"made", "failed"}
            states += [new for end in ends if (new := state | {name: end}) not in states]
    return states


def test_no_task_is_open_once_the_awaited_have_ended():
    """By all states of every seventh graph of five tasks; ends of graphs alone would fail most."""
    names = "abcde"
    pairs = [(low, high) for high in range(5) for low in range(high)]
    for chosen in range(0, 2 ** len(pairs), 7):
        edges = [pair for bit, pair in enumerate(pairs) if chosen >> bit & 1]
        upstream = {
            name: [names[low] for low, high in edges if high == number]
            for number, name in enumerate(names)
        }
        assets = [{"name": name, "upstream": upstream[name]} for name in names]
        awaited = runtime("dags")._awaited(assets)
        for state in may_end(upstream):
            if "open" not in {state[name] for name in awaited}:
                assert "open" not in state.values(), (upstream, state)


@in_dagster
def test_the_task_that_cancels_does_not_decide_the_dag_run(dag):
    cancel = dag.get_task("cancel")
    assert cancel.is_teardown
    assert not cancel.on_failure_fail_dagrun
    assert cancel.upstream_task_ids == {"checks"}


@both_modes
def test_serialised_and_back(dag):
    """As Airflow keeps a DAG for its scheduler, which never reads the file."""
    kept = json.loads(json.dumps(SerializedDag.to_dict(dag)))
    again = SerializedDag.from_dict(kept)
    assert again.dag_id == dag.dag_id
    assert again.task_ids == dag.task_ids
    assert again.timetable.serialize() == dag.timetable.serialize()
    assert again.timetable.serialize()["expression"] == "0 6 * * *"
    for task in dag.tasks:
        assert again.get_task(task.task_id).downstream_task_ids == task.downstream_task_ids
        kept_outlets = [outlet.uri for outlet in again.get_task(task.task_id).outlets]
        assert kept_outlets == [outlet.uri for outlet in task.outlets]
        assert again.get_task(task.task_id).is_teardown == task.is_teardown
    assert SerializedDag.to_dict(parse(Path(dag.fileloc).parent).dags[dag.dag_id]) == (
        SerializedDag.to_dict(dag)
    ), "a second parse is another version of the DAG"


def test_a_pod_waits_for_the_end_of_the_day_in_utc_where_it_is_due_before():
    dags = parse(BUNDLES / "east").dags
    waiting = [name for name, dag in dags.items() if dag.has_task("day_is_over")]
    assert sorted(waiting) == [f"monitor_day.pd_cards.{number}" for number in (1, 2, 3)]
    dag = dags["monitor_day.pd_cards.1"]
    task = dag.get_task("day_is_over")
    assert task.downstream_task_ids == {"features"}
    assert dag.get_task("checks").upstream_task_ids == {"scores", "alerts"}
    assert task.reschedule  # no worker is held
    today = dt.datetime.now(UTC).date()
    for days, over in ((1, True), (0, False), (-1, False)):
        day = str(today - dt.timedelta(days=days))
        assert task.poke(context(task, params={"date": day})) is over


@in_dagster
def test_waiting_holds_no_worker(dag):
    assert dag.get_task("features").reschedule
    assert dag.get_task("features").poke_interval == 15
    features = dag.get_task("features")
    assert features.run_seconds == 14400
    # The sensor's own timeout is for good: it must outlast all tries and all that is between them.
    assert features.timeout >= (1 + features.retries) * 14400 + features.retries * 3600


@pytest.mark.parametrize("paused", [None, True, False])
def test_a_new_dag_is_paused_as_the_deployment_says(tmp_path, paused):
    path = with_settings("dagster", tmp_path / "bundle.json", paused_at_creation=paused)
    found = runtime("dags").of_bundle(path)
    assert {dag.is_paused_upon_creation for dag in found.values()} == {paused}


@both_modes
def test_schedule_of_a_dag(dag):
    assert dag.catchup
    assert dag.is_paused_upon_creation is False
    assert dag.max_active_runs == 4
    assert dag.max_active_tasks == 16
    assert dag.start_date == dt.datetime(2026, 9, 1, 17, tzinfo=UTC)
    assert dag.end_date is None
    assert set(dag.tags) >= {"model-monitoring", "pd_cards"}
    assert dag.owner == "card-models"


@both_modes
def test_tasks_are_tried_again_ever_later(dag):
    for task in dag.tasks:
        is_verdict = task.task_type == "ChecksPod"  # the same however often it is given
        assert task.retries == (1 if is_verdict else 5 if task.task_id == "features" else 3)
        assert task.retry_exponential_backoff
        assert task.retry_delay == dt.timedelta(minutes=2)
        assert task.max_retry_delay == dt.timedelta(hours=1)
        assert task.pool == "default_pool"


@both_modes
def test_each_asset_is_an_asset_of_airflow(dag):
    for name in ASSETS:
        (outlet,) = dag.get_task(name).outlets
        assert outlet.uri == f"dagster://model-monitoring/{name}/pd_cards.1"
        assert type(outlet).__name__ == ("Asset" if AIRFLOW_3 else "Dataset")
    assert [one.uri for one in dag.get_task("drift_report").inlets] == [
        f"dagster://model-monitoring/{name}/pd_cards.1" for name in ("features", "scores")
    ]
    (once,) = dag.get_task("features").inlets
    assert once.uri == "dagster://model-monitoring/reference_profile/pd_cards.1"
    assert not dag.get_task("checks").outlets


@both_modes
def test_documentation(dag):
    url = "https://dagster.lender.example/assets/monitoring/scores?view=partitions"
    assert f"[scores]({url})" in dag.doc_md
    for word in ("card-models", "0 6 * * *", "Europe/London", "0123456789ab", "score_range, psi"):
        assert word in dag.doc_md
    (row,) = [line for line in dag.doc_md.splitlines() if line.startswith("| [scores]")]
    assert row.endswith("What scores holds, by day \\| model. |")
    assert f"[scores]({url})" in dag.get_task("scores").doc_md
    assert "monitoring/reference_profile" in dag.get_task("features").doc_md


@both_modes
def test_a_run_may_name_its_day(dag):
    parameter = dag.params.get_param("date")
    assert parameter.resolve() is None
    assert parameter.resolve("2026-09-12") == "2026-09-12"
    with pytest.raises(Exception, match="yesterday"):
        parameter.resolve("yesterday")


@pytest.mark.parametrize("dags", ["settings"], indirect=True)
def test_pool_and_callbacks(dag):
    import lender_oncall

    assert {task.pool for task in dag.tasks} == {"monitoring"}
    assert dag.on_failure_callback is lender_oncall.page
    assert dag.on_success_callback is lender_oncall.rejoice


def with_settings(folder, path, **settings):
    """A bundle's manifest with other settings, as a file."""
    content = json.loads(manifest(BUNDLES / folder).read_bytes())
    content["settings"] |= settings
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    "settings",
    [
        {"deadline_seconds": 7200, "on_deadline": "lender_oncall:page"},
        {"asset_partitions": True},
    ],
)
def test_what_an_airflow_does_not_have_is_refused_by_name(tmp_path, settings):
    path = with_settings("dagster", tmp_path / "bundle.json", **settings)
    if AIRFLOW_3:
        assert len(runtime("dags").of_bundle(path)) == 2
    else:
        words = rf"bundle\.json: settings\.{next(iter(settings))}: found .*needs Airflow 3\.2"
        with pytest.raises(ValueError, match=words):
            runtime("dags").of_bundle(path)


def test_a_day_has_its_deadline(tmp_path):
    if not AIRFLOW_3:
        return
    settings = {"deadline_seconds": 7200, "on_deadline": "lender_oncall:page"}
    path = with_settings("dagster", tmp_path / "bundle.json", **settings)
    dag = runtime("dags").of_bundle(path)["monitor_day.pd_cards.1"]
    (kept,) = json.loads(json.dumps(SerializedDag.to_dict(dag)))["dag"]["deadline"]
    assert "DagRunQueuedAtDeadline" in str(kept)
    (alert,) = dag.deadline
    assert alert.interval == dt.timedelta(hours=2)
    assert alert.callback.path == "lender_oncall.page"
    absent = settings | {"on_deadline": "lender_oncall:sleep"}
    with pytest.raises(ValueError, match=r"settings\.on_deadline: found lender_oncall:sleep"):
        runtime("dags").of_bundle(with_settings("dagster", path, **absent))


@pytest.mark.parametrize("mode", MODES)
def test_each_asset_has_its_days_beside_it(tmp_path, mode):
    if not AIRFLOW_3:
        return
    path = with_settings(mode, tmp_path / "bundle.json", asset_partitions=True)
    dag = runtime("dags").of_bundle(path)["monitor_day.pd_cards.1"]
    task = dag.get_task("scores")
    uri = "dagster://model-monitoring/scores/pd_cards.1"
    alone, days = task.outlets
    assert [alone.uri, days.uri] == [uri, f"{uri}/days"]
    keys = []
    # What is asked for the asset alone has no key, so that who waits for it is started.
    events = {days: SimpleNamespace(add_partitions=keys.append)}
    task.post_execute(context(task, outlet_events=events))
    assert keys == ["2026-09-12"]


def test_a_callback_that_is_not_there_is_named(tmp_path):
    path = with_settings("settings", tmp_path / "bundle.json", on_failure="lender_oncall:sleep")
    with pytest.raises(
        ValueError, match=r"bundle\.json: settings\.on_failure.*lender_oncall:sleep"
    ):
        runtime("dags").of_bundle(path)


def test_a_later_schema_is_refused(tmp_path):
    content = json.loads(manifest(BUNDLES / "dagster").read_bytes())
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(content | {"schema_version": 2}))
    with pytest.raises(ValueError, match=r"bundle\.json: schema_version: found 2"):
        runtime("dags").of_bundle(path)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("asked", ["monitor_day.pd_cards.2", "another.teams"])
def test_a_worker_builds_only_the_dag_of_its_task(mode, asked, monkeypatch):
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", asked)
    bag = parse(BUNDLES / mode)
    assert not bag.import_errors
    assert set(bag.dags) == {asked} & {"monitor_day.pd_cards.2"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cron": "61 6 * * *"}, ""),
        ({"timezone": "Europe/Londn"}, "Europe/Londn"),
        ({"start": "soon"}, "soon"),
        ({"dag_id": "pd cards/1"}, "pd cards/1"),
        ({"owner": ...}, "owner"),
        ({"dag_id": ...}, "dag_id"),
    ],
)
def test_a_broken_entry_does_not_stop_the_others_nor_goes_unnoticed(change, words, tmp_path):
    folder = tmp_path / "bundle"
    shutil.copytree(BUNDLES / "dagster", folder)
    content = json.loads(manifest(folder).read_bytes())
    entry = content["models"][0]
    for field, value in change.items():
        if value is ...:
            del entry[field]
        else:
            entry[field] = value
    manifest(folder).write_text(json.dumps(content))
    found = runtime("dags").of_bundle(manifest(folder))
    (broken_id,) = set(found) - {"monitor_day.pd_cards.2"}
    broken = found[broken_id]
    assert broken_id.endswith(".broken")
    assert "models.0" in broken.doc_md
    assert words in broken.doc_md
    assert "broken" in broken.tags
    assert broken.timetable.can_be_scheduled
    (task,) = broken.tasks
    with pytest.raises(Exception, match=r"models\.0") as raised:
        task.execute({})
    assert type(raised.value).__name__ == "AirflowFailException"
    SerializedDag.to_dict(broken)


def test_a_worker_finds_the_broken_dag_too(tmp_path, monkeypatch):
    content = json.loads(manifest(BUNDLES / "dagster").read_bytes())
    content["models"][0]["cron"] = "never"
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(content))
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "monitor_day.pd_cards.1.broken")
    assert set(runtime("dags").of_bundle(path)) == {"monitor_day.pd_cards.1.broken"}


def test_dagster_airflow_beside_airflow_3_is_refused(tmp_path, monkeypatch):
    """Known by what pip leaves behind: to import it would fail with an obscure error."""
    installed = tmp_path / "dagster_airflow-1.13.27.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: dagster-airflow\nVersion: 1.13.27\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    if AIRFLOW_3:
        with pytest.raises(RuntimeError, match=r"1\.13\.27.*pip uninstall dagster-airflow"):
            runtime("dags").of_bundle(manifest(BUNDLES / "dagster"))
    else:
        assert len(runtime("dags").of_bundle(manifest(BUNDLES / "dagster"))) == 2


def test_nothing_of_dagster_or_this_project_is_imported():
    ours = {"monitoring_assets", "airflow_bridge", "resources", "sensors", "pandas", "pyarrow"}
    assert ours.isdisjoint(name.partition(".")[0] for name in sys.modules)


# The day of a run. Closed form: one run a day that has a batch, due at the cron's local time on the
# day after, or an hour later where the clocks skip it.


def schedule_of(cron, timezone, start, end=None):
    content = json.loads(manifest(BUNDLES / "dagster").read_bytes())
    entry = content["models"][0] | {
        "cron": cron,
        "timezone": timezone,
        "start": start.isoformat(),
        "end": end and end.isoformat(),
    }
    path = BUNDLES / f"schedule_{abs(hash((cron, timezone, start, end)))}.json"
    path.write_text(json.dumps(content | {"models": [entry]}))
    (dag,) = runtime("dags").of_bundle(path).values()
    return dag


def days(dag, runs):
    day_of = runtime("day").day_of
    task = dag.get_task("features")
    return [
        day_of(context(task, data_interval_end=info.data_interval.end), dag.timezone.name)
        for info in runs
    ]


@pytest.mark.parametrize(
    ("timezone", "cron"),
    [
        ("Europe/London", "0 6 * * *"),
        ("Europe/London", "30 1 * * *"),  # does not exist on one day, and twice on another
        ("Africa/Cairo", "0 0 * * *"),  # clocks change at midnight
        ("Africa/Cairo", "30 23 * * *"),
        ("America/New_York", "15 2 * * *"),
        ("Pacific/Auckland", "0 9 * * *"),
        ("UTC", "0 6 * * *"),
    ],
)
def test_every_day_of_a_year_once_whatever_the_clocks_do(timezone, cron):
    zone = ZoneInfo(timezone)
    minute, hour = map(int, cron.split()[:2])
    first = dt.date(2026, 1, 10)
    due = dt.datetime(2026, 1, 10, hour, minute, tzinfo=zone)
    dag = schedule_of(cron, timezone, due - dt.timedelta(hours=12))
    until = dt.datetime(2027, 1, 10, 23, 59, tzinfo=zone)
    runs = infos(dag, until)
    assert days(dag, runs) == [first + dt.timedelta(days=n) for n in range(365)]
    for info in runs:
        local = info.run_after.astimezone(zone)
        assert (local.hour - hour, local.minute) in [(0, minute), (1, minute)]


def test_days_of_the_week_that_have_a_batch():
    """Batches of Monday to Friday: ticks from Tuesday to Saturday."""
    zone = ZoneInfo("Europe/Paris")
    dag = schedule_of("0 6 * * 2-6", "Europe/Paris", dt.datetime(2026, 3, 20, 18, tzinfo=zone))
    found = days(dag, infos(dag, dt.datetime(2026, 4, 11, 12, tzinfo=zone)))
    # Friday the 20th begins the interval of the next batch: its own tick is Saturday's.
    weekdays = [dt.date(2026, 3, 20), *(dt.date(2026, 3, 23) + dt.timedelta(n) for n in range(19))]
    assert found == [day for day in weekdays if day.weekday() < 5][1:]


def test_a_retired_version_has_no_run_after_its_last_day():
    zone = ZoneInfo("Europe/London")
    dag = schedule_of(
        "0 6 * * *",
        "Europe/London",
        dt.datetime(2026, 10, 19, 18, tzinfo=zone),
        # Half a day after the tick that begins the interval of the 26th.
        dt.datetime(2026, 10, 26, 18, tzinfo=zone),
    )
    found = days(dag, infos(dag, dt.datetime(2026, 12, 1, tzinfo=zone)))
    assert found == [dt.date(2026, 10, 20) + dt.timedelta(days=n) for n in range(7)]


def test_a_run_by_hand_is_about_the_last_whole_interval():
    day_of = runtime("day").day_of
    dag = schedule_of("0 6 * * *", "Europe/London", dt.datetime(2026, 9, 1, 18, tzinfo=UTC))
    task = dag.get_task("features")
    for asked, day in [
        (dt.datetime(2026, 10, 25, 5, 59, tzinfo=UTC), dt.date(2026, 10, 23)),
        (dt.datetime(2026, 10, 25, 6, 0, tzinfo=UTC), dt.date(2026, 10, 24)),
        (dt.datetime(2026, 10, 24, 5, 0, tzinfo=UTC), dt.date(2026, 10, 23)),
        (dt.datetime(2026, 10, 24, 4, 59, tzinfo=UTC), dt.date(2026, 10, 22)),
    ]:
        interval = dag.timetable.infer_manual_data_interval(run_after=asked)
        assert day_of(context(task, data_interval_end=interval.end), "Europe/London") == day
        # Airflow 3: a run without a logical date has no interval, only the time it may run after.
        by_hand = context(task)
        del by_hand["data_interval_end"]
        by_hand["dag_run"].run_after = asked
        assert day_of(by_hand, "Europe/London") == day


def test_the_day_that_a_run_names_wins():
    day_of = runtime("day").day_of
    task = schedule_of("0 6 * * *", "UTC", dt.datetime(2026, 9, 1, tzinfo=UTC)).get_task("features")
    named = context(task, params={"date": "2026-09-02"})
    assert day_of(named, "UTC") == dt.date(2026, 9, 2)
    with pytest.raises(ValueError, match=r"`date`: 'soon'.*YYYY-MM-DD"):
        day_of(context(task, params={"date": "soon"}), "UTC")


def test_two_environments_in_one_airflow_share_nothing(nobody_to_talk_to):
    bag = parse(BUNDLES / "environments")
    assert not bag.import_errors
    names = ("production", "staging")
    assert sorted(bag.dags) == [f"{name}.monitor_day.pd_cards.1" for name in names]
    for name in names:
        (outlet,) = bag.dags[f"{name}.monitor_day.pd_cards.1"].get_task("scores").outlets
        assert outlet.uri == f"dagster://model-monitoring/{name}.scores/pd_cards.1"


def test_forty_dags_of_others_and_ours_do_not_notice_each_other(nobody_to_talk_to, monkeypatch):
    monkeypatch.syspath_prepend(str(BUNDLES / "neighbours"))
    bag = parse(BUNDLES / "neighbours")
    assert not bag.import_errors
    ours = {f"{name}.monitor_day.pd_cards.1" for name in ("production", "staging")}
    others = {f"other_{number:02}" for number in range(40)}
    assert {*bag.dags} == ours | others
    # Each has the module of its own folder.
    names = ("dags", "day", "tags", "compat", "runtime")
    for number in range(40):
        assert names[number % 5] in bag.dags[f"other_{number:02}"].tags
    for dag_id in ours:
        assert {task.task_id for task in bag.dags[dag_id].tasks} >= {"features", "scores"}
