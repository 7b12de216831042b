"""The command scripts for a trained network, run as their user would run them."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from network_models import chosen_samples, experiment, loading, nearest_samples, weights
from network_models import trained as trained_networks
from network_models.explanations import embeddings
from network_models.explanations.baseline_file import read_baseline
from tools.network import embed, evaluate_network, examine_weights, explain_network

REPOSITORY = pathlib.Path(__file__).parents[2]
NETWORKS = REPOSITORY / "network_models"
SCRIPTS = (evaluate_network, examine_weights, explain_network, embed)
SLOT = "aia/raw/2014/01/28/H0000"  # of a validation sample


def trained(network, output, *fields):
    """The path of a run of an experiment's tiny setting."""
    module = loading.load_module(NETWORKS / network / "network.py")
    (path,) = experiment.run(
        NETWORKS / network / "network.py",
        build_dataset=module.build_dataset,
        build_model=module.build_model,
        arguments=["--tiny", f"--output={output}", "--explained_samples=0", *fields],
    )
    return path


@pytest.fixture(scope="module")
def runs(sample_folder, tmp_path_factory):
    """A folder with a run of starting_point, and a later one of synthetic/version0."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLARENET_DATA", str(sample_folder))
        trained("xray_flux_forecast/starting_point", folder / "flux" / "trained_models")
        few = ("--signal_channels=1", "--noise_channels=1", "--filters=4")
        trained("synthetic/version0", folder / "level" / "trained_models", *few)
    return folder


@pytest.fixture(scope="module")
def embedded(runs):
    """The folder of embeddings of all splits of the run of version0."""
    (run,) = (runs / "level" / "trained_models").iterdir()
    assert embed.main([str(run)]) == 0
    return run / "embeddings" / "best_train-validation-test"


@pytest.fixture
def flux(runs, embedded_sample):
    """The run of starting_point, its data where FLARENET_DATA says."""
    (run,) = (runs / "flux" / "trained_models").iterdir()
    return run


@pytest.fixture
def level(runs):
    """The run of version0, which needs no data."""
    (run,) = (runs / "level" / "trained_models").iterdir()
    return run


def files(folder):
    return {file: file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def failed(script, capsys, *arguments):
    """What a script says when it refuses its arguments."""
    assert script.main([str(argument) for argument in arguments]) == 1
    received = capsys.readouterr()
    assert "Traceback" not in received.err
    return received.err


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_help_says_what_it_does_and_how(script, capsys):
    with pytest.raises(SystemExit) as ended:
        script.main(["--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "MODEL" in printed
    assert "Without arguments: the newest finished run" in printed
    assert "--runs FOLDER" in printed


def test_without_arguments_the_newest_run_is_scored_as_it_scored_itself(runs, level, capsys):
    before = files(level)
    assert evaluate_network.main([f"--runs={runs}"]) == 0
    folder = level / "performance" / "evaluations" / "best_validation-test"
    for name in ("scores.json", "predictions.csv"):
        assert (folder / name).read_bytes() == (level / "performance" / name).read_bytes()
    assert before.items() <= files(level).items()  # the run's own files are as they were
    printed = capsys.readouterr().out
    assert "validation (10 samples)" in printed
    assert "climatology" in printed
    assert json.loads((folder / "evaluation.json").read_text())["splits"] == ["validation", "test"]


def test_all_splits_are_scored_as_the_run_scored_them_and_training_is_told(flux, tmp_path, capsys):
    assert evaluate_network.main([str(flux), "--split=all", f"--output={tmp_path}"]) == 0
    assert "TRAINED ON: the network learnt from 52 of the 52 samples" in capsys.readouterr().out
    scores, recorded = (
        json.loads((folder / "scores.json").read_text())
        for folder in (tmp_path, flux / "performance")
    )
    assert scores["validation"] == recorded["validation"]
    assert scores["test"] == recorded["test"]
    lines = (tmp_path / "predictions.csv").read_text().splitlines()
    own = (flux / "performance" / "predictions.csv").read_text().splitlines()
    assert lines[0] == own[0]
    assert lines[-24:] == own[1:]  # after training, validation and test to the last digit
    split = pd.read_csv(flux / "split.csv").query("split == 'train'")
    assert [line.split(",")[0] for line in lines[1:-24]] == list(split["id"])


def test_a_field_set_anew_is_told_in_the_caveats_and_the_folder(level, capsys):
    arguments = [str(level), "--split=test", "--set", "world=2", "--set", "test_size=5"]
    assert evaluate_network.main(arguments) == 0
    # 50 training samples from 1 May 2010 at 12 h end on 25 May 12:00. 27 days later, on 22 June,
    # 10 of validation begin; they take 5 days, and after 27 days more, on 24 July 0:00, comes test:
    # 59.5 days after training.
    assert "test comes within 1428.0 h of samples that were trained on" in capsys.readouterr().out
    folder = level / "performance" / "evaluations" / "best_test_world=2_test_size=5"
    assert len(pd.read_csv(folder / "predictions.csv")) == 5
    assert json.loads((folder / "evaluation.json").read_text())["set"] == ["world=2", "test_size=5"]


def test_scores_of_the_run_itself_are_not_overwritten(level, capsys):
    said = failed(evaluate_network, capsys, level, "--output", level / "performance")
    assert "holds the scores that a run wrote itself" in said


def test_the_year_is_not_probed_over_weeks(level, tmp_path, capsys):
    said = failed(evaluate_network, capsys, level, "--probe-year", "--output", tmp_path)
    assert "These samples cannot say whether the year can be read" in said
    assert not list(tmp_path.iterdir())  # it is said before any work


@pytest.mark.slow
def test_the_year_is_probed_over_years(level, tmp_path, capsys):
    arguments = [str(level), "--probe-year", "--set", "train_size=1500", "--output", str(tmp_path)]
    assert evaluate_network.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "Does it read the date? 1520 samples of 3 years (train, validation, test)" in printed
    table = pd.read_csv(tmp_path / "year_probe.csv")
    assert list(table["probed"]) == ["embedding", "channel means"]
    assert list(table["images"].unique()) == ["as trained"]
    assert (table["r2"] < 0.2).all()  # these images know nothing of the date


def test_the_year_is_probed_with_and_without_degradation(
    flux, embedded_sample, tmp_path, monkeypatch, capsys
):
    opened = {}

    def probe(model, batches, times):
        opened.update(batches)
        assert [len(one) for one in times.values()] == [10] * len(times)
        rows = {("uncorrected", "embedding"): {"r2": 0.9, "samples": 10, "blocks": 2, "years": 2}}
        return pd.DataFrame.from_dict(rows, orient="index")

    nothing = {"caveats": [], "unit": ""}
    monkeypatch.setattr(evaluate_network.evaluation, "write_results", lambda *parts: nothing)
    monkeypatch.setattr(evaluate_network.year_probe, "probe", probe)
    monkeypatch.setattr(evaluate_network.year_probe, "check_times", lambda times: None)
    arguments = [str(flux), "--probe-year", "--split=test", "--output", str(tmp_path)]
    assert evaluate_network.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "Not probed corrected, V10: The degradation table V10 was not found" in printed
    assert list(opened) == ["uncorrected"]
    monkeypatch.setattr("dataset_models.sdo.degradation.read_table", lambda name, folder: halved)
    assert evaluate_network.main(arguments) == 0
    assert list(opened) == ["uncorrected", "corrected, V10"]


def halved(channels, times):
    return np.full((len(times), len(channels)), 0.5)


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


def explain(run, folder, *arguments):
    assert explain_network.main([str(run), f"--output={folder}", *map(str, arguments)]) == 0
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


MAPS = ("--what=maps", "--methods=gradient", "--channels=171")


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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--time=2014-01-28T03:00"], "no sample at 2014-01-28T03:00. Expected a time within 2"),
        (["--time=2014-01-28T03:00"], "The nearest: 2014-01-28T00:00:18 (validation), 2014-01-28T"),
        (["--time=new year"], "'new year' is no time. Expected one such as 2014-01-01T00:00"),
        (["--time=now"], "'now' is no time"),
        (["--time=NaT"], "'NaT' is no time"),
        (["--time=999999-01-01"], "'999999-01-01' is no time"),
        (["--time=9999-01-01"], "no sample at 9999-01-01"),
        (["--what="], "--what names nothing"),
        (["--channels="], "--channels names nothing"),
        (["--count=0"], "--count must be 1 or more. Received: --count=0"),
        (["--neighbours=-1"], "--neighbours must be 1 or more"),
        (["--id=20140128_000"], "no sample '20140128_000'"),
        (["--id=20140128_000"], "Did you mean 20140128_0000?"),
        (["--split=tset"], "no split 'tset'. Expected some of ('train', 'validation', 'test')"),
        (["--channels=1700"], "The network knows no channel '1700'. Expected some of ['94', '131'"),
        (["--methods=gradients"], "--methods does not know 'gradients'"),
        (["--methods=gradients"], "Did you mean gradient?"),
        (["--what=map"], "--what does not know 'map'. Expected some of ['maps'"),
        (["--what=features", "--layers=conv2d_7"], "conv2d_7"),
        (["--what=maps", "--methods=attention_rollout"], "attention"),
        (["--what=maps", "--methods=grad_cam", "--layers=conv"], "--layers does not know 'conv'"),
        (["--fits", ".", "--time=2014-01-28T00:00"], "--fits names the images to explain"),
        (["--set", "chanels=171"], "Did you mean --channels?"),
        (["--set", "image_size=16"], "The network does not take what this dataset gives"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_the_way_out(flux, tmp_path, capsys, arguments, words):
    said = failed(explain_network, capsys, flux, "--output", tmp_path, "--count=1", *arguments)
    assert words in said
    assert not list(tmp_path.rglob("*.fits"))


def test_a_time_with_a_zone_is_brought_to_utc(flux, tmp_path):
    dataset = trained_networks.open_run(flux).dataset
    wanted = chosen_samples.find(dataset, ["2014-01-28T00:00"])
    for text in ("2014-01-28T00:00Z", "2014-01-28T01:00+01:00", "2014-01-28 00:01"):
        assert chosen_samples.find(dataset, [text]) == wanted


def test_samples_are_spread_over_all_splits(level, tmp_path, capsys):
    explain(level, tmp_path, "--what=features", "--split=all", "--count=3", "--layers=conv2d")
    printed = capsys.readouterr().out
    assert all(f"({split}): forecast" in printed for split in ("train", "test"))


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


def test_folders_of_samples_are_called_by_all_of_them():
    def name(*ids, fits=False):
        options = type("Options", (), {"fits": fits})
        return explain_network._name([{"id": one} for one in ids], options)

    assert name("a", "b", "c") == ["a", "b", "c"]
    assert name("a", fits=True) == ["fits", "a"]
    assert name("a", "b", "c", "d")[:2] == ["a", "and-3-more"]
    assert name("a", "b", "c", "d") != name("a", "b", "c", "e")


def test_only_evaluated_splits_have_numbers_of_evaluators(flux, tmp_path):
    assert evaluate_network.main([str(flux), "--split=validation", f"--output={tmp_path}"]) == 0
    names = json.loads((tmp_path / "scores.json").read_text())["evaluators"]
    assert any(name.startswith("validation ") for name in names)
    assert not any(name.startswith("test ") for name in names)


def test_a_baseline_that_does_not_fit_says_why(tmp_path):
    x = {"images": np.ones((1, 2, 2, 1), "float32")}
    lacking = np.array([[[1.0], [np.nan]], [[1.0], [1.0]]], "float32")
    for name, array, words in (
        ("text", np.array(["a"]), "is of type <U1. Expected real numbers"),
        ("complex", np.ones((2, 2, 1), complex), "is of type complex128"),
        ("lacking", lacking, "lacks 1 numbers that the images have"),
    ):
        np.save(tmp_path / f"{name}.npy", array)
        with pytest.raises(ValueError, match=words):
            read_baseline(tmp_path / f"{name}.npy", x)
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    (tmp_path / "empty.npy").touch()
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 no archive")
    for name in ("objects.npy", "empty.npy", "broken.npz"):
        with pytest.raises(ValueError, match="holds no baseline"):
            read_baseline(tmp_path / name, x)
    x["images"][0, 0, 1] = np.nan  # where no sample has a number, the baseline needs none
    assert set(read_baseline(tmp_path / "lacking.npy", x)) == {"images"}


@pytest.mark.parametrize("option", ["--channels=171", "--baseline=median.npy"])
def test_what_is_for_images_is_refused_without_images(option):
    options = explain_network._parser().parse_args([option])
    with pytest.raises(ValueError, match=r"takes no images.*Received: .*\['flux'\]"):
        explain_network._check_images(options, {"flux": np.zeros((1, 24), "float32")}, [{}])


def test_a_sample_that_is_left_out_says_why(flux, capsys, tmp_path):
    table = pd.read_csv(flux / "split.csv", keep_default_na=False)
    out = table[table["split"] == ""].iloc[0]
    said = failed(explain_network, capsys, flux, f"--id={out['id']}")
    assert f"The sample '{out['id']}' is in no split: {out['reason']}" in said


def test_neighbours_need_embeddings(flux, tmp_path, capsys):
    copy = shutil.copytree(flux, tmp_path / "run")
    shutil.rmtree(copy / "embeddings")
    said = failed(explain_network, capsys, copy, "--what=neighbours", "--count=1")
    best = copy / "epochs" / "best.keras"
    assert f"To make them: python tools/network/embed.py {best}" in said


def test_a_set_of_fits_files_that_does_not_fit_is_refused(flux, embedded_sample, tmp_path, capsys):
    one = next((embedded_sample / SLOT).glob("*_0171.fits"))
    said = failed(explain_network, capsys, flux, "--fits", one)
    assert "lacks channels [94, 131, 193, 211, 304, 335, 1600]" in said
    said = failed(explain_network, capsys, flux, "--fits", tmp_path / "nowhere.fits")
    assert "nowhere.fits" in said


def test_a_network_of_browse_images_takes_no_fits_files(flux, embedded_sample, tmp_path, capsys):
    run = shutil.copytree(flux, tmp_path / "run")
    text = (run / "summary.txt").read_text()
    assert "images: (32, 32, 8), DN / s" in text
    (run / "summary.txt").write_text(text.replace("(32, 32, 8), DN / s", "(32, 32, 8), browse"))
    said = failed(explain_network, capsys, run, "--fits", embedded_sample / SLOT)
    assert "trained on images in 'browse'. Expected 'DN / s'" in said


def test_a_network_of_other_images_takes_no_fits_files(level, embedded_sample, capsys):
    said = failed(explain_network, capsys, level, "--fits", embedded_sample / SLOT)
    assert "trained on images in 'arbitrary'" in said


@pytest.mark.parametrize("script", [evaluate_network, explain_network, embed])
def test_a_model_outside_a_run_is_refused(script, level, tmp_path, capsys):
    alone = shutil.copy(level / "epochs" / "best.keras", tmp_path / "alone.keras")
    assert "lies in no run" in failed(script, capsys, alone)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_no_run_and_no_model_are_said(script, tmp_path, capsys):
    assert "There is no finished run" in failed(script, capsys, "--runs", tmp_path)
    assert "There is no run or model 'nothing'" in failed(script, capsys, "nothing")
    (tmp_path / "text.keras").write_text("no model")
    said = failed(examine_weights, capsys, tmp_path / "text.keras")
    assert "text.keras is not a Keras model" in said


def test_missing_data_are_said_with_the_commands_that_make_them(
    flux, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("FLARENET_DATA", str(tmp_path / "nothing"))
    said = failed(evaluate_network, capsys, flux)
    assert "was not found" in said
    assert "structure_data.py" in said


def test_a_script_runs_from_any_directory(runs, level, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    received = subprocess.run(
        [sys.executable, str(REPOSITORY / "tools" / "network" / "examine_weights.py"),
         "--runs", str(runs)],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert received.returncode == 0, received.stderr
    assert f"Model: {level / 'epochs' / 'best.keras'}" in received.stdout
    assert (level / "performance" / "weights" / "best" / "weights.csv").exists()
    assert not list(tmp_path.iterdir())
