"""Image series that are not FITS files: arrays of an .npz file -> store and index."""

import pathlib
import zipfile

import numpy as np
from tqdm import tqdm

from dataset_models.sdo import ageing
from dataset_models.sdo.collection import Collection
from dataset_models.sdo.fits_image import FIELD, parse_time
from dataset_models.sdo.response_table import table_at_hand
from dataset_models.sdo.store import UNITS
from tools.tools import data_folder

SUN_RADIUS = 696000000.0  # m, RSUN_REF of the AIA headers


def structure_series(
    file: str | pathlib.Path,
    output: str | pathlib.Path,
    unit: str | None,
    channel: int | None,
    degradation: str | pathlib.Path | None = None,
) -> Collection:
    """Puts a series of full-disk images into the sample store.

    Their coordinates are made up, and marked approximate: a disk centred in AIA's field of view,
    seen from the Earth, of the apparent radius of that day.

    Args:
        file: .npz with `images` (n, height, width), rows from south to north, `time` (n,) ISO
            strings in UTC, and maybe `exptime` (n,) in s. Browse images are uint8.
        output: folder of the store and the index.
        unit: "browse" (8-bit pictures made for people) or "DN / s".
        channel: wavelength, Angstrom.
        degradation: as `structure_data.structure_archive` takes it; not for browse images.

    Returns:
        The `Collection` as it was saved.

    Raises:
        FileNotFoundError: there is no such file.
        DatasetNotFoundError: there is no such table of degradation.
        ValueError: no unit or channel given, or arrays that are not such a series.
    """
    if unit not in UNITS:
        raise ValueError(
            f"The unit of {file} must be stated. Expected one of {UNITS}. Received: unit={unit!r}. "
            "Use --unit browse for 8-bit pictures made for people."
        )
    if channel is None:
        raise ValueError(
            f"The channel of {file} must be stated. Expected a wavelength in Angstrom. "
            "Received: none. Use --channel 171."
        )
    images, times, exposures = _arrays(file)
    encoding = "uint8" if unit == "browse" else "root float16"
    if unit == "browse" and images.dtype != np.uint8:
        raise ValueError(
            f"Browse images are 8-bit pictures. Expected uint8. Received: {images.dtype}. "
            "Convert them, or state --unit 'DN / s' if that is what they are."
        )
    table = table_at_hand("" if unit == "browse" else degradation, data_folder())
    with Collection(output, unit) as collection:
        stamps = _stamps(times, pathlib.Path(file).name, images, channel, collection)
        views = _views(list(stamps.values()))
        for (number, time), view in tqdm(
            zip(stamps.items(), views, strict=True), total=len(stamps), unit="image", disable=None
        ):
            metadata = _metadata(channel, time, exposures[number], view, images.shape[1])
            collection.add(_identifier(time), {channel: images[number]}, metadata, encoding)
        ageing.record(collection, table)
    return collection


def _arrays(file):
    try:
        with pathlib.Path(file).open("rb") as source, np.load(source) as arrays:
            images, times = arrays["images"], arrays["time"]
            exposures = arrays.get("exptime", np.full(len(images), np.nan)).astype(float)
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{_no_series(file)} Received: {error}.") from error
    if images.ndim != 3 or images.shape[1] != images.shape[2] or images.dtype.kind not in "uif":
        raise ValueError(f"{_no_series(file)} Received: images {images.dtype} {images.shape}.")
    if not len(images) == len(times) == len(exposures):
        counts = f"{len(images)} images, {len(times)} times, {len(exposures)} exposures"
        raise ValueError(f"{_no_series(file)} Received: {counts}.")
    return images, times, exposures


def _no_series(file):
    return (
        f"{file} is no image series. Expected an .npz file with images (n, side, side), time (n,) "
        "as ISO strings and maybe exptime (n,) in s, as np.savez writes it."
    )


def _stamps(times, name, images, channel, collection):
    """Number in the series -> time, of the images that can be taken; the others are rejected."""
    stamps, taken = {}, {}
    for number, text in enumerate(times):
        file, image = f"{name}:{number}", images[number]
        try:
            time = parse_time(text)
        except ValueError as error:
            collection.note("", file, str(error))
            continue
        identifier = _identifier(time)
        if identifier in taken:
            collection.note(identifier, file, f"duplicate time: {taken[identifier]} has that slot")
        elif not np.isfinite(image).any() or np.nanmin(image) == np.nanmax(image):
            collection.note(identifier, file, "every pixel is the same, or NaN")
        elif collection.shape not in (None, image.shape):
            reason = f"wrong shape: {image.shape}, expected {collection.shape} of the store"
            collection.note(identifier, file, reason)
        elif collection.channels(identifier) not in ((), (channel,)):
            reason = "the store holds other channels of that slot; use --output for one of its own"
            collection.note(identifier, file, reason)
        else:
            taken[identifier] = file
            if not collection.channels(identifier):
                stamps[number] = time
    return stamps


def _identifier(time):
    return str(time.astype("datetime64[m]")).translate(str.maketrans("T", "_", "-:"))


def _views(times):
    """The Sun as the Earth sees it: apparent radius (arcsec), distance (m), B0 (degrees)."""
    from astropy.time import Time
    from sunpy.coordinates import sun

    if not times:
        return []
    times = Time(np.array(times))
    radius, distance = sun.angular_radius(times), sun.earth_distance(times)
    columns = radius.to_value("arcsec"), distance.to_value("m"), sun.B0(times).to_value("deg")
    return np.stack(columns, axis=-1).tolist()


def _metadata(channel, time, exposure, view, side):
    radius, distance, latitude = view
    axes = {
        f"{name}{axis}": value
        for axis in (1, 2)
        for name, value in (
            *(("NAXIS", side), ("CUNIT", "arcsec"), ("CRVAL", 0.0)),
            *(("CDELT", FIELD / side), ("CRPIX", (side + 1) / 2)),
        )
    }
    cards = axes | {
        **{"CTYPE1": "HPLN-TAN", "CTYPE2": "HPLT-TAN", "CROTA2": 0.0},
        **{"TELESCOP": "SDO/AIA", "INSTRUME": "AIA", "WAVELNTH": channel, "WAVEUNIT": "angstrom"},
        **{"DATE-OBS": str(time), "T_OBS": f"{time}Z", "RSUN_OBS": radius, "RSUN_REF": SUN_RADIUS},
        **{"DSUN_OBS": distance, "HGLN_OBS": 0.0, "HGLT_OBS": latitude},
    }
    return {
        "t_obs": {channel: str(time)},
        "exposures": {} if np.isnan(exposure) else {channel: exposure},
        "wcs": {channel: cards},
        "wcs_approximate": True,
        "rsun_obs": radius,
    }
