"""The header of an image in a FITS file, whether its pixels are compressed or not."""

from astropy.io import fits

TILED = {  # of an image in compressed tiles: such cards stand for the table that holds these
    "NAXIS": "ZNAXIS",
    "NAXIS1": "ZNAXIS1",
    "NAXIS2": "ZNAXIS2",
    "BITPIX": "ZBITPIX",
}


class BadImageError(ValueError):
    """A file that holds no image the store can take.

    Args:
        path: the file.
        reason: str, what is wrong with it.
    """

    def __init__(self, path, reason):
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class Cards:
    """A header whose cards may be unreadable: those, and `nan`, are None.

    astropy makes the header of a compressed image anew from that of its table, which takes longer
    than all else that is asked of it; here the few cards that differ have their other names.

    Args:
        path: of the file, for messages.
        header: `astropy.io.fits.Header`, as it lies in the file (`disable_image_compression`).

    Source:
        The FITS standard 4.0, section 10.1 (ZIMAGE, ZNAXISn, ZBITPIX).
    """

    def __init__(self, path, header: fits.Header):
        self.path, self.header = path, header
        self.tiled = header.get("ZIMAGE") is True
        self._read = {}  # astropy takes its time over each card

    def get(self, name):
        """The value of a card; None where it is missing or cannot be read."""
        if name not in self._read:
            self._read[name] = self._value(TILED.get(name, name) if self.tiled else name)
        return self._read[name]

    def number(self, name):
        """The value of a card; `BadImageError` where it is no number."""
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadImageError(self.path, f"{name} is missing; expected a number, found {value!r}")
        return value

    def _value(self, name):
        try:
            value = self.header.get(name)
        except fits.VerifyError:  # a bare nan, which no FITS value may be
            return None
        if isinstance(value, fits.card.Undefined) or str(value).strip().lower() == "nan":
            return None
        return value.strip() if isinstance(value, str) else value
