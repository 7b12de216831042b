"""Whether a header puts the Sun where a registered image of AIA has it, upright and of its size."""

import math
from typing import Protocol

# Level 1.5 is shifted, scaled and rotated until the Sun stands upright at the image's centre. Level
# 1 is not: in July 2012 its 193 A images were 3.5 arcsec off and rolled by 0.06 degrees.
CENTRE_TOLERANCE = 2.4  # arcsec: one pixel of the synoptic images
ROTATION_TOLERANCE = 0.1  # degrees: 1.7 arcsec at the limb
# From the Earth the radius goes from 943.9 to 975.9 arcsec in a year; SDO's orbit adds 0.3 to that.
SMALLEST_RADIUS, LARGEST_RADIUS = 943.0, 976.5  # arcsec
UPRIGHT = {"PC1_1": 1.0, "PC1_2": 0.0, "PC2_1": 0.0, "PC2_2": 1.0}  # where FITS has no card
WAY_OUT = "register images of level 1 with aiapy.calibrate.register"
RADIUS_TOLERANCE = 0.5  # arcsec; other values in use for the Sun's size in m make 0.4


class Cards(Protocol):
    """A header: `get` gives None for what is missing, `number` refuses what is no number."""

    def get(self, name: str) -> object: ...

    def number(self, name: str) -> float: ...


def problem(cards: Cards, whole_disk: bool = True) -> str:
    """Why the coordinates of an image cannot be right; an empty string where nothing speaks so.

    Args:
        cards: the header of a full-disk image of level 1.5, or of a part of one.
        whole_disk: whether the Sun's centre must lie at the image's.
    """
    return (_off_centre(cards) if whole_disk else "") or _rolled(cards) or _wrong_radius(cards)


def _off_centre(cards):
    for axis in "12":
        pixels = (cards.number(f"NAXIS{axis}") + 1) / 2 - cards.number(f"CRPIX{axis}")
        centre = cards.number(f"CRVAL{axis}") + pixels * cards.number(f"CDELT{axis}")
        if not abs(centre) <= CENTRE_TOLERANCE:
            return (
                f"off-centre: the image's centre is {centre:.1f} arcsec from the Sun's by "
                f"CRPIX{axis} and CRVAL{axis}, expected at most {CENTRE_TOLERANCE}; {WAY_OUT}"
            )
    return ""


def _rolled(cards):
    if all(cards.get(name) is None for name in UPRIGHT):
        return _angle_problem(math.remainder(_number(cards, "CROTA2", 0.0), 360), "CROTA2")
    matrix = [_number(cards, name, default) for name, default in UPRIGHT.items()]
    angle = math.atan2(matrix[2], matrix[0])
    if reason := _angle_problem(math.degrees(angle), "PC1_1 and PC2_1"):
        return reason
    rotation = (math.cos(angle), -math.sin(angle), math.sin(angle), math.cos(angle))
    errors = [abs(found - right) for found, right in zip(matrix, rotation, strict=True)]
    if all(error <= math.radians(ROTATION_TOLERANCE) for error in errors):
        return ""
    return (
        f"mirrored or stretched: {', '.join(UPRIGHT)} are {matrix}, expected a rotation; {WAY_OUT}"
    )


def _angle_problem(angle, names):
    if abs(angle) <= ROTATION_TOLERANCE:
        return ""
    return (
        f"rolled: north is {angle:.2f} degrees from up by {names}, expected at most "
        f"{ROTATION_TOLERANCE}; {WAY_OUT}"
    )


def _wrong_radius(cards):
    radius = cards.number("RSUN_OBS")
    if not SMALLEST_RADIUS <= radius <= LARGEST_RADIUS:
        return (
            f"RSUN_OBS is {radius} arcsec; expected {SMALLEST_RADIUS} to {LARGEST_RADIUS}, as the "
            "Sun is seen from the Earth's orbit"
        )
    expected = _radius_by_distance(cards)
    if expected is None or abs(radius - expected) <= RADIUS_TOLERANCE:
        return ""
    return (
        f"RSUN_OBS is {radius} arcsec, but DSUN_OBS and RSUN_REF make it {expected:.1f}; expected "
        f"the same within {RADIUS_TOLERANCE}"
    )


def _radius_by_distance(cards):
    """Apparent radius in arcsec; None where a card is missing, NaN where they make no angle."""
    if cards.get("DSUN_OBS") is None or cards.get("RSUN_REF") is None:
        return None
    distance, radius = cards.number("DSUN_OBS"), cards.number("RSUN_REF")
    return 3600 * math.degrees(math.asin(radius / distance)) if 0 < radius < distance else math.nan


def _number(cards, name, default):
    return default if cards.get(name) is None else cards.number(name)
