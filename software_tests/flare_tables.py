"""Small flare lists for tests, as `tools.events.read_events` gives them."""

import numpy as np
import pandas as pd

DAY = pd.Timestamp("2014-01-01")


def events(*flares, end=1440):
    """Flares of (start, peak, end in minutes of the day, class as physical flux)."""
    table = pd.DataFrame(flares, columns=["start", "peak", "end", "flux"])
    for name in ("start", "peak", "end"):
        minutes = pd.to_timedelta(table[name].astype(float), unit="min")
        table[name] = (DAY + minutes).astype("datetime64[us]")
    spans = {"list_start": DAY, "list_end": DAY + pd.Timedelta(minutes=end)}
    words = {"goes_class": "", "class_scale": "physical", "satellite": "", "noaa_active_region": 0}
    return table.assign(**words, longitude=np.nan, rows=1, **spans)
