"""Tests lie where their module lies: ``a/b.py`` is tested by ``tests/a/test_b.py``.

What Airflow alone can run is tested by ``inside/<module>_checks.py``, beside the tests of its
package. Tests of several modules together are in ``tests/integration``.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
PACKAGES = ("monitoring_assets", "sensors", "resources", "airflow_bridge")

RUN_BY: dict[str, tuple[str, ...]] = {
    "airflow_bridge/export/test_export.py": (
        "airflow_bridge/export/bundle.py",
        "airflow_bridge/export/write.py",
    ),
    "airflow_bridge/pod/test_asset_run.py": (
        "airflow_bridge/pod/day_verdict.py",
        "airflow_bridge/pod/supervisor.py",
    ),
    "airflow_bridge/runtime/inside/model_monitoring_notes_checks.py": (
        "airflow_bridge/plugin/model_monitoring_notes.py",
    ),
    "airflow_bridge/runtime/inside/dags_checks.py": (
        "airflow_bridge/runtime/broken.py",
        "airflow_bridge/runtime/compat.py",
        "airflow_bridge/runtime/day.py",
        "airflow_bridge/runtime/day_is_over.py",
        "airflow_bridge/runtime/documentation.py",
        "airflow_bridge/runtime/tags.py",
    ),
    "airflow_bridge/runtime/inside/dagster_task_checks.py": (
        "airflow_bridge/runtime/dagster_cancel.py",
        "airflow_bridge/runtime/dagster_checks.py",
        "airflow_bridge/runtime/dagster_client.py",
        "airflow_bridge/runtime/dagster_link.py",
    ),
    "integration/kubernetes/test_pods.py": (
        "resources/kubernetes/step_pods.py",
        "resources/scorers/scoring_pod.py",
    ),
    "integration/test_graph.py": (
        "monitoring_assets/assets/features.py",
        "monitoring_assets/assets/model_registry.py",
        "monitoring_assets/assets/reference_profile.py",
        "monitoring_assets/engines/one_machine.py",
        "monitoring_assets/jobs.py",
        "monitoring_assets/policy.py",
        "monitoring_assets/reference/profile.py",
        "monitoring_assets/runs/materialise.py",
        "resources/dagster_internals.py",
    ),
    "monitoring_assets/statistics/drift/test_statistic.py": (
        "monitoring_assets/statistics/drift/additional.py",
    ),
    "monitoring_assets/cli/test_registry.py": (
        "monitoring_assets/cli/feature_summary.py",
        "monitoring_assets/cli/trial.py",
    ),
    "monitoring_assets/assets/test_alerts.py": ("monitoring_assets/alerting/decision_inputs.py",),
    "monitoring_assets/assets/test_performance_report.py": (
        "monitoring_assets/performance/cohort.py",
        "monitoring_assets/performance/history.py",
        "monitoring_assets/performance/unmatched.py",
        "monitoring_assets/reference/score_grid.py",
        "monitoring_assets/reference/strata.py",
    ),
    "monitoring_assets/assets/test_segment_report.py": ("monitoring_assets/reference/segments.py",),
    "monitoring_assets/checks/test_asset_checks.py": (
        "monitoring_assets/checks/batch_quality.py",
        "monitoring_assets/checks/csi.py",
        "monitoring_assets/checks/delivered.py",
        "monitoring_assets/checks/estimated_performance.py",
        "monitoring_assets/checks/finding.py",
        "monitoring_assets/checks/performance.py",
        "monitoring_assets/checks/psi.py",
        "monitoring_assets/checks/realised_performance.py",
        "monitoring_assets/checks/score_range.py",
        "monitoring_assets/checks/segments.py",
        "monitoring_assets/checks/stability.py",
        "monitoring_assets/checks/target_materialisation.py",
        "monitoring_assets/checks/unmatched_outcomes.py",
    ),
    "monitoring_assets/checks/test_gx_run.py": (
        "monitoring_assets/checks/import_time.py",
        "monitoring_assets/checks/table_expectation.py",
    ),
    "monitoring_assets/cli/test_drift.py": ("monitoring_assets/cli/columns_apart.py",),
    "monitoring_assets/cli/test_thresholds.py": (
        "monitoring_assets/cli/threshold_plot.py",
        "monitoring_assets/cli/threshold_study.py",
        "monitoring_assets/cli/threshold_text.py",
    ),
    "monitoring_assets/dashboards/test_layout.py": (
        "monitoring_assets/dashboards/model.py",
        "monitoring_assets/dashboards/overview.py",
        "monitoring_assets/dashboards/versions.py",
    ),
    "monitoring_assets/dashboards/test_plan.py": ("monitoring_assets/dashboards/account.py",),
    "monitoring_assets/engines/test_score_counts.py": (
        "monitoring_assets/engines/feature_counts.py",
        "monitoring_assets/engines/segment_counts.py",
    ),
    "monitoring_assets/engines/test_spark.py": ("monitoring_assets/engines/base.py",),
    "monitoring_assets/demo/test_detection.py": ("monitoring_assets/demo/findings.py",),
    "monitoring_assets/demo/test_lender.py": (
        "monitoring_assets/demo/population.py",
        "monitoring_assets/demo/scorecards.py",
    ),
    "resources/delivery/test_channel_contract.py": ("resources/delivery/channels.py",),
    "resources/delivery/test_slack.py": ("resources/delivery/notice_text.py",),
    "resources/manifest/test_faults.py": ("resources/manifest/checks.py",),
    "resources/registry/test_folders.py": ("resources/registry/base.py",),
    "resources/scorers/test_command.py": ("resources/errors.py",),
    "test_neighbours.py": (
        "monitoring_assets/packages.py",
        "monitoring_assets/run_launcher.py",
    ),
    "sensors/test_pipeline_sensor.py": ("sensors/run_requests.py",),
}
"""Modules without a test file of their own, by the test that runs them. Only ever shorter."""

OF_A_PACKAGE = {
    "airflow_bridge/runtime/inside/model_monitoring_notes_checks.py": "Airflow's plugin",
    "airflow_bridge/runtime/inside/verbatim_checks.py": "no text of a manifest is rendered",
    "airflow_bridge/runtime/test_in_airflow.py": "runs `inside/` with the Python of each Airflow",
    "airflow_bridge/runtime/test_webserver.py": "the client against Dagster's own webserver",
    "monitoring_assets/alerting/test_escalation.py": "decisions of days and what people are told",
    "monitoring_assets/checks/test_check_contract.py": "what every check must do",
    "monitoring_assets/statistics/profiles/test_numeric_types.py": "one number in every type",
    "resources/delivery/test_channel_contract.py": "what every channel must do",
    "resources/scorers/test_scorer_contract.py": "what every scorer must do",
}
"""Test files that belong to a package and not to one module, and why."""


def modules() -> set[str]:
    """Every module but a package's own, relative to the root."""
    files = (file for name in PACKAGES for file in (ROOT / name).rglob("*.py"))
    return {str(file.relative_to(ROOT)) for file in files if file.name != "__init__.py"}


def mirrors(module: str) -> tuple[Path, Path]:
    """Where a module's tests may lie."""
    folder, name = TESTS / Path(module).parent, Path(module).stem
    return folder / f"test_{name}.py", folder / "inside" / f"{name}_checks.py"


def test_every_module_has_its_tests_or_a_test_that_runs_it():
    listed = [module for named in RUN_BY.values() for module in named]
    assert len(listed) == len(set(listed))
    without = {module for module in modules() if not any(m.exists() for m in mirrors(module))}
    assert {"new": sorted(without - set(listed)), "done": sorted(set(listed) - without)} == {
        "new": [],
        "done": [],
    }


def test_every_test_that_is_said_to_run_a_module_exists():
    assert [path for path in RUN_BY if not (TESTS / path).exists()] == []


def test_every_test_file_has_its_module():
    expected = {mirror for module in modules() for mirror in mirrors(module)}
    found = {
        file
        for name in PACKAGES
        for pattern in ("test_*.py", "*_checks.py")
        for file in (TESTS / name).rglob(pattern)
    }
    assert {str(file.relative_to(TESTS)) for file in found - expected} == OF_A_PACKAGE.keys()
