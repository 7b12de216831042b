"""What stands beside every run of AIA and SDOML: climatology, persistence, the light curve."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from dataset_models.goes import regression
from dataset_models.goes.history import read_light_curve
from software_tests.known_archive import DAYS, Archive
from tools.label_history import FILE, LARGEST_MINUTE, NUMBERS, write_history

COUNT = 2 * DAYS
TARGETS = [("forecast", True), ("forecast", False), ("flux delta", True), ("flux delta", False)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An archive whose flux follows the mean of 24 h before, with a table of the light curve."""
    made = Archive(
        tmp_path_factory.mktemp("references"),
        pd.date_range("2014-01-01", periods=COUNT, freq="12h"),
    )
    made.write()
    return made.folder


@pytest.fixture
def archive(folder):
    made = Archive(folder, pd.date_range("2014-01-01", periods=COUNT, freq="12h"))
    chance = np.random.default_rng(1)
    numbers = pd.DataFrame(chance.normal(-6, 0.5, (COUNT, len(NUMBERS))), columns=NUMBERS)
    log_flux = numbers["Mean 24hr"] + 0.2 * chance.normal(size=COUNT)
    made.label(**{"Catch Flux": 10**log_flux})
    write(made, numbers)
    made.numbers, made.log_flux = numbers.astype("float32"), log_flux
    return made


def write(archive, numbers, stamps=None):
    stamps = archive.times.strftime("%Y%m%d_%H%M") if stamps is None else stamps
    write_history(archive.folder / "y" / FILE, np.asarray(stamps, object), numbers)


def rows(dataset, split):
    """Rows of the archive that the samples of a split are."""
    table = dataset.split_table()
    ids = table.loc[table["split"] == split, "id"]
    return (
        (pd.to_datetime(ids, format="%Y%m%d_%H%M") - pd.Timestamp("2014-01-01"))
        // pd.Timedelta("12h")
    ).to_numpy()


def by_sklearn(model, archive, dataset, target):
    """The same regression, written with scikit-learn's own whitening."""
    train, test = rows(dataset, "train"), rows(dataset, "test")
    numbers = archive.numbers.to_numpy("float64")
    scaler = StandardScaler().fit(numbers[train])
    model.fit(scaler.transform(numbers[train]), target[train])
    return model, scaler.transform(numbers[test])


@pytest.mark.parametrize(("variable", "log"), TARGETS)
def test_the_regression_on_the_light_curve(archive, variable, log):
    dataset = archive.open(dependent_variable=variable, log_flux=log)
    found = dataset.baselines("test")["light curve"]
    model, numbers = by_sklearn(Ridge(), archive, dataset, archive.log_flux.to_numpy())
    expected = model.predict(numbers)
    now = (5e-7 * 1.05 ** np.arange(COUNT))[rows(dataset, "test")]  # as `Archive.label` has it
    if variable == "forecast":
        expected = expected if log else 10**expected
    else:
        expected = expected - np.log10(now) if log else 10**expected - now
    assert (found.dtype, found.shape) == (np.float32, (dataset.size("test"), 1))
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-4, atol=1e-4 if log else 1e-10)


@pytest.mark.parametrize(("variable", "log"), TARGETS)
def test_the_largest_minute_of_the_last_day_goes_on(archive, variable, log):
    archive.numbers.loc[::3, LARGEST_MINUTE] = np.nan
    write(archive, archive.numbers)
    dataset = archive.open(dependent_variable=variable, log_flux=log)
    found = dataset.baselines("test")
    test = rows(dataset, "test")
    largest = archive.numbers[LARGEST_MINUTE].to_numpy("float64")[test]
    now = 5e-7 * 1.05**test
    expected = largest if log else 10**largest
    if variable == "flux delta":
        expected = expected - (np.log10(now) if log else now)
    expected = np.where(np.isnan(largest), found["climatology"][:, 0], expected)
    assert np.isnan(largest).any()
    np.testing.assert_allclose(
        found["persistence 24 h"][:, 0], expected, rtol=1e-5, atol=1e-5 if log else 1e-10
    )


def test_it_knows_the_flux_better_than_climatology(archive):
    dataset = archive.open()
    target, found = dataset.targets("test"), dataset.baselines("test")
    error = {name: np.sqrt(np.mean((one - target) ** 2)) for name, one in found.items()}
    assert error["light curve"] < 0.7 * error["climatology"]


def test_probabilities_by_hand_and_by_sklearn(archive):
    dataset = archive.open()
    threshold, test = -6.0, rows(dataset, "test")
    found = dataset.class_baselines("test", threshold)
    assert list(found) == ["climatology 365 d", "persistence", "logistic"]
    came = (archive.log_flux >= threshold).to_numpy()
    model, numbers = by_sklearn(LogisticRegression(max_iter=1000), archive, dataset, came)
    np.testing.assert_allclose(found["logistic"], model.predict_proba(numbers)[:, 1], atol=1e-4)
    before = archive.numbers[LARGEST_MINUTE].to_numpy()[test] >= threshold
    np.testing.assert_array_equal(found["persistence"], before)
    # Row n looks to its time + 25 h, so at row m (12 h apart) rows up to m - 3 have closed.
    expected = [came[: row - 2].mean() for row in test]
    np.testing.assert_allclose(found["climatology 365 d"], expected)


def test_where_the_day_before_is_unknown_the_flux_at_the_time_tells(archive):
    archive.numbers.loc[::2, LARGEST_MINUTE] = np.nan
    write(archive, archive.numbers)
    dataset = archive.open()
    test, threshold = rows(dataset, "test"), np.log10(1.4e-6)
    now = np.log10(5e-7 * 1.05**test)
    before = archive.numbers[LARGEST_MINUTE].to_numpy()[test]
    expected = np.where(np.isnan(before), now, before) >= threshold
    assert np.isnan(before).any()
    np.testing.assert_array_equal(
        dataset.class_baselines("test", threshold)["persistence"], expected
    )


def test_training_with_one_outcome_has_no_logistic_regression(archive):
    dataset = archive.open()
    assert "logistic" not in dataset.class_baselines("test", -9.0)
    assert "logistic" not in dataset.class_baselines("test", -2.0)


def test_what_is_unknown_is_the_mean_of_training(archive):
    numbers = archive.numbers.copy()
    dataset = archive.open()
    numbers.iloc[rows(dataset, "test")] = np.nan
    write(archive, numbers)
    dataset = archive.open()
    found = dataset.baselines("test")
    np.testing.assert_allclose(found["light curve"], found["climatology"], rtol=1e-5)


def test_without_the_table_it_is_left_out_and_said(archive):
    with_it = archive.open()
    assert with_it.history("test").shape == (with_it.size("test"), len(NUMBERS))
    assert not any(caveat.startswith("NO LIGHT") for caveat in with_it.caveats())
    (archive.folder / "y" / FILE).unlink()
    dataset = archive.open()
    assert not {"light curve", "persistence 24 h"} & set(dataset.baselines("test"))
    assert list(dataset.class_baselines("test", -6.0)) == ["climatology 365 d", "persistence"]
    assert dataset.history("test") is None
    (caveat,) = (one for one in dataset.caveats() if one.startswith("NO LIGHT CURVE"))
    assert "python tools/xray_flux_forecast/v4_find_ys.py" in caveat
    # Nothing is trained on the table, so runs with and without it may be resumed and compared.
    assert dataset.fingerprint() == with_it.fingerprint()


def test_a_table_of_other_times_is_none(archive):
    stamps = (archive.times + pd.Timedelta(days=1000)).strftime("%Y%m%d_%H%M")
    write(archive, archive.numbers, stamps)
    dataset = archive.open()
    assert dataset.history("train") is None
    assert any(caveat.startswith("NO LIGHT CURVE") for caveat in dataset.caveats())


def test_a_flare_list_knows_no_flux_between_flares(archive):
    archive.label(**{"Catch Flux": 10**archive.log_flux, "Current Flux": np.nan})
    (archive.folder / "y" / FILE).unlink()
    dataset = archive.open()
    assert "persistence" not in dataset.baselines("test")
    assert list(dataset.class_baselines("test", -6.0)) == ["climatology 365 d"]


def test_chosen_samples_count_by_their_probability(archive):
    """A row with probability 1 / 3 stands for three rows with probability 1."""
    probability = np.where(archive.log_flux > -6, 1.0, 1 / 3)
    archive.change(sampling="flare case", probability=probability)
    try:
        dataset = archive.open()
        train, test = rows(dataset, "train"), rows(dataset, "test")
        times = np.round(1 / probability).astype(int)
        many = np.repeat(train, times[train])
        found = dataset.baselines("test")
        expected = archive.log_flux.to_numpy()[many].mean()
        np.testing.assert_allclose(found["climatology"], expected, rtol=1e-5)
        came = (archive.log_flux >= -6).to_numpy()
        trailing = [np.repeat(came, times)[: times[: row - 2].sum()].mean() for row in test]
        found = dataset.class_baselines("test", -6.0)
        np.testing.assert_allclose(found["climatology 365 d"], trailing, rtol=1e-5)
    finally:
        archive.change(sampling="regular cadence", probability=1.0)


def test_weights_stand_for_repeated_samples():
    chance = np.random.default_rng(2)
    numbers, target = chance.normal(size=(50, 2)), chance.integers(0, 2, 50).astype(float)
    # The mean and the deviation are of the samples themselves: white numbers keep them alike.
    counts = np.tile([1, 2], 25)
    fitted = regression.fit(numbers, target, True, counts)
    model = LogisticRegression().fit(
        np.repeat(regression.whitened(numbers, fitted.mean, fitted.std), counts, axis=0),
        np.repeat(target, counts),
    )
    np.testing.assert_allclose(fitted.coefficients, model.coef_[0], atol=1e-3)


def test_the_numbers_come_in_the_order_that_is_asked(tmp_path):
    table = pd.DataFrame(np.arange(20.0).reshape(2, 10), columns=NUMBERS)
    write_history(tmp_path / "y" / FILE, ["20140101_0000", "20140101_0012"], table)
    found = read_light_curve(tmp_path, ["20140101_0012", "20150101_0000", "20140101_0000"])
    assert found.index.to_list() == ["20140101_0012", "20150101_0000", "20140101_0000"]
    np.testing.assert_array_equal(found["Mean 12min"], [10, np.nan, 0])
    empty = read_light_curve(tmp_path / "none", pd.Series(["20140101_0000"]))
    assert empty.isna().all(axis=None)
    assert list(empty) == NUMBERS
