import json
import math

import pandas as pd
import pytest

from software_tests import finished_run
from tools import tools
from tools.runs import cross_validate

LIGHT_CURVE = tools.REPOSITORY / "network_models" / "xray_flux_forecast" / "light_curve"


def write_run(folder, fold, rmse, unit="dex", epochs=30):
    """A finished run of a fold, as far as the script reads it."""
    own = ["--folds=3", f"--fold={fold}", "--explained_samples=0", f"--epochs={epochs}"]
    finished_run.record(folder, LIGHT_CURVE, own)
    scores = {"unit": unit, "caveats": [], "evaluators": {"test M1.0 tss": math.nan, "other": 1}}
    scores["test"] = {"samples": 9, "network": {"rmse": rmse}, "climatology": {"rmse": 2.0}}
    tools.write_text(folder / "performance" / "scores.json", json.dumps(scores))
    return folder


def test_mean_and_deviation_by_hand(tmp_path, capsys):
    # 1, 2 and 6: mean 3, deviation sqrt((4 + 1 + 9) / 2) = sqrt 7.
    for fold, rmse in ((1, 1.0), (2, 2.0), (3, 6.0)):
        write_run(tmp_path / f"fold_{fold}" / "run", fold, rmse)
    assert cross_validate.main([str(LIGHT_CURVE), "--folds=3", f"--output={tmp_path}"]) == 0
    found = pd.read_csv(tmp_path / "scores.csv", index_col=["forecast", "score"])
    assert found.loc[("network", "rmse"), "mean"] == 3
    assert found.loc[("network", "rmse"), "deviation"] == pytest.approx(math.sqrt(7))
    assert found.loc[("climatology", "rmse"), "deviation"] == 0
    undefined = found.loc[("evaluators", "test M1.0 tss")]
    assert undefined["defined"] == 0
    assert math.isnan(undefined["mean"])  # and not 0
    assert len(pd.read_csv(tmp_path / "folds.csv")) == 9
    assert "over 3 folds" in capsys.readouterr().out


def test_caveats_stand_beside_the_scores(tmp_path, capsys):
    runs = [write_run(tmp_path / f"{fold}", fold, 1.0) for fold in (1, 2, 3)]
    for fold, run in enumerate(runs, start=1):
        path = run / "performance" / "scores.json"
        scores = json.loads(path.read_text()) | {"caveats": ["SYNTHETIC: drawn.", f"FEW: {fold}."]}
        path.write_text(json.dumps(scores))
    cross_validate.report(runs, tmp_path)
    said = ["SYNTHETIC: drawn.", "FEW: 1.", "FEW: 2.", "FEW: 3."]
    protocol = json.loads((tmp_path / "protocol.json").read_text())
    assert protocol["caveats"] == said
    assert protocol["settings"]["folds"] == 3
    assert set(pd.read_csv(tmp_path / "scores.csv")["caveats"]) == {" ".join(said)}
    assert "Caveat: SYNTHETIC: drawn.\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("other", "message"),
    [({"unit": "W / m2"}, "their units differ"), ({"epochs": 6}, "their settings differ")],
)
def test_runs_of_different_tasks_are_refused(other, message, tmp_path):
    runs = [write_run(tmp_path / "a", 1, 1.0), write_run(tmp_path / "b", 2, 1.0, **other)]
    with pytest.raises(ValueError, match=message):
        cross_validate.report(runs, tmp_path)


def test_a_run_of_other_settings_is_not_taken_for_what_is_asked(tmp_path, capsys):
    write_run(tmp_path / "fold_1" / "run", 1, 1.0)
    arguments = [str(LIGHT_CURVE), "--folds=3", f"--output={tmp_path}", "--epochs=2"]
    assert cross_validate.main(arguments) == 1
    assert "--epochs: 30 then, 2 now" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([str(LIGHT_CURVE), "--folds=2"], "Expected --folds of at least 3. Received: 2"),
        (["nowhere"], "Expected the folder of an experiment"),
    ],
)
def test_what_does_not_fit_ends_in_one_message(arguments, message, tmp_path, capsys):
    assert cross_validate.main([*arguments, f"--output={tmp_path}"]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_the_light_curve_in_three_folds(embedded_sample, tmp_path, capsys):
    fields = [
        *("--series=light_curve/synthetic_hourly.csv", "--scale=physical", "--test_year=2013"),
        *("--flare_lists=light_curve/synthetic_flares.csv", "--train_cadence_hours=12"),
        *("--cadence_hours=12", "--epochs=1", "--filters=2", "--units=2", "--batch_size=64"),
        "--dependent_variable=hourly maximum",
    ]
    arguments = [str(LIGHT_CURVE), "--folds=3", f"--output={tmp_path}", *fields]
    assert cross_validate.main(arguments) == 0
    found = pd.read_csv(tmp_path / "folds.csv")
    assert set(found["fold"]) == {1, 2, 3}
    assert {"network", "climatology", "persistence"} <= set(found["forecast"])
    tested = [set(_tested(tmp_path / f"fold_{fold}")) for fold in (1, 2, 3)]
    assert not tested[0] & tested[1] | tested[1] & tested[2] | tested[0] & tested[2]


def _tested(folder):
    (file,) = folder.glob("*/split.csv")
    table = pd.read_csv(file)
    return table.loc[table["split"] == "test", "id"]
