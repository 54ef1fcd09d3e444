"""Scoring: never another model than the one that landed."""

from resources.storage import open_storage
from tests.conftest import YESTERDAY, onboard
from tests.resources.scorers.bench import failure, run_day
from tests.resources.scorers.test_onnx import sum_of_columns


def test_an_artefact_that_changes_after_landing_fails_the_day_and_is_not_run(lender, instance):
    lender.publish()
    lender.deliver(YESTERDAY)
    onboard(lender, instance)
    open_storage(lender.registry.root).write("pd_cards/1/model.onnx", sum_of_columns())
    result = run_day(lender, instance)
    assert "model.onnx has SHA-256" in failure(result)
    assert not lender.store.has("scores", "pd_cards.1", YESTERDAY)
