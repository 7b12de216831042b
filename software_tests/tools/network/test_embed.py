"""Embeddings of whole splits, from the command line."""

import numpy as np
import pandas as pd
import pytest

from network_models import experiment
from network_models.explanations import embeddings
from tools.network import embed

pytestmark = pytest.mark.slow  # each opens a trained network in its own way


def test_embeddings_of_all_splits_are_what_enters_the_last_layer(level, embedded):
    table = pd.read_feather(embedded / "embeddings.feather")
    assert table["split"].value_counts().to_dict() == {"train": 50, "validation": 10, "test": 10}
    predictions = pd.read_csv(level / "performance" / "predictions.csv")
    both = predictions.merge(table, on="id", suffixes=("", "_embedded"))
    assert len(both) == 20
    np.testing.assert_allclose(both["forecast_embedded"], both["forecast"], rtol=1e-5)
    last = experiment.load(level).get_layer("level")
    told = embeddings.activations(table) @ np.array(last.kernel)[:, 0] + float(last.bias[0])
    np.testing.assert_allclose(told, table["forecast"], rtol=1e-4, atol=1e-6)
    assert (embedded / "projector_config.pbtxt").exists()


@pytest.mark.slow
def test_one_split_is_embedded_into_a_folder_of_its_name(flux, capsys):
    assert embed.main([str(flux), "--split=test"]) == 0
    assert "10 samples (10 of test), 4 numbers each" in capsys.readouterr().out
    table = pd.read_feather(flux / "embeddings" / "best_test" / "embeddings.feather")
    assert list(table["split"].unique()) == ["test"]
