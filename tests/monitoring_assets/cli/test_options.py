"""What several commands take from their options."""

import click
import pyarrow as pa
import pytest

from monitoring_assets.cli.options import stored_day
from tests.conftest import days_ago


def test_the_day_is_the_last_that_is_stored(lender):
    for back in (1, 3, 2):
        lender.store.write_table("alerts", "pd_cards.1", days_ago(back), pa.table({"x": [1]}), {})
    assert stored_day(lender.store, "alerts", "pd_cards.1") == days_ago(1)


def test_without_a_day_the_store_is_named(lender):
    with pytest.raises(click.BadParameter, match=r"'pd_cards\.1' has no drift report") as raised:
        stored_day(lender.store, "drift_report", "pd_cards.1")
    assert lender.store.root in raised.value.message
