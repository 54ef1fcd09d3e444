"""Sections ``thresholds`` and ``checks``."""

from tests.resources.manifest.build import faults_of


def test_limits_of_performance_ascend():
    performance = {"auc_drop": {"warn": 0.1}, "bad_rate_ratio": {"warn": 0.9}}
    faults = faults_of(thresholds={"performance": performance})
    assert {fault.field for fault in faults} == {
        "thresholds.performance.auc_drop.warn",
        "thresholds.performance.bad_rate_ratio.warn",
    }
