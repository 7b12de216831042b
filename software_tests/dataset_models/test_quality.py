import pandas as pd
import pytest

from dataset_models.sdo import quality

GOOD = (0, 0x40000000)  # the second lies in the archive on a good image of 2011-03-19


@pytest.mark.parametrize("mode", quality.MODES)
@pytest.mark.parametrize("word", GOOD)
def test_good_images_are_never_rejected(word, mode):
    assert quality.rejected_bits(word, mode) == []


def test_the_quick_look_bit_is_told():
    assert [quality.is_quick_look(word) for word in GOOD] == [False, True]
    assert quality.names(0x40000000) == ["near real time (quick-look)"]


@pytest.mark.parametrize(
    ("bit", "word"),
    [
        *[(8, "missing"), (12, "pointing"), (13, "eclipse"), (16, "dark"), (17, "loop open")],
        *[(18, "calibration"), (20, "focus"), (31, "not available")],
    ],
)
def test_a_bad_image_is_rejected_by_name(bit, word):
    (name,) = quality.rejected_bits(1 << bit, "definitive")
    assert word in name
    assert quality.rejected_bits(1 << bit, "any") == []


def test_near_real_time_waits_for_pointing_and_a_few_pixels():
    word = 1 << 3 | 1 << 8 | 1 << 13
    assert quality.rejected_bits(word, "near_real_time") == ["eclipse"]
    assert len(quality.rejected_bits(word, "definitive")) == 3


def test_a_signed_word_is_the_unsigned_one():
    # JSOC's integers are signed: bit 31 alone reads -2147483648.
    assert quality.names(-2147483648) == ["image not available"]


def test_a_bit_without_a_name_rejects_too():
    assert quality.rejected_bits(1 << 25) == ["bit 25"]


def test_every_bit_that_aiapy_documents_has_a_name():
    aiapy = pytest.importorskip("aiapy.util.util")
    assert set(aiapy._QUALITY_FLAG_MESSAGES) <= set(quality.NAMES)


@pytest.mark.parametrize("mode", ["definitive", "near_real_time"])
def test_real_frames_are_rejected_where_the_archive_gave_no_mean(real_data, mode):
    # 55,637 frames of one day; JSOC leaves DATAMEAN empty on calibration and broken frames.
    table = pd.read_csv(real_data / "aia_lightcurves_goes_20250729" / "aia_timeseries.csv")
    rejected = [bool(quality.rejected_bits(int(word, 16), mode)) for word in table["QUALITY"]]
    assert rejected == table["DATAMEAN"].isna().tolist()


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="No quality mode 'final'"):
        quality.rejected_bits(0, "final")
