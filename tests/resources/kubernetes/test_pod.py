"""Section ``pod``."""

import pytest

from tests.resources.manifest.build import parse, valid


@pytest.mark.parametrize("more", ["2148M", "3Gi", "1Ti", "2147483649", "2097153Ki", "3G"])
def test_a_retry_may_ask_for_more_memory_in_any_unit(more):
    pod = parse(valid(pod={"memory": "2Gi", "retry_memory": more})).pod
    assert pod.retry_memory == more
