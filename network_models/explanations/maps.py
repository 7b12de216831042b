"""Where a network looks: the gradient of its forecast at every pixel of every channel.

A FITS file holds the gradient itself, signed, in units of the forecast per unit of the image.
That number is large wherever the Sun is dim, since a network that sees asinh or logarithm of the
brightness answers to relative changes. Pictures therefore show |gradient x image|: the first-order
change of the forecast when a pixel's brightness changes by 100 %. It has one unit in all channels,
so that they can be compared, and it needs to know nothing of how the network whitens its input.
"""

import pathlib

import numpy as np

from network_models.explanations import figures, inspection, map_figures
from network_models.explanations.gradients import input_gradient, output_number
from network_models.explanations.saliency_map import SaliencyMap
from tools import tools


def write_maps(model, x, about, folder, units=None, output=0, model_file=""):
    """Writes gradient maps of samples: pictures and FITS for each channel, and a sheet of all.

    Files are called <id>_<channel>_gradient.png and .fits, and <id>_all_gradient.png; where there
    are several inputs or frames, their names stand before the channel. A FITS file opens in
    `sunpy.map.Map` where the sample has a WCS. A model without images gets a line of text.

    Args:
        model: keras.Model that takes physical units.
        x: dict of name to array, (batch, height, width, channel) or (batch, time, height, width,
            channel) for images; other inputs take part in the forecast and get no map.
        about: list of dicts, as from `Dataset.describe`, one for each sample.
        folder: where to; made if need be.
        units: dict of units, as `Dataset.units`; that of an image is looked for in `about` else.
        output: which number of the output to explain, as in `gradients.output_number`.
        model_file: str, noted in the FITS header; the model's name if empty.

    Returns:
        List of the paths written.

    Raises:
        ValueError: if `about` does not fit `x`.
    """
    inspection.check_described(x, about)
    folder, paths = pathlib.Path(folder), []
    if not inspection.spatial_inputs(x):
        shapes = {name: tuple(array.shape[1:]) for name, array in x.items()}
        text = f"No maps: the model takes no images. Its inputs have the shapes {shapes}.\n"
        tools.write_text(folder / "no_maps.txt", text)
        return [folder / "no_maps.txt"]
    for i, description in enumerate(about):
        sample = inspection.one_sample(x, i)
        options = {"units": units, "output": output, "model_file": model_file or model.name}
        for saliency in gradient_maps(model, sample, description, **options):
            paths += write_map(saliency, folder)
    return paths


def gradient_maps(model, sample, about, units=None, output=0, model_file=""):
    """Gradient maps of one sample: a `SaliencyMap` for each of its images and frames.

    Args:
        model: keras.Model.
        sample: dict of name to NumPy array, a batch of one.
        about: dict, as from `Dataset.describe`.
        units: dict of units, as `Dataset.units`.
        output: which number of the output, as in `gradients.output_number`.
        model_file: str.
    """
    gradients = input_gradient(model, sample, output)
    forecast = float(output_number(model, sample, output)[0])
    names, units, maps = inspection.spatial_inputs(sample), units or {}, []
    for name in names:
        array = sample[name][0]
        common = {
            "channels": inspection.channel_names(about, array.shape[-1], name),
            "about": about,
            "forecast": forecast,
            "image_unit": units.get(name) or about.get("unit") or "",
            "target_unit": units.get("target", ""),
            "model_file": model_file,
        }
        stem = f"{about['id']}_{name}" if len(names) > 1 else str(about["id"])
        maps += _frames(array.astype("float64"), gradients[name][0], stem, common)
    return maps


def write_map(saliency, folder):
    """Writes the pictures and FITS files of one `SaliencyMap`; returns their paths."""
    sensitivity, paths = saliency.sensitivity, []
    for index, channel in enumerate(saliency.channels):
        file = folder / f"{saliency.stem}_{channel.replace(' ', '_')}_{saliency.method}.png"
        picture = map_figures.channel_figure(saliency, sensitivity, index)
        paths += [figures.save(picture, file), file.with_suffix(".fits")]
        with tools.written_whole(paths[-1]) as temporary:
            saliency.hdu(index).writeto(temporary, overwrite=True)
    sheet = map_figures.sheet(saliency, sensitivity)
    return [*paths, figures.save(sheet, folder / f"{saliency.stem}_all_{saliency.method}.png")]


def _frames(array, gradient, stem, common):
    """One map for an image, one for each frame of a series; a missing pixel has no gradient."""
    gradient = np.where(np.isfinite(array), gradient, np.nan)
    if array.ndim == 3:
        return [SaliencyMap(array, gradient, stem=stem, **common)]
    return [
        SaliencyMap(array[i], gradient[i], stem=f"{stem}_frame{i}", frame=i, **common)
        for i in range(len(array))
    ]
