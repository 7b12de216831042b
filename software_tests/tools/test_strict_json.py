import json
import math

import numpy as np
import pytest

from tools import strict_json


def refuse(constant):
    raise ValueError(f"{constant} is no JSON")


def test_undefined_numbers_are_null_and_come_back_as_nan(tmp_path):
    file = tmp_path / "new" / "scores.json"
    record = {
        "unit": "dex",
        "test": {"tss": math.nan, "brier": 0.25, "loss": -math.inf, "samples": 3, "some": True},
        "interval": (0.1, np.float64("nan")),
    }
    strict_json.write(file, record)
    found = json.loads(file.read_text(), parse_constant=refuse)
    assert found["test"] == {"tss": None, "brier": 0.25, "loss": None, "samples": 3, "some": True}
    assert found["interval"] == [0.1, None]
    back = strict_json.read_numbers(file)
    assert back["unit"] == "dex"
    assert back["test"]["brier"] == 0.25
    assert all(map(math.isnan, (back["test"]["tss"], back["test"]["loss"], back["interval"][1])))


def test_files_of_old_open(tmp_path):
    file = tmp_path / "scores.json"
    file.write_text('{"test": {"tss": NaN, "log": Infinity}}')
    found = strict_json.read_numbers(file)["test"]
    assert math.isnan(found["tss"])
    assert found["log"] == math.inf


def test_what_json_cannot_write_leaves_the_old_file(tmp_path):
    file = tmp_path / "scores.json"
    strict_json.write(file, {"rmse": 1.0})
    with pytest.raises(TypeError, match="not JSON serializable"):
        strict_json.write(file, {"rmse": np.float32(1)})
    assert strict_json.read_numbers(file) == {"rmse": 1.0}
