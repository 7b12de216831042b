"""Where the AIA synoptic archive keeps its files.

Source:
    https://jsoc1.stanford.edu/data/aia/synoptic/README.html: 1024 x 1024 pixels every two minutes,
    made about seven days after the observation; near real time every three minutes, 15 to 20
    minutes after it, and gaps are never filled.
"""

import pathlib
import re

import numpy as np

# The address that the archive's own page and sunpy's client name. The names jsoc and jsoc2, which
# other programs use, stand for the same data centre: they would have been down with it in 2024.
ARCHIVES = ("https://jsoc1.stanford.edu/data/aia/synoptic/",)
NEAR_REAL_TIME = tuple(f"{archive}nrt/" for archive in ARCHIVES)
CHANNELS = (94, 131, 171, 193, 211, 304, 335, 1600, 1700, 4500)  # Angstrom
FIRST_SLOT = np.datetime64("2010-05-13T00:00", "m")  # the archive begins on this day
SHAPE = (1024, 1024)  # pixels: height, width
_NAME = re.compile(r"AIA(\d{4})(\d\d)(\d\d)_(\d\d)(\d\d)_(\d{4})\.fits")


def path(slot: np.datetime64, channel: int) -> str:
    """Where an image lies below an archive's address, and below the folder of raw files.

    Args:
        slot: the time in the file's name, UTC, whole minutes.
        channel: wavelength, Angstrom.

    Returns:
        Such as 2014/01/01/H0000/AIA20140101_0000_0171.fits.

    Raises:
        ValueError: no such channel, or the time is not one of whole minutes.
    """
    if channel not in CHANNELS:
        raise ValueError(
            f"AIA has no channel {channel!r}. Expected one of {CHANNELS} (Angstrom). Received: "
            f"channel={channel!r}. Choose among those."
        )
    slot = np.datetime64(slot)
    minute = slot.astype("datetime64[m]")
    if np.isnat(slot) or minute != slot:
        raise ValueError(
            f"{slot} is no time of the archive. Expected whole minutes, as in file names. "
            f"Received: slot={slot!r}. Round it down."
        )
    date, clock = str(minute).split("T")
    hour, minute = clock.split(":")
    name = f"AIA{date.replace('-', '')}_{hour}{minute}_{channel:04d}.fits"
    return f"{date.replace('-', '/')}/H{hour}00/{name}"


def identify(name: str | pathlib.PurePath) -> tuple[np.datetime64, int] | None:
    """The time (UTC) and channel (Angstrom) that a file's name states; None for other names."""
    found = _NAME.fullmatch(pathlib.PurePath(name).name)
    if not found:
        return None
    year, month, day, hour, minute, channel = found.groups()
    try:
        return np.datetime64(f"{year}-{month}-{day}T{hour}:{minute}", "m"), int(channel)
    except ValueError:  # digits that are no time
        return None


def address(archive: str, relative: str) -> str:
    """The URL of a file.

    The near-real-time branch writes seconds into its names (AIA20260624_200300_0171.fits), as
    public programs that read it do; on disk the file has the name without them.

    Args:
        archive: address of an archive, with or without the stroke at its end; one that ends in
            /nrt is near real time.
        relative: from `path`.
    """
    archive = archive.rstrip("/")
    if archive.endswith("/nrt"):
        relative = re.sub(r"(_\d{4})(_\d{4}\.fits)$", r"\g<1>00\2", relative)
    return f"{archive}/{relative}"


def refuse_wrong_addresses(archives: tuple[str, ...]) -> None:
    """Raises ValueError if one of these is not the address of an archive, or there is none."""
    wrong = [a for a in archives if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", a)]
    if wrong or not archives:
        received = repr(wrong[0]) if wrong else "none"
        raise ValueError(
            "Files are fetched from archives. Expected at least one address such as "
            f"{ARCHIVES[0]}. Received: {received}. Write it with http:// or "
            "https://, or leave it out to get the default."
        )
