"""The regions of an image that a forecast leans on most, and where on the Sun they lie."""

import math
import warnings

import numpy as np
import pandas as pd
from astropy import units
from astropy.wcs import WCS, FITSFixedWarning
from scipy import ndimage
from sunpy.coordinates import HeliographicCarrington, HeliographicStonyhurst

from network_models.explanations.saliency_map import observation_cards, smoothed

COUNT = 5  # regions of a map, at most
RADIUS = 0.04  # of the image's width: 100 arcsec on a full disk, the size of an active region
LEAST_CONTRAST = 2.0  # mean sensitivity over that of the map; less does not stand out

PLACES = (
    *("solar_x_arcsec", "solar_y_arcsec", "radii_from_centre"),
    *("stonyhurst_longitude_deg", "carrington_longitude_deg", "latitude_deg"),
)
COLUMNS = (
    *("rank", "id", "time", "method", "image", "frame", "row", "column", "radius_pixels"),
    *PLACES,
    *("share", "contrast", "change", "unit", "strongest_channel"),
)


def strongest_regions(saliency, sensitivity, count=COUNT):
    """The circles around the highest peaks of a map, the largest share first.

    The sensitivity is summed over the channels and averaged with a Gaussian of half the radius.
    The highest local peaks of that, each more than two radii from a higher one along rows or
    columns, are the centres; those with a contrast of 2 or more are regions. They do not overlap,
    so their shares add up.

    Args:
        saliency: `SaliencyMap`.
        sensitivity: its `sensitivity`, passed on because pictures share its cost.
        count: int, regions at most.

    Returns:
        DataFrame, a row per region: rank (from 1), id, time, method, image, frame; row, column
        (pixel of the centre, from 0, row 0 at the bottom) and radius_pixels; the centre on the Sun
        as in `solar_positions`; share (of the map's whole sensitivity), contrast (mean sensitivity
        in the region over that in the map), change (sum of the signed values, where they are parts
        of a change of the forecast) with its unit; strongest_channel, and for each channel
        share_CHANNEL (of the region's sensitivity). What is unknown is missing. Frames of a series
        have the WCS of their sample, so longitudes of earlier ones are off by the Sun's rotation.
    """
    total = _sum_of_channels(sensitivity)
    radius = max(1.0, RADIUS * total.shape[1])
    centres = _peaks(total, radius)[:count]
    places = solar_positions(saliency.about.get("wcs"), centres)
    rows = [
        {"row": row, "column": column, "radius_pixels": radius}
        | place
        | _shares(saliency, sensitivity, inside(total.shape, (row, column), radius))
        for (row, column), place in zip(centres, places, strict=True)
    ]
    rows = [row for row in rows if row["contrast"] >= LEAST_CONTRAST]
    rows.sort(key=lambda row: -row["share"])
    rows = [_common(saliency, rank) | row for rank, row in enumerate(rows, 1)]
    return pd.DataFrame(rows, columns=[*COLUMNS, *_share_columns(saliency)])


def inside(shape, centre, radius):
    """Mask of the pixels within `radius` of `centre` (row, column), shape (height, width)."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return np.hypot(rows - centre[0], columns - centre[1]) <= radius


def solar_positions(cards, centres):
    """Where on the Sun pixels lie.

    Args:
        cards: dict of FITS cards of the image, or None.
        centres: list of (row, column), from 0.

    Returns:
        List of dicts: solar_x_arcsec and solar_y_arcsec (helioprojective), radii_from_centre (of
        the disk, in solar radii), stonyhurst_longitude_deg (west positive),
        carrington_longitude_deg and latitude_deg (heliographic, at the photosphere). The latter
        three are NaN off the disk; all are where the WCS is not solar or does not say where the
        observer was.

    Source:
        Thompson 2006, A&A 449, 791, as in sunpy.coordinates.
    """
    unknown = dict.fromkeys(PLACES, math.nan)
    frame = _frame(cards)
    if frame is None or not centres:
        return [unknown] * len(centres)
    rows, columns = np.transpose(centres)
    seen = frame.pixel_to_world(columns, rows)
    x, y = seen.Tx.to_value(units.arcsec), seen.Ty.to_value(units.arcsec)
    places = pd.DataFrame(unknown, index=range(len(centres)))
    distance = np.hypot(x, y) / seen.angular_radius.to_value(units.arcsec)
    places[list(PLACES[:3])] = np.transpose([x, y, distance])
    if (on_disk := distance < 1).any():
        places.loc[on_disk, list(PLACES[3:])] = _heliographic(seen[on_disk])
    return places.to_dict("records")


def _frame(cards):
    """The WCS of the image, if it says where on the Sun a pixel lies; else None."""
    header = observation_cards(cards)
    axes = (str(header.get("CTYPE1"))[:4], str(header.get("CTYPE2"))[:4])
    if axes != ("HPLN", "HPLT") or "DATE-OBS" not in header:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)  # adds dates in other units
        frame = WCS(header)
    return None if frame.pixel_to_world(0, 0).observer is None else frame


def _heliographic(seen):
    """Stonyhurst longitude, Carrington longitude and latitude in degrees, shape (position, 3)."""
    stonyhurst = seen.transform_to(HeliographicStonyhurst(obstime=seen.obstime))
    frame = HeliographicCarrington(obstime=seen.obstime, observer=seen.observer)
    carrington = seen.transform_to(frame)
    return np.transpose([stonyhurst.lon.deg, carrington.lon.deg, stonyhurst.lat.deg])


def _sum_of_channels(sensitivity):
    missing = np.isnan(sensitivity).all(axis=-1)
    return np.where(missing, np.nan, np.nansum(sensitivity, axis=-1))


def _peaks(total, radius):
    """Centres (row, column) of the regions, strongest first."""
    blurred = smoothed(total[..., np.newaxis], radius / 2)[..., 0]
    blurred = np.where(np.isfinite(blurred), blurred, 0.0)
    side = 2 * math.ceil(2 * radius) + 1
    highest = ndimage.maximum_filter(blurred, side, mode="constant")
    peaks, count = ndimage.label((blurred == highest) & (blurred > 0))  # a plateau is one peak
    centres = np.round(ndimage.center_of_mass(peaks > 0, peaks, range(1, count + 1))).astype(int)
    kept = []
    for row, column in sorted(centres.tolist(), key=lambda centre: -blurred[tuple(centre)]):
        if all(max(abs(row - r), abs(column - c)) > 2 * radius for r, c in kept):
            kept.append((row, column))
    return kept


def _common(saliency, rank):
    return {
        "rank": rank,
        "id": saliency.about["id"],
        "time": saliency.about["time"],
        "method": saliency.method,
        "image": saliency.name,
        "frame": saliency.frame,
    }


def _shares(saliency, sensitivity, region):
    channels = np.nansum(sensitivity[region], axis=0)
    signed = saliency.kind == "share"
    numbers = {
        "share": channels.sum() / np.nansum(sensitivity),
        "contrast": np.nanmean(sensitivity[region]) / np.nanmean(sensitivity),
        "change": np.nansum(saliency.values[region]) if signed else math.nan,
        "unit": saliency.change_unit if signed else "",
    }
    if not saliency.tells_channels_apart:
        return numbers | {"strongest_channel": ""}
    strongest = {"strongest_channel": saliency.channels[int(channels.argmax())]}
    parts = channels / channels.sum()
    return numbers | strongest | dict(zip(_share_columns(saliency), parts, strict=True))


def _share_columns(saliency):
    if not saliency.tells_channels_apart:
        return []
    return [f"share_{channel.replace(' ', '_')}" for channel in saliency.channels]
