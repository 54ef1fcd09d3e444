"""What is known of a message that was not taken."""

from resources.delivery.channel import UndeliveredError


def test_a_failure_may_be_tried_again_unless_it_says_otherwise():
    error = UndeliveredError("no connection")
    assert (str(error), error.reason) == ("no connection", "no connection")
    assert (error.retry_after, error.refused) == (None, False)


def test_a_failure_says_when_to_come_again_and_whether_at_all():
    assert UndeliveredError("slower", retry_after=90.0).retry_after == 90.0
    assert UndeliveredError("wrong key", refused=True).refused
