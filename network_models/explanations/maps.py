"""Maps of what a network looks at: pictures, FITS files, and a table of the strongest regions.

Every method of `network_models.explanations.methods` gives a number for each pixel; here they are
laid on the images that they were made from.
"""

import io
import pathlib

import pandas as pd

from network_models.explanations import (
    figures,
    forecast_units,
    inspection,
    map_figures,
    map_sheet,
)
from network_models.explanations.methods import UnsuitableMethodError, explain
from network_models.explanations.saliency_map import SaliencyMap
from tools import tools

USUAL_METHODS = ("gradient", "integrated_gradients")


def write_maps(
    model,
    x,
    about,
    folder,
    units=None,
    output=0,
    output_name="",
    model_file="",
    methods=USUAL_METHODS,
    baseline=None,
    scale=None,
    layer=None,
    channels=None,
    skip_unsuitable=False,
):
    """Writes maps of samples: pictures and FITS for each channel, sheets, and a table of regions.

    Files are called <id>_<channel>_<method>.png and .fits, and <id>_all_<method>.png; where there
    are several inputs or frames, their names stand before the channel. A method that tells no
    channels apart has one FITS file, <id>_all_<method>.fits. A FITS file opens in `sunpy.map.Map`
    where the sample has a WCS. strongest_regions.csv holds the `strongest_regions` of all maps;
    rows of samples and methods that are not written anew stay in it.

    Args:
        model: keras.Model that takes physical units.
        x: dict of name to array, (batch, height, width, channel) or (batch, time, height, width,
            channel) for images; other inputs take part in the forecast and get no map.
        about: list of dicts, as from `Dataset.describe`, one for each sample.
        folder: where to; made if need be.
        units: dict of units, as `Dataset.units`; that of an image is looked for in `about` else.
        output: which number of the output to explain, as in `output_numbers.output_number`.
        output_name: str, what that number is called, noted in titles and in the FITS header.
        model_file: str, noted in the FITS header; the model's name if empty.
        methods: names in `methods.METHODS`.
        baseline: as in `methods.explain`: what images are compared with.
        scale: as in `methods.explain`: standard deviation of the forecasts.
        layer: as in `methods.explain`: what Grad-CAM looks at.
        channels: names of those that get a picture and a FITS file of their own; all if None. The
            sheet and the table always hold all.
        skip_unsuitable: bool: a method that cannot explain this model gets a line in skipped.txt,
            and the others go on.

    Returns:
        List of the paths written.

    Raises:
        ValueError: if `about` does not fit `x`, or no image has a channel that `channels` names;
            and as `methods.explain` raises it.
        UnsuitableMethodError: a ValueError, if a method cannot explain this model.
    """
    inspection.check_described(x, about)
    _check_channels(channels, x, about)
    about, units = forecast_units.compared(model, x, about, units)
    folder, paths, tables, skipped = pathlib.Path(folder), [], {}, []
    source = {"units": units, "model_file": model_file or model.name, "output_name": output_name}
    options = {"output": output, "baseline": baseline, "scale": scale, "layer": layer}
    for method in methods:
        try:
            for saliency in _explained(method, model, x, about, source, options):
                written, regions = write_map(saliency, folder, channels)
                paths += written
                tables.setdefault((str(saliency.about["id"]), method), []).append(regions)
        except UnsuitableMethodError as error:
            if not skip_unsuitable:
                raise
            skipped.append(f"{method}: {error}\n")
    return paths + _write_table(tables, folder) + _write_skipped(skipped, folder)


def saliency_maps(attribution, sample, about, units=None, model_file="", output_name=""):
    """A `SaliencyMap` for each image, and each frame, that a method explained.

    Args:
        attribution: `Attribution`.
        sample: dict of name to array, the batch of one that was explained.
        about: dict, as from `Dataset.describe`.
        units: dict of units, as `Dataset.units`.
        model_file: str, noted in the FITS header.
        output_name: str, what the number that was explained is called.
    """
    units, maps, magnitudes = units or {}, [], attribution.magnitude()
    for name, values in attribution.values.items():
        array = inspection.as_numpy(sample[name])[0].astype("float64")
        common = {
            "channels": inspection.channel_names(about, array.shape[-1], name),
            "about": about,
            "attribution": attribution,
            "image_unit": units.get(name) or about.get("unit") or "",
            "target_unit": units.get("target", ""),
            "name": name,
            "model_file": model_file,
            "output_name": output_name,
        }
        several = len(attribution.values) > 1
        stem = f"{about['id']}_{name}" if several else str(about["id"])
        maps += _frames((array, values, magnitudes[name]), stem, common)
    return maps


def write_map(saliency, folder, channels=None):
    """Writes the pictures and FITS files of one `SaliencyMap`.

    Args:
        saliency: `SaliencyMap`.
        folder: where to.
        channels: names of those that get files of their own; all if None.

    Returns:
        List of the paths, and the DataFrame of its `strongest_regions`.
    """
    drawing = map_figures.Drawing(saliency)
    paths = [] if saliency.tells_channels_apart else [_write_fits(saliency, 0, "all", folder)]
    for index, channel in enumerate(saliency.channels):
        if channels is None or channel in channels:
            file = folder / f"{_stem(saliency, channel)}.png"
            paths.append(figures.save(map_figures.channel_figure(drawing, index), file))
            if saliency.tells_channels_apart:
                paths.append(_write_fits(saliency, index, channel, folder))
    file = folder / f"{_stem(saliency, 'all')}.png"
    paths.append(figures.save(map_sheet.sheet(drawing), file, figures.FINE_RESOLUTION))
    return paths, drawing.regions


def _explained(method, model, x, about, source, options):
    """What a method says of each sample in turn."""
    for i, description in enumerate(about):
        sample = inspection.one_sample(x, i)
        attribution = explain(method, model, sample, **options)
        yield from saliency_maps(attribution, sample, description, **source)


def _check_channels(channels, x, about):
    known = [
        channel
        for name in inspection.spatial_inputs(x)
        for channel in inspection.channel_names(about[0], x[name].shape[-1], name)
    ]
    if unknown := [name for name in channels or () if name not in known]:
        raise ValueError(
            f"The model's images have no channel {unknown[0]!r}. Expected any of {known}. "
            f"Received: channels={tuple(channels)}. Leave it out, or train a network with it."
        )


def _stem(saliency, channel):
    return f"{saliency.stem}_{channel.replace(' ', '_')}_{saliency.method}"


def _write_fits(saliency, index, channel, folder):
    path = folder / f"{_stem(saliency, channel)}.fits"
    with tools.written_whole(path) as temporary:
        saliency.hdu(index).writeto(temporary, overwrite=True)
    return path


def _write_table(tables, folder):
    """Writes the regions of each (id, method), beside those of others that the file holds."""
    if not tables:
        return []
    path = folder / "strongest_regions.csv"
    every = [table for found in tables.values() for table in found]
    filled = [table for table in every if len(table)] or every[:1]
    text = pd.concat(filled, ignore_index=True).to_csv(index=False, float_format="%.6g")
    tools.write_text(path, _with_former(text, path, tables) if path.exists() else text)
    return [path]


def _with_former(text, path, renewed):
    """The table `text` after the rows of a file, but for those of an (id, method) in `renewed`."""
    former, new = (_as_text(source) for source in (path, io.StringIO(text)))
    stays = [of not in renewed for of in zip(former["id"], former["method"], strict=True)]
    return pd.concat([former[stays], new]).to_csv(index=False)


def _write_skipped(lines, folder):
    if not lines:
        return []
    path = folder / "skipped.txt"
    tools.write_text(path, "Methods that cannot explain this model:\n" + "".join(lines))
    return [path]


def _as_text(source):
    return pd.read_csv(source, dtype=str, keep_default_na=False)


def _frames(arrays, stem, common):
    """One map for an image, one for each frame of a series."""
    if arrays[0].ndim == 3:
        return [SaliencyMap(*arrays, stem=stem, **common)]
    return [
        SaliencyMap(*frame, stem=f"{stem}_frame{i}", frame=i, **common)
        for i, frame in enumerate(zip(*arrays, strict=True))
    ]
