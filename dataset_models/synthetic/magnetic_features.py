"""The 25 magnetic features that experts tailored by hand, of the synthetic Sun's regions.

Their values follow from the regions' strengths and have plausible sizes; they are no measurements.
"""

import numpy as np
import pandas as pd

# Name: value of a full disk whose visible regions have strength 1 in all, and how it grows with
# that strength (0: a mean over the regions, which hardly depends on it).
# Names: Bobra and Couvidat 2015, ApJ 798, 135, table 1: SHARP keywords and Lorentz forces.
FEATURES = {
    "USFLUX": (1e22, 1.0),  # Mx, unsigned flux
    "MEANGAM": (35.0, 0.0),  # degree, angle of the field from the radial
    "MEANGBT": (110.0, 0.0),  # G / Mm, gradient of the total field
    "MEANGBZ": (115.0, 0.0),  # G / Mm, of the vertical field
    "MEANGBH": (60.0, 0.0),  # G / Mm, of the horizontal field
    "MEANJZD": (0.1, 0.0),  # mA / m2, vertical current density
    "TOTUSJZ": (1.5e13, 1.0),  # A, unsigned vertical current
    "MEANALP": (0.01, 0.0),  # 1 / Mm, twist
    "MEANJZH": (0.002, 0.0),  # G2 / m, current helicity
    "TOTUSJH": (800.0, 1.0),  # G2 / m, unsigned current helicity
    "ABSNJZH": (50.0, 1.0),  # G2 / m, of the net current helicity
    "SAVNCPP": (5e12, 1.0),  # A, net currents per polarity
    "MEANPOT": (5e3, 0.3),  # erg / cm3, free energy density
    "TOTPOT": (2e23, 1.5),  # erg / cm, free energy
    "MEANSHR": (28.0, 0.0),  # degree, shear
    "SHRGT45": (20.0, 0.2),  # percent of the area with shear above 45 degrees
    "R_VALUE": (3.5, 0.15),  # log10 Mx, flux near polarity inversion lines
    "AREA_ACR": (150.0, 0.8),  # millionths of the hemisphere, area of strong field
    "TOTBSQ": (1e10, 1.0),  # G2, total Lorentz force
    "TOTFX": (1e22, 0.8),  # dyn, its x component
    "TOTFY": (1e22, 0.8),  # dyn, y
    "TOTFZ": (-8e22, 0.9),  # dyn, z
    "EPSX": (0.05, 0.0),  # normalised force, x
    "EPSY": (0.05, 0.0),  # y
    "EPSZ": (-0.2, 0.0),  # z
}
SCATTER = 0.1  # relative


def table(sun, times) -> pd.DataFrame:
    """T_REC and the 25 features at some times.

    Args:
        sun: `Sun`.
        times: datetime64, shape (n,), UTC.

    Returns:
        DataFrame with n rows; each row is a pure function of the Sun's seed and its time.
    """
    rows = [_row(sun, time) for time in times]
    return pd.DataFrame({"T_REC": times, **dict(zip(FEATURES, np.transpose(rows), strict=True))})


def _row(sun, time):
    regions = sun.regions(time)
    strength = max(regions["strength"][regions["mu"] > 0].sum(), 1e-3)
    sizes, powers = np.transpose(list(FEATURES.values()))
    minute = np.datetime64(time, "m").astype(int)
    rng = np.random.default_rng([sun.seed, minute % 2**32, 4])
    return sizes * strength**powers * (1 + SCATTER * rng.standard_normal(len(sizes)))
