"""Tables of a network's weights, from the command line."""

import keras
import numpy as np
import pandas as pd
import pytest

from network_models import experiment, weights
from tools.network import examine_weights


def test_weights_are_listed_as_numpy_counts_them(level, tmp_path, capsys):
    assert examine_weights.main([str(level), f"--output={tmp_path}"]) == 0
    assert "All are finite, and no unit is dead." in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "weights.csv").set_index(["layer", "weight"])
    model = experiment.load(level)
    assert table["count"].sum() == model.count_params()
    kernel = np.array(model.get_layer("level").kernel, "float64")
    row = table.loc["level", "kernel"]
    assert row["shape"] == "8 x 1"
    for name in ("mean", "std", "min", "max"):
        assert row[name] == pytest.approx(getattr(kernel, name)())
    assert row["norm"] == pytest.approx(np.sqrt((kernel**2).sum()))
    assert (tmp_path / "weights.png").stat().st_size > 0


def test_dead_and_broken_weights_are_remarked(tmp_path, capsys):
    inputs = keras.Input((3,))
    x = keras.layers.Dense(4, name="hidden")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="out")(x))
    hidden, out = model.get_layer("hidden"), model.get_layer("out")
    kernel = np.arange(12, dtype="float32").reshape(3, 4)
    kernel[:, 1] = 0
    hidden.set_weights([kernel, np.array([0, 1e-6, 2, 2], "float32")])
    out.set_weights([np.full((4, 2), np.nan, "float32"), np.zeros(2, "float32")])
    model.save(tmp_path / "broken.keras")
    assert examine_weights.main([str(tmp_path / "broken.keras")]) == 0
    printed = capsys.readouterr().out
    assert "DEAD: 1 of 4 units" in printed
    assert "NOT FINITE: 8 of 8" in printed
    table = pd.read_csv(tmp_path / "broken_weights" / "weights.csv", keep_default_na=False)
    assert list(table["remark"]) == ["DEAD: 1 of 4 units", "", "NOT FINITE: 8 of 8", ""]
    # Of 0, 1e-6, 2, 2 two are below 1 % of the root mean square, which is 2 / sqrt(2).
    assert float(table["near_zero"][1]) == 0.5


def test_all_zero_kernels_and_models_without_weights():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2, kernel_initializer="zeros")(inputs))
    assert list(weights.weight_table(model)["remark"]) == ["ALL ZERO", ""]
    bare = keras.Model(inputs, keras.layers.Flatten()(inputs))
    with pytest.raises(ValueError, match=r"has no weights.*'Flatten'"):
        weights.weight_table(bare)
