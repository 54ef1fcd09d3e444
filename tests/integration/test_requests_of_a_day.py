"""What a day asks of S3: the same on a store of any age."""

from collections import Counter

import pytest

from tests.conftest import days_ago, job, onboard

MOST = 124


@pytest.mark.slow
def test_a_day_makes_as_many_requests_on_an_older_store(s3_lender, s3_faults, instance):
    s3_lender.publish(deployed_at=str(days_ago(60)), alerts={"first_days": 0})
    onboard(s3_lender, instance)
    asked = []
    s3_faults.fault = lambda method, path: asked.append(method)
    counts = []
    for ago in range(14, 0, -1):
        s3_lender.deliver(days_ago(ago))
        asked.clear()
        done = job("monitor_day", s3_lender).execute_in_process(
            instance=instance, partition_key=f"{days_ago(ago)}|pd_cards.1"
        )
        assert done.success
        counts.append(Counter(asked))
    totals = [one.total() for one in counts]
    assert max(totals) <= MOST, counts[-1]
    # The checks ask for the week before: of days that are not there for the rows as well.
    assert totals[-1] <= totals[7] + 2, totals
