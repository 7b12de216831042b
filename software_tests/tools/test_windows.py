import numpy as np
import pytest

from tools.windows import Intervals, WindowMaxima


@pytest.mark.parametrize("count", [1, 2, 3, 31, 64, 257])
def test_window_maxima_equal_those_of_a_loop(count):
    random = np.random.default_rng(count)
    values = random.integers(0, 40, count).astype(float)  # with ties
    first = random.integers(0, count + 1, 500)
    last = np.minimum(first + random.integers(0, count + 1, 500), count)
    found = WindowMaxima(values).index(first, last)
    for index, a, b in zip(found, first, last, strict=True):
        if a == b:
            assert index == -1
        else:
            assert a <= index < b
            assert values[index] == values[a:b].max()


def test_no_values_and_no_windows():
    nothing = np.array([], int)
    assert WindowMaxima(np.array([])).index(np.array([0]), np.array([0])).tolist() == [-1]
    assert WindowMaxima(np.array([1.0])).index(nothing, nothing).size == 0


def test_intervals_equal_those_of_a_loop():
    random = np.random.default_rng(0)
    starts = random.integers(0, 1000, 40)
    pairs = list(zip(starts, starts + random.integers(0, 30, 40), strict=True))
    union = Intervals(pairs)
    points = np.arange(-5, 1050)
    inside = [any(a <= point <= b for a, b in pairs) for point in points]
    np.testing.assert_array_equal(union.contains(points), inside)
    # Length before p: the unit cells [k, k + 1) below p that lie in an interval.
    cell = np.array([any(a <= k < b for a, b in pairs) for k in points])
    before = np.concatenate([[0], np.cumsum(cell)[:-1]])
    np.testing.assert_array_equal(union.length_before(points), before)


def test_no_intervals():
    assert not Intervals([]).contains(np.arange(3)).any()
    assert Intervals([]).length_before(np.arange(3)).tolist() == [0, 0, 0]


def test_gaps_are_what_intervals_leave():
    union = Intervals([(3, 5), (4, 8), (12, 15)])
    assert union.pairs == [(3, 8), (12, 15)]
    assert union.span == (3, 15)
    assert union.gaps(0, 20) == [(0, 3), (8, 12), (15, 20)]
    assert union.gaps(4, 13) == [(8, 12)]
    assert union.gaps(3, 8) == []
    assert Intervals([]).gaps(1, 2) == [(1, 2)]
    assert Intervals([]).span == (0, 0)
