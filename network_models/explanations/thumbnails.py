"""Small pictures of samples, and the sheet of them that TensorBoard's projector reads."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from network_models.explanations import figures, inspection
from tools import tools

THUMBNAIL = 64  # pixels on a side
LARGEST_SPRITE = 8192  # pixels on a side that TensorBoard's projector accepts
PREFERRED = "171"  # Angstrom; shows the most structure in a small picture


def thumbnails(x, about, side=THUMBNAIL, channel=PREFERRED):
    """A small picture of each sample, in the colours of its channel, with its marks.

    Args:
        x: dict of name to array, (batch, [time,] height, width, channel) for images.
        about: list of dicts, as from `Dataset.describe`.
        side: of the pictures, pixels.
        channel: which to show; the first where there is no such channel.

    Returns:
        List of uint8 arrays, shape (side, side, 3), north up; empty if there are no images.
    """
    names = inspection.spatial_inputs(x)
    if not names:
        return []
    images = inspection.as_numpy(x[names[0]])
    images = images if images.ndim == 4 else images[:, -1]  # the latest frame
    return [
        _thumbnail(image, one, names[0], side, channel)
        for image, one in zip(images, about, strict=False)
    ]


def write_sprite(pictures, path):
    """Writes thumbnails as one square sheet, row by row, and returns the side of each in pixels.

    They shrink where the sheet would outgrow what TensorBoard accepts.

    Args:
        pictures: list of uint8 arrays, shape (side, side, 3).
        path: of the PNG file.
    """
    columns = math.ceil(math.sqrt(len(pictures)))
    side = min(len(pictures[0]), LARGEST_SPRITE // columns)
    sheet = np.zeros((columns * side, columns * side, 3), dtype="uint8")
    for i, picture in enumerate(pictures):
        top, left = i // columns * side, i % columns * side
        tile = Image.fromarray(picture).resize((side, side))
        sheet[top : top + side, left : left + side] = np.asarray(tile)
    with tools.written_whole(path) as temporary:
        Image.fromarray(sheet).save(temporary)
    return side


def _thumbnail(image, about, name, side, channel):
    channels = inspection.channel_names(about, image.shape[-1], name)
    channel = channel if channel in channels else channels[0]
    plane = Image.fromarray(image[..., channels.index(channel)].astype("float32"))
    small = np.asarray(plane.resize((side, side), Image.Resampling.BOX))
    scale = figures.image_scale(small, about.get("unit") or "")
    colours = figures.colour_table(channel)(scale(np.ma.masked_invalid(small)), bytes=True)
    picture = Image.fromarray(np.ascontiguousarray(colours[::-1, :, :3]))
    if marks := " ".join(about.get("marks", ())):
        font = ImageFont.load_default(size=side / 7)
        ImageDraw.Draw(picture).text((1, side * 0.81), marks, fill="white", font=font)
    return np.asarray(picture)
