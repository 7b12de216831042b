"""The main job, command by command, on real images: the hourly 171 series of August 2017.

GOES-15's hourly series has no data in those days, so the labels come from SWPC's flare list.
"""

import contextlib
import io
import json
import pathlib
import runpy
import sys

import numpy as np
import pandas as pd
import pytest
import sunpy.map

REPOSITORY = pathlib.Path(__file__).parents[1]
FIELDS = (
    "--channels=171 --image_size=64 --epochs=2 --quiet_flux=3e-7 --lag_minutes=0 "
    "--catch_minutes=360 --block_days=0.5 --embargo_days=0 --explained_samples=2 "
    "--explanations=maps"
)


@pytest.fixture(scope="module")
def chain(real_data, tmp_path_factory):
    """The data folder and the run that the README's commands make of the real files."""
    folder, printed = tmp_path_factory.mktemp("real"), io.StringIO()
    (series,) = (real_data / "aia_171_hourly_201708").glob("*.npz")
    flares = real_data / "flare_lists" / "swpc_flarelist_20100101-20210810.csv"
    network = "network_models/xray_flux_forecast/starting_point/network.py"
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setenv("FLARENET_DATA", str(folder))
        patch.chdir(folder)
        for command in (
            f"dataset_models/sdo/structure_data.py --arrays {series} --unit browse --channel 171",
            f"tools/xray_flux_forecast/v4_find_ys.py --events {flares} --delays 0 --catches 360",
            f"{network} --output={folder / 'runs'} " + FIELDS,
        ):
            run_script(patch, *command.split())
    (run,) = (folder / "runs").iterdir()
    return folder, run, printed.getvalue()


def run_script(patch, script, *arguments):
    """Runs a script in this process; to import TensorFlow for each would take longer."""
    patch.setattr(sys, "argv", [str(REPOSITORY / script), *arguments])
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as ended:
        if ended.code:
            pytest.fail(f"{script} ended with status {ended.code}")


def test_the_run_says_that_so_few_images_teach_no_physics(chain):
    _, run, printed = chain
    assert "FEW SAMPLES" in printed
    scores = json.loads((run / "performance" / "scores.json").read_text())
    assert any("FEW SAMPLES" in caveat for caveat in scores["caveats"])
    assert "SYNTHETIC" not in printed
    assert {"climatology", "climatology 365 d"} <= set(scores["test"])
    assert "persistence" not in scores["test"]  # a flare list knows no flux between flares


def test_forecasts_stand_beside_the_largest_flare_of_the_list(chain, real_data):
    _, run, _ = chain
    table = pd.read_csv(run / "performance" / "predictions.csv", parse_dates=["time"])
    flares = pd.read_csv(real_data / "flare_lists" / "swpc_flarelist_20100101-20210810.csv")
    flares = flares[flares["date"].between(20170806, 20170818)]
    start, peak = (
        pd.to_datetime(
            flares["date"].astype(str) + flares[name].map(lambda hour: f"{int(hour):04d}"),
            format="%Y%m%d%H%M",
        )
        for name in ("start_time", "max_time")
    )
    peak += pd.to_timedelta((peak < start).astype(int), unit="D")  # after midnight
    classes = flares["goes_class"]
    flux = classes.str[0].map({"B": 1e-7, "C": 1e-6}) * classes.str[1:].astype(float) / 0.7
    for _, row in table.iterrows():
        inside = (peak >= row["time"]) & (peak < row["time"] + pd.Timedelta(hours=6))
        wanted = flux[inside].max() if inside.any() else 3e-7
        assert row["target"] == pytest.approx(np.log10(wanted), abs=1e-4)


def test_its_maps_show_the_real_sun_where_the_header_says(chain):
    _, run, _ = chain
    files = sorted((run / "maps").glob("*_171_gradient.fits"))
    assert len(files) == 2
    received = sunpy.map.Map(files[0])
    assert received.dimensions.x.value == 64
    # The field of 2457.6 arcsec over 64 pixels; the disk's centre in the middle of the image.
    assert received.scale.axis1.value == pytest.approx(38.4)
    assert received.reference_pixel.x.value == pytest.approx(31.5)
    assert str(received.date)[:10].startswith("2017-08-1")
    pictures = {file.name for file in (run / "maps").glob("*.png")}
    assert {file.with_suffix(".png").name for file in files} < pictures
