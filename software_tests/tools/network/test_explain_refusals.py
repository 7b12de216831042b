"""What explain_network.py refuses, and the way out that it tells."""

import shutil

import numpy as np
import pandas as pd
import pytest

from network_models.explanations.baseline_file import read_baseline
from software_tests.network_commands import SLOT, failed
from tools.network import explain_network


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
