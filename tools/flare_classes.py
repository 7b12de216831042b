"""GOES flare classes, such as M1.5, and the peak fluxes that they stand for."""

import re

import numpy as np

CLASS_EXPONENT = {"A": -8, "B": -7, "C": -6, "M": -5, "X": -4}  # C1.0 is 1e-6 W m-2
GOES_CLASS = re.compile(r"([ABCMX])(\d+(?:\.\d+)?)")


def class_to_flux(goes_class: str) -> float:
    """Peak flux of a flare class, W m-2 on the scale that it was published on: M1.5 is 1.5e-5.

    Raises:
        ValueError: if it is not a letter of A, B, C, M, X and a number above 0.
    """
    match = GOES_CLASS.fullmatch(str(goes_class).strip())
    if match is None or float(match.group(2)) == 0:
        raise ValueError(
            f"{goes_class!r} is not a GOES flare class. Expected a letter of A, B, C, M, X and a "
            "number above 0, such as C4.2, M1.5 or X10. Mend the list, or leave that flare out."
        )
    return float(f"{match.group(2)}e{CLASS_EXPONENT[match.group(1)]}")  # the nearest float


def flux_to_class(flux: float) -> str:
    """Flare class of a peak flux (W m-2, on the scale that the class is to have): 1.5e-5 is M1.50.

    Raises:
        ValueError: if the flux is not above 0 and finite.
    """
    if not 0 < flux < np.inf:
        raise ValueError(f"{flux!r} is no peak flux. Expected W m-2 above 0. Leave that flare out.")
    reached = (
        letter
        for letter, exponent in reversed(CLASS_EXPONENT.items())
        if round(flux / 10.0 ** (exponent - 1), 2) >= 10
    )
    letter = next(reached, "A")
    return f"{letter}{max(flux / 10.0 ** CLASS_EXPONENT[letter], 0.01):.2f}"
