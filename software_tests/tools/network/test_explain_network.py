"""What a network looks at in chosen samples and FITS files, from the command line."""

import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from dataset_models.sdo.layers import AsinhWhiten
from network_models import chosen_samples, experiment
from network_models import trained as trained_networks
from network_models.layers.forecasts import ExceedanceProbabilities
from software_tests.network_commands import MAPS, SLOT, explain, failed
from tools.network import explain_network

pytestmark = pytest.mark.slow  # each opens a trained network in its own way


def test_a_sample_is_chosen_by_its_time(flux, tmp_path, capsys):
    written = explain(flux, tmp_path, *MAPS, "--time=2014-01-28T00:00")
    assert written == {
        "maps/20140128_0000_171_gradient.png",
        "maps/20140128_0000_171_gradient.fits",
        "maps/20140128_0000_all_gradient.png",
        "maps/strongest_regions.csv",
    }
    predictions = pd.read_csv(flux / "performance" / "predictions.csv").set_index("id")
    row = predictions.loc["20140128_0000"]
    said = f"20140128_0000 (validation): forecast {row['forecast']:.4g}, target {row['target']:.4g}"
    assert said in capsys.readouterr().out
    header = fits.getheader(tmp_path / "maps" / "20140128_0000_171_gradient.fits")
    assert header["FORECAST"] == pytest.approx(row["forecast"], rel=1e-5)


def test_a_time_with_a_zone_is_brought_to_utc(flux, tmp_path):
    dataset = trained_networks.open_run(flux).dataset
    wanted = chosen_samples.find(dataset, ["2014-01-28T00:00"])
    for text in ("2014-01-28T00:00Z", "2014-01-28T01:00+01:00", "2014-01-28 00:01"):
        assert chosen_samples.find(dataset, [text]) == wanted


def test_samples_are_spread_over_all_splits(level, tmp_path, capsys):
    explain(level, tmp_path, "--what=features", "--split=all", "--count=3", "--layers=conv2d")
    printed = capsys.readouterr().out
    assert all(f"({split}): forecast" in printed for split in ("train", "test"))


def test_folders_of_samples_are_called_by_all_of_them():
    def name(*ids, fits=False, output="0"):
        options = type("Options", (), {"fits": fits, "output_number": output})
        return explain_network._name([{"id": one} for one in ids], options)

    assert name("a", "b", "c") == ["a", "b", "c"]
    assert name("a", fits=True) == ["fits", "a"]
    assert name("a", output="X1.0") == ["a", "output", "X1.0"]
    assert name("a", "b", "c", "d")[:2] == ["a", "and-3-more"]
    assert name("a", "b", "c", "d") != name("a", "b", "c", "e")


def test_fits_files_give_the_same_forecast_as_the_store(flux, embedded_sample, tmp_path, capsys):
    explain(flux, tmp_path, *MAPS, "--fits", embedded_sample / SLOT)
    table = pd.read_csv(flux / "performance" / "predictions.csv").set_index("id")
    forecast = table.loc["20140128_0000", "forecast"]
    header = fits.getheader(tmp_path / "maps" / "20140128_0000_171_gradient.fits")
    assert header["FORECAST"] == pytest.approx(forecast, abs=2e-3)  # the store keeps 3 digits
    printed = capsys.readouterr().out
    assert "20140128_0000 (fits)" in printed
    assert "Caveat: SYNTHETIC" in printed  # of the images that the network was trained on
    assert header["MARKS"] == "SYNTHETIC, NETWORK OF SYNTHETIC DATA"


def test_fits_files_need_no_data_of_the_run(flux, embedded_sample, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path / "nothing"))
    explain(flux, tmp_path / "out", *MAPS, "--fits", embedded_sample / SLOT)
    assert "The data of the run are not here" in capsys.readouterr().out


@pytest.fixture
def classes(flux, tmp_path):
    """A run whose network gives a probability for each of three classes."""
    run = shutil.copytree(flux, tmp_path / "classes")
    settings = json.loads((run / "config.json").read_text())
    settings |= {"head": "class", "thresholds": ["C1.0", "M1.0", "X1.0"]}
    (run / "config.json").write_text(json.dumps(settings))
    keras.utils.set_random_seed(1)
    entry = keras.Input((32, 32, 8), name="images")
    pooled = keras.layers.GlobalAveragePooling2D()(AsinhWhiten(scale=5.0)(entry))
    output = ExceedanceProbabilities()(keras.layers.Dense(3)(pooled))
    keras.Model({"images": entry}, output).save(run / "epochs" / "best.keras")
    return run


def test_the_probability_of_a_class_is_explained_by_its_name(classes, tmp_path, capsys):
    options = (*MAPS, "--time=2014-01-28T00:00")
    explain(classes, tmp_path / "named", *options, "--output-number=x1.0")
    said = capsys.readouterr().out
    explain(classes, tmp_path / "counted", *options, "--output-number=2")
    explain(classes, tmp_path / "first", *options)
    name = "maps/20140128_0000_171_gradient.fits"
    named, counted, first = (
        fits.getheader(tmp_path / folder / name) for folder in ("named", "counted", "first")
    )
    run = trained_networks.open_run(classes)
    x, _ = chosen_samples.gather(run.dataset, chosen_samples.find(run.dataset, ["2014-01-28"]))
    probabilities = run.model().predict(x, verbose=0)[0]
    assert [one["OUTPUT"] for one in (named, counted, first)] == ["X1.0", "X1.0", "C1.0"]
    assert named["FORECAST"] == counted["FORECAST"] == pytest.approx(probabilities[2], rel=1e-5)
    assert first["FORECAST"] == pytest.approx(probabilities[0], rel=1e-5)
    assert f"20140128_0000 (validation): forecast of X1.0 {probabilities[2]:.4g}\n" in said


@pytest.mark.parametrize("asked", ["X10", "3", "-1", ""])
def test_an_output_that_is_not_there_is_refused_with_those_that_are(
    classes, tmp_path, capsys, asked
):
    said = failed(explain_network, capsys, classes, "--count=1", f"--output-number={asked}")
    assert "Expected a number or a name of its output: 0 (C1.0), 1 (M1.0), 2 (X1.0)." in said
    assert ("Did you mean X1.0?" in said) == (asked == "X10")


def test_a_baseline_comes_from_a_file(level, tmp_path, capsys):
    baseline = np.full((16, 16, 2), 5.0, "float32")
    np.savez(tmp_path / "named.npz", images=baseline)
    np.save(tmp_path / "small.npy", baseline[:8, :8])
    (tmp_path / "text.npy").write_text("no array")
    few = ("--what=maps", "--methods=integrated_gradients", "--channels=noise 0", "--count=1")
    explain(level, tmp_path / "flat", *few, "--baseline", tmp_path / "named.npz")
    (file,) = (tmp_path / "flat").rglob("*.fits")
    model = experiment.load(level)
    wanted = model.predict({"images": baseline[None]}, verbose=0)[0, 0]
    assert fits.getheader(file)["BASELINE"] == pytest.approx(wanted, rel=1e-4)
    arguments = (level, *few, "--output", tmp_path, "--baseline")
    said = failed(explain_network, capsys, *arguments, tmp_path / "small.npy")
    assert "Expected shape (16, 16, 2). Received: shape (8, 8, 2)" in said
    said = failed(explain_network, capsys, *arguments, tmp_path / "text.npy")
    assert "text.npy holds no baseline" in said


def test_a_network_without_convolutions_says_what_it_cannot_show(level, tmp_path, capsys):
    run = shutil.copytree(level, tmp_path / "run")
    inputs = {"images": keras.Input((16, 16, 2), name="images")}
    output = keras.layers.Dense(1, name="level")(keras.layers.Flatten()(inputs["images"]))
    keras.Model(inputs, output).save(run / "epochs" / "best.keras")
    few = ("--what=maps", "--count=1", "--output", tmp_path / "out")
    said = failed(explain_network, capsys, run, *few, "--methods=grad_cam")
    assert "convolution" in said
    written = explain(run, tmp_path / "out", "--what=features", "--count=1")
    assert written == {"features/no_features.txt"}
