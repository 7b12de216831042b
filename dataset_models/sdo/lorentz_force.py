"""The Lorentz force on the atmosphere above an active region, from its vector magnetic field."""

import math

import numpy as np

# Area of a pixel of 0.03 degree in the cylindrical equal-area maps, cm2, as CGEM rounds it.
PIXEL_AREA = 3.64e7**2


def lorentz_force(
    bx: np.ndarray, by: np.ndarray, bz: np.ndarray, pixel_area: float = PIXEL_AREA
) -> dict[str, float]:
    """The seven terms of the Lorentz force, integrated over the pixels given.

    The force follows from the Maxwell stress on the photosphere under a volume whose other sides
    lie far away, where the field is weak:

        TOTFX = -A/4π Σ bx bz    TOTFY = -A/4π Σ by bz    TOTFZ = A/8π Σ (bx² + by² - bz²)

    and EPS is the same sum without its factor over TOTBSQ = Σ B²: how far the field is from being
    free of force.

    Args:
        bx: array of any shape, G, to the solar west: segment Bp of a SHARP-CEA.
        by: array of the same shape, G, to the north: minus the segment Bt.
        bz: array of the same shape, G, radial: segment Br.
        pixel_area: cm2.

    Returns:
        TOTBSQ (G2), TOTFX, TOTFY, TOTFZ (dyn), EPSX, EPSY, EPSZ (dimensionless; NaN where there is
        no field).

    Source:
        Fisher et al. 2012 (doi:10.1007/s11207-011-9907-2); the module `lorentz`
        of the JSOC's project cgem, which like this sums over all pixels of a patch; Bobra and
        Couvidat 2015 (doi:10.1088/0004-637X/798/2/135), table 1.
    """
    bx, by, bz = (np.asarray(component, np.float64) for component in (bx, by, bz))
    totals = {
        "TOTBSQ": float(np.sum(bx**2 + by**2 + bz**2)),
        "TOTFX": -pixel_area / (4 * math.pi) * float(np.sum(bx * bz)),
        "TOTFY": -pixel_area / (4 * math.pi) * float(np.sum(by * bz)),
        "TOTFZ": pixel_area / (8 * math.pi) * float(np.sum(bx**2 + by**2 - bz**2)),
    }
    return totals | normalised_force(totals, pixel_area)


def normalised_force(totals: dict, pixel_area: float = PIXEL_AREA) -> dict[str, float]:
    """EPSX, EPSY and EPSZ from TOTBSQ (G2) and TOTFX, TOTFY and TOTFZ (dyn), dimensionless."""
    square = totals["TOTBSQ"] * pixel_area
    if not square > 0:
        return dict.fromkeys(("EPSX", "EPSY", "EPSZ"), math.nan)
    return {
        "EPSX": -4 * math.pi * totals["TOTFX"] / square,
        "EPSY": -4 * math.pi * totals["TOTFY"] / square,
        "EPSZ": 8 * math.pi * totals["TOTFZ"] / square,
    }
