"""Where the Earth stands as seen from the Sun: enough to turn the synthetic Sun the right way."""

import numpy as np

ASTRONOMICAL_UNIT = 149597870691.0  # m, as DSUN_REF in AIA headers
SOLAR_RADIUS = 696000000.0  # m, as RSUN_REF in AIA headers


def ephemeris(times) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Heliographic longitude and latitude of the disk centre, and the distance of the Sun.

    Good to 0.1 degree from 1950 to 2050, without tables from the network.

    Args:
        times: datetime64, any shape, UTC.

    Returns:
        Carrington longitude L0 (degrees, 0 to 360), latitude B0 (degrees), distance (m), each of
        the shape of `times`.

    Source:
        Position of the Sun: The Astronomical Almanac, "Low precision formulas". Elements of the
        solar equator (Carrington): Meeus, Astronomical Algorithms, chapter 29.
    """
    days = days_since(times, "2000-01-01T12:00:00")
    anomaly = np.radians(357.528 + 0.9856003 * days)
    mean_longitude = 280.460 + 0.9856474 * days
    sun = mean_longitude + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly)
    distance = 1.00014 - 0.01671 * np.cos(anomaly) - 0.00014 * np.cos(2 * anomaly)
    node = 73.6667 + 1.3958333 * (days + 54787.0) / 36525  # JD 2451545 - 2396758
    inclination = np.radians(7.25)
    angle = np.radians(sun - node)
    latitude = np.degrees(np.arcsin(np.sin(angle) * np.sin(inclination)))
    from_node = np.degrees(np.arctan2(-np.sin(angle) * np.cos(inclination), -np.cos(angle)))
    rotation = (days + 53325.0) * 360 / 25.38  # JD 2451545 - 2398220
    return (from_node - rotation) % 360, latitude, distance * ASTRONOMICAL_UNIT


def apparent_radius(times) -> np.ndarray:
    """Apparent radius of the Sun in arcsec, as RSUN_OBS in AIA headers."""
    _, _, distance = ephemeris(times)
    return np.degrees(np.arcsin(SOLAR_RADIUS / distance)) * 3600


def days_since(times, origin) -> np.ndarray:
    """Days from `origin` to `times` as float64; both UTC, leap seconds left out."""
    return (np.asarray(times, "datetime64[ns]") - np.datetime64(origin, "ns")) / np.timedelta64(
        1, "D"
    )
