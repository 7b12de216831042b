"""Work in several processes. The functions come from libraries: other processes must find them."""

import itertools
import math
import operator
import os

import pytest

from dataset_models.sdo import workers


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_order(jobs):
    assert list(workers.results(math.factorial, range(20), jobs)) == [
        math.factorial(n) for n in range(20)
    ]


def test_several_jobs_are_other_processes():
    assert os.getpid() not in set(workers.results(operator.call, [os.getpid] * 4, 2))
    assert set(workers.results(operator.call, [os.getpid] * 4, 1)) == {os.getpid()}


def test_what_is_not_needed_is_not_begun():
    taken = []
    endless = (taken.append(n) or n for n in itertools.count())
    results = workers.results(math.sqrt, endless, 2)
    assert next(results) == 0
    results.close()
    assert len(taken) == workers.AHEAD * 2


def test_an_error_comes_back():
    with pytest.raises(ValueError, match=r"math domain error|nonnegative"):
        list(workers.results(math.sqrt, [1, -1, 4], 2))


def test_nobody_to_do_the_work():
    with pytest.raises(ValueError, match=r"at least one job. Received: jobs=0"):
        workers.results(math.sqrt, [1], 0)
