"""SDOML's files: opening, times, joining, units, and frames that are no images."""

import functools
import http.server
import shutil
import threading

import fsspec
import numcodecs
import numpy as np
import pandas as pd
import pytest
import zarr
from astropy.time import Time

from dataset_models.dataset import DatasetNotFoundError
from dataset_models.sdo import sdoml_check, sdoml_frames, sdoml_sample
from dataset_models.sdo.sdoml_archive import Archive

SIZE = 8
SLOTS = np.datetime64("2013-12-31T23:48") + np.arange(5) * np.timedelta64(12, "m")  # two years


def plane(channel, index):
    """A frame in physical units that no other is equal to; row and column can be told apart."""
    ramp = np.arange(SIZE)[:, None] * 3.0 + np.arange(SIZE)
    return (ramp + 100 * index + len(str(channel)) + 1).astype("float32")


def planes(channels):
    return {channel: [plane(channel, i) for i in range(len(SLOTS))] for channel in channels}


def write_file(folder, name, values, key="x"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{key: values})
    return path


@pytest.fixture
def version_1(tmp_path):
    """AIA as Stanford's tar files lie, one channel in float16; HMI as the small set on the web."""
    for i, slot in enumerate(pd.DatetimeIndex(SLOTS)):
        day, stamp = slot.strftime("%m/%d"), slot.strftime("%Y%m%d_%H%M")
        folder = tmp_path / f"AIA_0171_{slot:%Y%m}" / day
        write_file(folder, f"AIA{stamp}_0171.npz", 4 * plane(171, i))
        write_file(folder, f"AIA{stamp}_0094.npz", (4 * plane(94, i)).astype("float16"))
        write_file(tmp_path / "2013/HMI/bz", f"HMI{stamp}_bz.npz", plane("Bz", i))
    (tmp_path / "join.csv").write_text("other files are left alone\n")
    return tmp_path


@pytest.fixture
def version_2(tmp_path):
    path = tmp_path / "sdomlv2.zarr"
    sdoml_sample.write_version_2(path, SLOTS, planes((94, 171)))
    return path


@pytest.fixture
def served(tmp_path):
    """Address of a web server for the folder."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request, client):
            pass  # a client that hangs up early

    handler = functools.partial(Handler, directory=tmp_path)
    with Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def read_all(archive):
    """Dict of (channel, slot) to plane, of every frame."""
    slots, frames = sdoml_frames.join(archive.frames, [*archive.frames["channel"].unique()])
    channels = [*archive.frames["channel"].unique()]
    return {
        (channel, slot): archive.read(frames[i, k])
        for i, slot in enumerate(slots)
        for k, channel in enumerate(channels)
        if frames[i, k] >= 0
    }


def assert_holds(archive, channels):
    found = read_all(archive)
    assert set(found) == {(c, s.astype("datetime64[ns]")) for c in channels for s in SLOTS}
    for channel in channels:
        for i, slot in enumerate(SLOTS):
            received = found[channel, slot.astype("datetime64[ns]")]
            assert received.dtype == np.float32
            np.testing.assert_array_equal(received, plane(channel, i))


def test_version_1_gives_what_was_written(version_1):
    archive = Archive(version_1, (171, 94, "Bz"))
    assert archive.versions == (1,)
    assert not archive.synthetic
    assert_holds(archive, (94, 171, "Bz"))


def test_version_2_gives_what_was_written(version_2, tmp_path):
    hmi = tmp_path / "hmi.zarr"
    sdoml_sample.write_version_2(hmi, SLOTS, planes(("Bx", "By", "Bz")))
    archive = Archive((version_2, hmi), (171, 94, "By"))
    assert archive.versions == (2, 2)
    assert archive.synthetic
    assert_holds(archive, (94, 171, "By"))
    header = archive.header(0)
    assert header["PIXLUNIT"] == "DN/s"
    assert header["RSUN_OBS"] == pytest.approx(975.9, abs=0.2)  # perihelion


def test_a_single_year_of_version_2_opens_too(version_2):
    archive = Archive(str(version_2 / "2014"), (171,))
    assert len(archive.frames) == 4  # of the five, one is of 2013


def test_version_2_as_the_makers_wrote_it(tmp_path):
    """The arrays of SDOML/SDOMLv2's script, by zarr itself: chunks of 15, no consolidation."""
    group = zarr.open_group(tmp_path / "made.zarr", mode="w", zarr_format=2)
    packed = numcodecs.Blosc(cname="zstd", clevel=5, shuffle=numcodecs.Blosc.BITSHUFFLE)
    array = group.require_group("2011").create_array(
        "131A", shape=(20, SIZE, SIZE), chunks=(15, SIZE, SIZE), dtype="f4", compressors=packed
    )
    array[:] = np.stack([plane(131, i) for i in range(20)])
    array.attrs["T_OBS"] = [f"2011-01-01T{i:02d}:00:09.62Z" for i in range(20)]
    archive = Archive(tmp_path / "made.zarr", (131,))
    np.testing.assert_array_equal(archive.read(17), plane(131, 17))
    blocks = archive.blocks(np.array([19, 3, 14, 15, 0]))
    assert blocks == [[0, 3, 14], [15, 19]]


@pytest.mark.parametrize("name", ["sdomlv2.zarr", ""], ids=["version 2", "version 1"])
def test_object_stores_give_the_same(version_1, version_2, served, name):
    memory = fsspec.filesystem("memory")
    memory.put(str(version_2 if name else version_1) + "/", "/store/", recursive=True)
    try:
        for source in "memory://store", f"{served}/{name}":
            assert_holds(Archive(source, (94, 171)), (94, 171))
    finally:
        memory.rm("/store", recursive=True)


def test_a_group_without_consolidated_metadata_is_listed(version_2, served):
    (version_2 / ".zmetadata").unlink()
    assert_holds(Archive(f"{served}/sdomlv2.zarr", (94, 171)), (94, 171))


def test_times_of_both_instruments():
    texts = ["2010-08-28T00:00:08.57Z", "2010.05.01_00:12:04_TAI", None, "nan", "2017-01-01T00:00Z"]
    # TAI was 34 s ahead of UTC from 2009 to mid-2012.
    expected = ["2010-08-28T00:00:08.57", "2010-05-01T00:11:30", "NaT", "NaT", "2017-01-01"]
    received = sdoml_frames.utc_times(texts)
    np.testing.assert_array_equal(received, np.array(expected, "datetime64[ns]"))


def test_hmi_s_name_is_tai_in_version_1(version_1):
    frames = Archive(version_1, ("Bz",)).frames.sort_values("time")
    slot = Time(SLOTS[2].astype("datetime64[s]").astype(str), scale="tai").utc.datetime64
    assert frames["time"].iloc[2] == slot
    assert SLOTS[2] - slot == np.timedelta64(35, "s")


def test_channels_are_joined_like_a_brute_force_twin():
    rng = np.random.default_rng(4)
    start, channels = np.datetime64("2014-01-01T00:00", "ns"), (171, "Bz", 94)
    seconds = rng.integers(0, 2 * 3600, 150)
    frames = pd.DataFrame(
        {
            "channel": pd.Series(rng.choice([171, 94, 1600, "Bz"], 150), dtype=object),
            "time": start + seconds.astype("timedelta64[s]"),
        }
    )
    frames["channel"] = [int(c) if str(c).isdigit() else c for c in frames["channel"]]
    slots, rows = sdoml_frames.join(frames, channels)
    expected = {}
    for number in range(-1, 22):
        slot = start + np.timedelta64(6 * number, "m")
        nearest = []
        for channel in channels:
            best, distance = -1, np.timedelta64(120, "s")
            for row, frame in frames[frames["channel"] == channel].iterrows():
                off = abs(frame["time"].to_datetime64() - slot)
                if off < distance or (off == distance and best < 0):
                    best, distance = row, off
            nearest.append(best)
        if max(nearest) >= 0:
            expected[slot] = nearest
    np.testing.assert_array_equal(slots, [*expected])
    np.testing.assert_array_equal(rows, [*expected.values()])
    assert (rows < 0).any()
    assert (rows >= 0).sum() < (frames["channel"] != 1600).sum()  # some frames stay unused


def test_a_slot_without_a_frame_takes_no_other_one():
    frames = pd.DataFrame(
        {
            "channel": pd.Series([171, 171, 193], dtype=object),
            "time": pd.to_datetime(
                ["2014-01-01T00:00:12", "2014-01-01T00:08:01", "2014-01-01T00:00:00"]
            ),
        }
    )
    slots, rows = sdoml_frames.join(frames, (171, 193))  # 00:08:01 is 2 min 1 s from 00:06
    np.testing.assert_array_equal(slots, np.array(["2014-01-01"], "datetime64[ns]"))
    np.testing.assert_array_equal(rows, [[0, 2]])


def test_pixels_beyond_what_can_be_measured_are_missing():
    values = np.array([[0.0, 4.0, -3e9], [3.9e7, 4.1e7, np.inf], [np.nan, 1e8, -8.0]])
    expected = [[0, 1, np.nan], [9.75e6, np.nan, np.nan], [np.nan, np.nan, -2]]
    np.testing.assert_array_equal(sdoml_frames.physical(values, 171, summed=4), expected)
    field = np.array([[0.0, -2500.0], [10001.0, 1e11]])
    np.testing.assert_array_equal(
        sdoml_frames.physical(field, "Bz", summed=4), [[np.nan, -2500], [np.nan, np.nan]]
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(4.0).reshape(2, 2), ""),
        (np.zeros((2, 2)), "every pixel is 0"),
        (np.full((2, 2), 7.5), "every pixel is 7.5"),
        (np.full((2, 2), np.nan), "no pixel is valid"),
        (np.ones((2, 3)), r"the shape is (2, 3), not a square"),
    ],
)
def test_what_is_no_image(values, expected):
    assert sdoml_frames.problem(values) == expected


def broken_version_1(folder):
    """One frame of each kind of damage at the first five slots; a good one of 94 beside them."""
    stamps = pd.DatetimeIndex(SLOTS).strftime("%Y%m%d_%H%M")
    for i, stamp in enumerate(stamps):
        write_file(folder, f"AIA{stamp}_0094.npz", plane(94, i))
    write_file(folder, f"AIA{stamps[0]}_0171.npz", np.zeros((SIZE, SIZE)))
    write_file(folder, f"AIA{stamps[1]}_0171.npz", np.full((SIZE, SIZE), np.nan))
    path = write_file(folder, f"AIA{stamps[2]}_0171.npz", plane(171, 2))
    path.write_bytes(path.read_bytes()[:100])
    write_file(folder, f"AIA{stamps[3]}_0171.npz", plane(171, 3), key="y")
    write_file(folder, f"AIA{stamps[4]}_0171.npz", plane(171, 4))
    return folder


def test_invalid_frames_are_found_once(tmp_path, monkeypatch):
    archive = Archive(broken_version_1(tmp_path / "frames"), (171, 94))
    rows = np.flatnonzero(archive.frames["channel"] == 171)
    rows = rows[np.argsort(archive.frames["time"].to_numpy()[rows])]
    problems = sdoml_check.find_problems(archive, rows, tmp_path)
    assert problems[[0, 1, 4]].tolist() == ["every pixel is 0", "no pixel is valid", ""]
    assert all("is no frame of SDOML" in problem for problem in problems[[2, 3]])
    monkeypatch.setattr(Archive, "problems", None)  # would fail if any were read again
    again = sdoml_check.find_problems(archive, rows, tmp_path)
    np.testing.assert_array_equal(again, problems)
    with pytest.raises(ValueError, match=r"invalid: every pixel is 0.*delete the record"):
        archive.read(rows[0])
    with pytest.raises(ValueError, match=r"array 'x'.*Received 100 bytes: BadZipFile"):
        archive.read(rows[2])


def test_a_missing_and_a_broken_chunk_are_found(version_2, tmp_path):
    archive = Archive(version_2, (94, 171))
    (version_2 / "2014/94A/0.0.0").unlink()  # zarr then gives the fill value, 0
    (version_2 / "2014/171A/0.0.0").write_bytes(b"not Blosc at all, but long enough to be read")
    rows = np.arange(len(archive.frames))
    problems = sdoml_check.find_problems(archive, rows, tmp_path)
    year = archive.frames["time"].dt.year.to_numpy()
    channel = archive.frames["channel"].to_numpy()
    assert set(problems[(year == 2014) & (channel == 94)]) == {"every pixel is 0"}
    assert all("cannot be read" in p for p in problems[(year == 2014) & (channel == 171)])
    assert set(problems[year == 2013]) == {""}
    broken = int(np.flatnonzero((year == 2014) & (channel == 171))[0])
    with pytest.raises(ValueError, match=r"2014/171A#\d.*Expected a chunk that Blosc packed"):
        archive.read(broken)


def test_what_was_checked_is_kept_when_someone_stops(tmp_path, monkeypatch):
    archive = Archive(broken_version_1(tmp_path / "frames"), (171, 94))
    look, calls = archive.problems, []

    def stopped(block):
        calls.append(block)
        if len(calls) > 3:
            raise KeyboardInterrupt
        return look(block)

    monkeypatch.setattr(sdoml_check, "READERS", 1)
    monkeypatch.setattr(archive, "problems", stopped)
    with pytest.raises(KeyboardInterrupt):
        sdoml_check.find_problems(archive, np.arange(10), tmp_path)
    record = pd.read_csv(tmp_path / sdoml_check.record_name(archive))
    assert len(record) == 3


def test_nothing_there(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"(?s)SDOML was not found.*stacks\.stanford"):
        Archive(tmp_path / "none", (171,))


@pytest.mark.parametrize("sources", [(), "", ("a", " ")])
def test_no_source(sources):
    with pytest.raises(
        ValueError, match=r"No SDOML was named\. Expected a folder.*Received: sdoml="
    ):
        Archive(sources, (171,))


def test_a_server_that_does_not_answer():
    message = r"http://127\.0\.0\.1:1/sdoml does not answer: .*Check the address and the network"
    with pytest.raises(ConnectionError, match=message):
        Archive("http://127.0.0.1:1/sdoml", (171,))


def test_nothing_behind_an_address(served):
    with pytest.raises(DatasetNotFoundError, match="SDOML was not found"):
        Archive(f"{served}/none", (171,))


def test_neither_version(tmp_path):
    (tmp_path / "AIA_0171.tar").touch()
    with pytest.raises(ValueError, match=r"is not SDOML.*at any depth.*Received: no such file"):
        Archive(tmp_path, (171,))
    zarr.open_group(tmp_path / "other.zarr", mode="w", zarr_format=2).create_array(
        "2010/temperature", shape=(1, 2, 2), dtype="f4"
    )
    with pytest.raises(ValueError, match=r"is not SDOML.*a Zarr group without such arrays"):
        Archive(tmp_path / "other.zarr", (171,))


def test_a_channel_that_is_nowhere(version_2):
    message = r"lacks the channels \['Bz'\].*Received: \(94, 171\).*keeps AIA and HMI apart"
    with pytest.raises(ValueError, match=message):
        Archive(version_2, (171, "Bz"))


def test_times_that_are_not_one_for_each_frame(version_2):
    shutil.rmtree(version_2 / "2013")
    zarr.open_array(version_2 / "2014/171A", mode="r+").attrs["T_OBS"] = ["2014-01-01T00:00:00Z"]
    (version_2 / ".zmetadata").unlink()
    with pytest.raises(ValueError, match=r"2014/171A of SDOML has 4 frames and 1 times"):
        Archive(version_2, (171,))


def test_a_package_that_is_missing_is_named(monkeypatch):
    def without(*arguments, **options):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", without)
    with pytest.raises(ImportError, match=r"s3://bucket/sdoml\.zarr.*pip install s3fs"):
        Archive("s3://bucket/sdoml.zarr", (171,))


def test_an_address_that_nobody_knows():
    with pytest.raises(ValueError, match=r"sun://sdoml cannot be opened.*fsspec package for sun"):
        Archive("sun://sdoml", (171,))


def test_the_real_frame_is_a_magnetogram(real_data):
    archive = Archive(real_data / "hmi_sdoml_bz", ("Bz",))
    assert archive.frames["time"].tolist() == [pd.Timestamp("2013-01-30T23:59:25")]  # TAI - 35 s
    field = archive.read(0)
    assert field.shape == (512, 512)
    assert np.nanmin(field) == pytest.approx(-1641.3282)
    assert np.nanmax(field) == pytest.approx(1664.7323)
    row, column = np.indices(field.shape) - 255.5
    distance = np.hypot(row, column) * 4.8 / sdoml_frames.SOLAR_RADIUS
    assert np.isnan(field[distance > 1.005]).all()
    assert np.isfinite(field[distance < 0.99]).all()
    assert sdoml_frames.problem(field) == ""
