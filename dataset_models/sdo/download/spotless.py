"""Hours at which the Sun had no region, told from those of which the archive lacks records."""

import numpy as np
import pandas as pd

from dataset_models.sdo import sharp_keywords
from dataset_models.sdo.full_disk_features import OLDEST_HOURS

OLDEST = pd.Timedelta(hours=OLDEST_HOURS).to_timedelta64()
# Between a record and the next one, of whichever regions. No region is in view for longer than 14
# days, so that none would bear witness to a stretch of that length that the archive lacks.
LONGEST = np.timedelta64(10, "D")


def spotless(
    client, times: np.ndarray, unseen: np.ndarray, definitive: pd.DataFrame, minutes: int
) -> np.ndarray:
    """Whether the Sun had no region, of the times at which none was seen.

    So it is where HMI has a good magnetogram of the full disk no older than a region's record may
    be, and definitive regions were seen before and others after, `LONGEST` apart at most, but none
    on both sides, as where records are missing. Where the answer that is there ends too early for
    that, definitive regions are asked for of as many days before and after the times.

    Args:
        client: `drms.Client`.
        times: datetime64 array, shape (n,), UTC, ascending.
        unseen: bool, shape (n,): there is no record of a region, good or not.
        definitive: "time" (datetime64, UTC) and "region" (HARP number) of all records around
            these times, good or not.
        minutes: between records that are asked for.

    Returns:
        bool array, shape (n,).

    Raises:
        ConnectionError, ValueError: as `sharp_keywords.query`.
    """
    unseen = unseen & ~_lived_through(times, definitive)
    if (unseen & ~_between(times, definitive)).any():
        span = times[0] - LONGEST, times[-1] + LONGEST
        _, around = sharp_keywords.query(client, sharp_keywords.DEFINITIVE, *span, minutes)
        unseen &= _between(times, around) & ~_lived_through(times, around)
    if not unseen.any():
        return unseen
    span = times[unseen][0] - OLDEST, times[unseen][-1]
    return unseen & covered(times, sharp_keywords.query_full_disk(client, *span, minutes))


def covered(times: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Whether there is one of `known` (datetime64) up to `OLDEST_HOURS` before each time."""
    known = np.sort(np.asarray(known, "datetime64[ns]"))
    return np.searchsorted(known, times, side="right") > np.searchsorted(known, times - OLDEST)


def _lived_through(times, seen):
    """Whether a region was seen before and after each time."""
    lives = seen.groupby("region")["time"].agg(["min", "max"])
    since, until = lives["min"].to_numpy(), lives["max"].to_numpy()
    return ((since < times[:, None]) & (until > times[:, None])).any(axis=1)


def _between(times, seen):
    """Whether there is a record before, and one after, each time; none far from the other."""
    known = np.sort(seen["time"].to_numpy("datetime64[ns]"))
    after = np.searchsorted(known, times)
    inside = (after > 0) & (after < len(known))
    found = np.zeros(len(times), bool)
    found[inside] = known[after[inside]] - known[after[inside] - 1] <= LONGEST
    return found
