"""What the GOES light curve told before each sample, whatever else the sample holds."""

import pathlib

import numpy as np
import pandas as pd

from tools.label_history import FILE, NUMBERS, read_history

COMMAND = "python tools/xray_flux_forecast/v4_find_ys.py"


def read_light_curve(folder: str | pathlib.Path, ids: np.ndarray | pd.Series) -> pd.DataFrame:
    """The numbers of the light curve before each sample, which `v4_find_ys.py` writes.

    Args:
        folder: the data folder; the table is `y/Light_Curve.csv`.
        ids: YYYYmmdd_HHMM, str, shape (n,).

    Returns:
        DataFrame indexed by `ids`, in their order, with the columns `label_history.NUMBERS`: log10
        of W m-2, NaN where unknown, and throughout where there is no table.

    Raises:
        ValueError: if the file is no such table.
    """
    path = pathlib.Path(folder) / "y" / FILE
    index = pd.Index(np.asarray(ids), name="id")
    if not path.is_file():
        return pd.DataFrame(np.nan, index, NUMBERS)
    return read_history(path).reindex(index)
