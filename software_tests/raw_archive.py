"""A raw archive of AIA files for tests: two slots of two channels, as the archive lays them out."""

import pandas as pd

# Made up in the form of NOAA's daily summary; the region of the largest area is 11936.
SUMMARY = """:Product: 1231SRS.txt
:Issued: 2013 Dec 31 0030 UTC
# Prepared jointly by the U.S. Dept. of Commerce, NOAA,
# Space Weather Prediction Center and the U.S. Air Force.
#
Joint USAF/NOAA Solar Region Summary
SRS Number 365 Issued at 0030Z on 31 Dec 2013
Report compiled from data received at SWO on 30 Dec
I.  Regions with Sunspots.  Locations Valid at 30/2400Z
Nmbr Location  Lo  Area  Z   LL   NN Mag Type
1934 S16W25   140  0090 Dso  07   06 Beta
1936 S16W32   147  0150 Eki  12   21 Beta-Gamma
IA. H-alpha Plages without Spots.  Locations Valid at 30/2400Z Dec
Nmbr  Location  Lo
1937  S12W10   120
II. Regions Due to Return 31 Dec to 02 Jan
Nmbr Lat    Lo
None
"""
DAY = "2014/01/01/H0000"


def write(folder, write_fits, minutes=(0, 12), channels=(171, 193)):
    """Writes the files below `folder` with `write_fits` (of conftest.py), and returns it."""
    for minute in minutes:
        for channel in channels:
            stamp = f"2014-01-01T00:{minute:02d}:{channel // 10}.00Z"
            write_fits(file(folder, f"00{minute:02d}", channel), T_OBS=stamp)
    return folder


def file(folder, slot, channel):
    """Path of one file."""
    return folder / DAY / f"AIA20140101_{slot}_{channel:04d}.fits"


def rejected(output):
    """The rows of rejected.csv: (id, file, reason)."""
    table = pd.read_csv(output / "rejected.csv", keep_default_na=False)
    return list(table.itertuples(index=False, name=None))


def content(output):
    """Name -> bytes of everything below `output`, without the raw files."""
    return {
        str(path.relative_to(output)): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file() and "raw" not in path.parts
    }
