"""Scripts that hand an experiment's settings on: whose option is whose."""

import pytest

from tools.runs.field_parser import FieldParser


@pytest.fixture
def parser():
    found = FieldParser("What it does.")
    found.add_argument("experiment", nargs="?", default="light_curve")
    found.add_argument("--output")
    found.add_argument("--embargo_days", type=float)
    return found


def test_a_value_of_several_words_is_no_experiment(parser):
    field = "--dependent_variable=hourly maximum"
    options, fields = parser.parse_known_args(["--epochs=3", field])
    assert options.experiment == "light_curve"
    assert fields == ["--epochs=3", field]


def test_own_options_stay(parser):
    given = ["mine", "--output=my folder", "--embargo_days=5", "--tiny", "--channels=171,193"]
    options, fields = parser.parse_known_args(given)
    assert (options.experiment, options.output, options.embargo_days) == ("mine", "my folder", 5.0)
    assert sorted(fields) == ["--channels=171,193", "--tiny"]
    options, fields = parser.parse_known_args(["--output", "my folder", "mine"])
    assert (options.experiment, options.output, fields) == ("mine", "my folder", [])


def test_values_that_look_like_options(parser):
    options, fields = parser.parse_known_args(["--note=--output=x", "--text=two\nlines"])
    assert options.output is None
    assert fields == ["--note=--output=x", "--text=two\nlines"]


def test_the_command_line_of_the_process_is_the_default(parser, monkeypatch):
    monkeypatch.setattr("sys.argv", ["script.py", "--a=b c", "mine"])
    options, fields = parser.parse_known_args()
    assert (options.experiment, fields) == ("mine", ["--a=b c"])
