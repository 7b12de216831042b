"""The QUALITY word of AIA, bit by bit, and which bits make an image unfit in which mode.

Source:
    JSOC, proj/lev0/apps/quallev1.h (what `build_lev1` sets); SDO user guide, section 7.7.6.
"""

NAMES = {
    0: "flat field not available",
    1: "orbit data not available",
    2: "ancillary science data not available",
    3: "master pointing data not available",
    4: "limb fit not acceptable",
    5: "instrument anomaly",
    6: "instrument misconfigured",
    7: "camera anomaly",
    8: "missing pixels",
    9: "missing pixels, more than 1 %",
    10: "missing pixels, more than 5 %",
    11: "missing pixels, more than 25 %",
    12: "spacecraft not in science pointing",
    13: "eclipse",
    14: "no sun presence",
    15: "safe mode",
    16: "dark image",
    17: "image stabilisation loop open",
    18: "calibration image",
    19: "HMI calibration mode",
    20: "focus out of range",
    21: "register flag",
    22: "HMI thermal recovery",
    23: "lunar transit",
    30: "near real time (quick-look)",
    31: "image not available",
}
QUICK_LOOK = 30
_HARMLESS = (4, 19, 22, QUICK_LOOK)  # 4, 19 and 22 speak of HMI
# Near real time, the pointing is not final yet, and up to 1 % of the pixels may still be coming.
_PROVISIONAL = (3, 8)


def _mask(*without):
    return sum(1 << bit for bit in range(32) if bit not in without)


MODES = {
    "definitive": _mask(*_HARMLESS),
    "near_real_time": _mask(*_HARMLESS, *_PROVISIONAL),
    "any": 0,
}


def names(quality: int) -> list[str]:
    """What each set bit of `quality` means, the lowest first.

    Args:
        quality: the QUALITY card; a negative one is taken as the unsigned word it stands for.
    """
    word = quality & 0xFFFFFFFF
    return [NAMES.get(bit, f"bit {bit}") for bit in range(32) if word >> bit & 1]


def rejected_bits(quality: int, mode: str = "definitive") -> list[str]:
    """Names of the bits that make an image unfit in `mode`; none for a good image.

    Args:
        quality: the QUALITY card.
        mode: "definitive" for the archive of final data, "near_real_time" for images of the last
            days, "any" to take all. None of them rejects bit 30 (quick-look), which archived good
            images carry as well: it is counted instead.

    Raises:
        ValueError: no such mode.
    """
    if mode not in MODES:
        raise ValueError(
            f"No quality mode {mode!r}. Expected one of {tuple(MODES)}. "
            'Use "definitive" for archived images.'
        )
    return names(quality & MODES[mode])


def is_quick_look(quality: int) -> bool:
    """Whether an image was made near real time, by bit 30."""
    return bool(quality >> QUICK_LOOK & 1)
