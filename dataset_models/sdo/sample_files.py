"""A tiny synthetic data folder, from archive to labels, made by the same steps as a real one."""

import pathlib

from dataset_models.sdo import structure_data
from dataset_models.sdo.index import read_index
from dataset_models.synthetic import embedded_sample
from tools.flux import read_flux
from tools.label_history import FILE, write_history
from tools.label_sources import FluxSeries
from tools.labels import label_file, write_labels


def write(folder: pathlib.Path, lag_minutes: int, catch_minutes: int, **archive) -> None:
    """Writes an archive, its store and index, and its labels of one lag and catch.

    Args:
        folder: the data folder.
        lag_minutes: of the labels, minutes.
        catch_minutes: of the labels, minutes.
        **archive: of `embedded_sample.write_archive`.
    """
    embedded_sample.write_archive(folder, **archive)
    structure_data.structure_archive(folder / "aia" / "raw", folder / "aia")
    index = read_index(folder / "aia")
    series = FluxSeries(read_flux(sorted((folder / "goes").iterdir())))
    labels = series.labels(index["time"].to_numpy(), lag_minutes, catch_minutes)
    labels["Date Stamp"], labels["Filename"] = index["id"].to_numpy(), index["file"].to_numpy()
    write_labels(folder / "y" / label_file(lag_minutes, catch_minutes), labels)
    write_history(folder / "y" / FILE, index["id"].array, series.history(index["time"].array))
