"""`monitoring backfill`: the days it makes, and those it says it could not."""

import pytest

from tests.conftest import YESTERDAY, days_ago


def test_backfill_says_why_there_is_nothing_to_do(onboarded, monitoring):
    done = monitoring("backfill", "pd_cards", "--from", "2020-01-01", "--to", "2020-02-01")
    assert (done.returncode, done.stdout) == (2, "")
    said = "pd_cards.1: nothing to do from 2020-01-01 to 2020-02-01: it is in production from "
    assert f"{said}{days_ago(2)}; days have partitions from " in done.stderr
    assert f"to {YESTERDAY}" in done.stderr


@pytest.mark.slow
def test_backfill_names_the_days_that_failed(onboarded, monitoring):
    onboarded.deliver(YESTERDAY)
    done = monitoring("backfill", "pd_cards.1", "--from", str(days_ago(1)))
    assert done.returncode == 1
    assert f"{days_ago(1)}|pd_cards.1: " in done.stderr
    assert f"pd_cards/{days_ago(1)}.parquet" in done.stderr
    assert "1 day done, 1 failed" in done.stdout


def test_unknown_models_are_named_with_those_that_are_known(onboarded, monitoring):
    done = monitoring("backfill", "pd_car")
    assert done.returncode == 2
    assert "'pd_car' is no model version; known: pd_cards.1" in done.stderr


def test_a_version_that_was_retired_before_it_was_seen_says_so(deployment, monitoring):
    deployment.publish(deployed_at=str(days_ago(9)), retired_at=str(days_ago(3)))
    said = f"was retired on {days_ago(3)}, before it had a reference profile"
    taken = monitoring("onboard")
    assert taken.returncode == 0
    assert f"pd_cards/1: retired: {said}" in taken.stdout
    done = monitoring("backfill", "pd_cards.1")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"pd_cards.1 {said}" in done.stderr
    assert "take retired_at out of model.yaml" in done.stderr
