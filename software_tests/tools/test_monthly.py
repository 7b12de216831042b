import errno
import socket

import pandas as pd
import pytest

from tools import monthly

MARCH = pd.Period("2014-03")


def failing(times, error):
    """A question that fails so often before it is answered, and the list of its attempts."""
    asked = []

    def ask():
        asked.append(socket.getdefaulttimeout())
        if len(asked) <= times:
            raise error
        return "answer"

    return ask, asked


def test_a_failure_is_tried_again_after_a_longer_pause_each_time(monkeypatch):
    pauses = []
    monkeypatch.setattr(monthly.time, "sleep", pauses.append)
    ask, asked = failing(3, OSError("busy"))
    assert monthly.fetch_month(ask, str, pause=5.0) == "answer"
    assert pauses == [5, 10, 20]
    assert asked == [monthly.TIMEOUT] * 4  # each with a limit, which does not last
    assert socket.getdefaulttimeout() is None


def test_the_last_failure_is_told():
    ask, asked = failing(9, KeyError("result"))
    with pytest.raises(ConnectionError, match=r"nobody answered: KeyError\('result'\)"):
        monthly.fetch_month(ask, "nobody answered: {0!r}".format, 0, (LookupError,))
    assert len(asked) == monthly.ATTEMPTS


def test_another_error_is_not_tried_again():
    ask, asked = failing(9, ValueError("no flux series"))
    with pytest.raises(ValueError, match="no flux series"):
        monthly.fetch_month(ask, str, 0)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("fetched", "settled"),
    [
        (None, False),
        ("", False),
        ("garbage", False),
        ("2014-04-07T23:00:00", False),
        ("2014-04-08T00:00:00", True),
    ],
)
def test_a_month_is_final_when_it_was_fetched_a_week_after_its_end(fetched, settled):
    assert monthly.is_settled(fetched, MARCH, pd.Timedelta("7D")) is settled


def test_what_is_stamped_is_read_back():
    assert pd.Timestamp(monthly.stamp(pd.Timestamp("2014-03-20T06:00:01.5"))) == pd.Timestamp(
        "2014-03-20T06:00:01"
    )
    assert monthly.utc_now().tz is None


def test_a_full_disk_is_no_server_that_did_not_answer():
    ask, asked = failing(9, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(OSError, match="No space left on device"):
        monthly.fetch_month(ask, str, 0)
    assert len(asked) == 1
