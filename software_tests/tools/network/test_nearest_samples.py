"""Which samples a network finds alike, from the command line."""

import shutil

import numpy as np
import pandas as pd
import pytest

from network_models import nearest_samples
from network_models.explanations import embeddings
from software_tests.network_commands import SLOT, explain, failed
from tools.network import embed, explain_network

pytestmark = pytest.mark.slow  # each opens a trained network in its own way

ALL_PARTS = "--what=maps,features,embeddings,neighbours"


def test_samples_are_spread_over_a_split_and_all_parts_written(level, embedded, tmp_path):
    few = (
        "--split=test",
        "--count=2",
        "--neighbours=3",
        "--methods=gradient",
        "--channels=noise 0",
    )
    written = explain(level, tmp_path, ALL_PARTS, *few, "--layers=conv2d")
    test = pd.read_csv(level / "split.csv").query("split == 'test'")["id"].tolist()
    assert f"maps/{test[0]}_noise_0_gradient.fits" in written
    assert f"maps/{test[-1]}_noise_0_gradient.fits" in written
    assert "features/conv2d.png" in written
    assert len(pd.read_feather(tmp_path / "embeddings" / "embeddings.feather")) == 2
    table = pd.read_csv(tmp_path / "neighbours" / "neighbours.csv")
    assert list(table["of"].unique()) == [test[0], test[-1]]
    assert list(table["rank"]) == [0, 1, 2, 3] * 2
    assert list(table.loc[table["rank"] == 0, "id"]) == [test[0], test[-1]]
    # By brute force: standardise the activations, then the largest cosines with the sample's own.
    stored = pd.read_feather(embedded / "embeddings.feather")
    vectors = embeddings.activations(stored)
    vectors = (vectors - vectors.mean(0)) / np.where(vectors.std(0), vectors.std(0), 1)
    own = vectors[(stored["id"] == test[0]).to_numpy()][0]
    cosine = vectors @ own / np.linalg.norm(vectors, axis=1) / np.linalg.norm(own)
    nearest = stored["id"].to_numpy()[np.argsort(-cosine, kind="stable")][1:4]
    assert list(table["id"][1:4]) == list(nearest)


def test_a_sample_that_no_table_holds_is_compared_all_the_same(
    level, embedded, tmp_path, monkeypatch
):
    stored = pd.read_feather(embedded / "embeddings.feather")
    asked = stored["id"][0]
    monkeypatch.setattr(nearest_samples, "find_table", lambda *run: stored[1:])
    explain(level, tmp_path / "new", "--what=neighbours", f"--id={asked}", "--neighbours=4")
    monkeypatch.setattr(nearest_samples, "find_table", lambda *run: stored)
    explain(level, tmp_path / "known", "--what=neighbours", f"--id={asked}", "--neighbours=4")
    new, known = (
        pd.read_csv(tmp_path / name / "neighbours" / "neighbours.csv") for name in ("new", "known")
    )
    assert new["id"][0] == asked
    assert list(new["id"]) == list(known["id"])
    np.testing.assert_allclose(new["distance"], known["distance"], atol=1e-5)


def test_each_model_of_a_run_has_neighbours_of_its_own(level, embedded):
    best = level / "epochs" / "best.keras"
    table = nearest_samples.find_table(level, best)
    pd.testing.assert_frame_equal(table, pd.read_feather(embedded / "embeddings.feather"))
    assert nearest_samples.find_table(level, best.with_name("epoch_00001.keras")) is None


def test_neighbours_of_samples_set_anew_are_not_those_of_their_ids(level, embedded, tmp_path):
    (asked,) = pd.read_csv(level / "split.csv").query("split == 'test'")["id"][:1]
    arguments = ("--what=neighbours", f"--id={asked}", "--neighbours=70")
    explain(level, tmp_path / "own", *arguments)
    explain(level, tmp_path / "other", *arguments, "--set", "world=2")
    own, other = (
        pd.read_csv(tmp_path / name / "neighbours" / "neighbours.csv") for name in ("own", "other")
    )
    assert other["id"][0] == f"{asked} (world=2)"
    assert asked in set(other["id"][1:])  # the stored sample is a neighbour like any other
    assert other["distance"].max() != pytest.approx(own["distance"].max())


def test_neighbours_of_fits_files_are_those_of_the_files(flux, embedded_sample, tmp_path):
    arguments = ("--what=neighbours", "--neighbours=2", "--fits", embedded_sample / SLOT)
    assert embed.main([str(flux)]) == 0
    explain(flux, tmp_path, *arguments)
    table = pd.read_csv(tmp_path / "neighbours" / "neighbours.csv")
    assert table["id"][0] == "20140128_0000 (fits)"
    assert table["id"][1] == "20140128_0000"  # the same files, in the store


def test_a_table_in_a_folder_with_an_equals_sign_is_found(tmp_path):
    folder = tmp_path / "a=1" / "embeddings" / "best_all"
    folder.mkdir(parents=True)
    pd.DataFrame({"id": ["one"]}).to_feather(folder / "embeddings.feather")
    file = tmp_path / "a=1" / "epochs" / "best.keras"
    assert list(nearest_samples.find_table(tmp_path / "a=1", file)["id"]) == ["one"]


def test_neighbours_need_embeddings(flux, tmp_path, capsys):
    copy = shutil.copytree(flux, tmp_path / "run")
    shutil.rmtree(copy / "embeddings")
    said = failed(explain_network, capsys, copy, "--what=neighbours", "--count=1")
    best = copy / "epochs" / "best.keras"
    assert f"To make them: python tools/network/embed.py {best}" in said
