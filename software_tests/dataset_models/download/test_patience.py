"""Waits, and hosts that are left alone."""

import datetime
import email.utils
import random

import pytest

from dataset_models.sdo.download.patience import Hosts, Patience, host_of, retry_after

ONE, OTHER = "http://one.org/synoptic/", "http://other.org:81/synoptic/"


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hosts(clock):
    return Hosts(Patience(failures_before_rest=3, first_rest=10, longest_rest=25), clock)


def test_waits_double_up_to_a_limit_and_fill_the_range():
    patience, rng = Patience(base_delay=1, longest_delay=6), random.Random(1)
    for failures, limit in ((1, 1), (2, 2), (3, 4), (4, 6), (60, 6)):
        waits = [patience.delay(failures, rng) for _ in range(2000)]
        assert 0 <= min(waits) < 0.01 * limit
        assert 0.99 * limit < max(waits) <= limit
        # Uniform on (0, limit): mean limit / 2, its standard error 0.29 limit / sqrt(2000).
        assert sum(waits) / 2000 == pytest.approx(limit / 2, abs=5 * 0.29 * limit / 2000**0.5)


def test_jitter_is_seeded():
    assert Patience().delay(5, random.Random(7)) == Patience().delay(5, random.Random(7))


def test_retry_after_takes_seconds_and_dates():
    assert retry_after("120") == 120
    hour = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    assert 3000 < retry_after(email.utils.format_datetime(hour, usegmt=True)) <= 3600
    assert retry_after("Wed, 08 Jan 2014 09:44:14 GMT") == 0  # past
    assert retry_after(None) is None
    assert retry_after("soon") is None


def test_a_host_rests_after_failures_in_a_row_and_longer_each_time(hosts, clock):
    for _ in range(2):
        hosts.failed(ONE)
    assert hosts.wait(ONE) == 0
    hosts.failed(ONE)
    assert hosts.wait(ONE) == 10
    assert hosts.wait(OTHER) == 0
    for rest in (20, 25, 25):  # one more failure is enough now
        clock.now += hosts.wait(ONE)
        hosts.failed(ONE)
        assert hosts.wait(ONE) == rest


def test_failures_of_answers_that_were_asked_for_before_the_rest_do_not_count(hosts):
    for _ in range(8):
        hosts.failed(ONE)
    assert hosts.wait(ONE) == 10


def test_a_success_makes_all_good(hosts, clock):
    for _ in range(3):
        hosts.failed(ONE)
    clock.now += 10
    hosts.succeeded(ONE)
    for _ in range(2):
        hosts.failed(ONE)
    assert hosts.wait(ONE) == 0


def test_every_thread_keeps_the_wait_that_a_server_asks_for(hosts, clock):
    hosts.failed(ONE, pause=7)
    assert hosts.wait(ONE) == 7
    hosts.failed(ONE, pause=3)
    assert hosts.wait(ONE) == 7
    clock.now += 7
    assert hosts.wait(ONE) == 0


def test_archives_of_one_host_rest_together(hosts):
    hosts.failed(ONE, pause=7)
    assert hosts.wait("http://one.org/elsewhere/") == 7
    assert host_of(OTHER) == "other.org:81"
