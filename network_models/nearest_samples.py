"""Which samples of a run's dataset its network finds like a chosen one."""

import pandas as pd

from network_models import chosen_samples, trained
from network_models.explanations import embeddings, figures, inspection, neighbours
from network_models.explanations.thumbnails import thumbnails
from tools import tools

EMBED = "python tools/network/embed.py"
TABLE = "embeddings.feather"
TITLE = "samples (left) and the nearest by what enters the last layer"


def find_table(folder, file):
    """The table of embeddings of a network with the most samples, or None.

    Args:
        folder: the run folder.
        file: the .keras file: each of a run's models has embeddings of its own.

    Returns:
        DataFrame, as `embeddings.write_embeddings` gives it.
    """
    found = [
        one
        for one in folder.glob(f"embeddings/{file.stem}_*/{TABLE}")
        if "=" not in one.parent.name
    ]
    if file.name == "best.keras":  # the one that the run itself embedded
        found += folder.glob(f"embeddings/{TABLE}")
    return max((pd.read_feather(one) for one in sorted(found)), key=len, default=None)


def write_neighbours(run, model, x, about, folder, count, source=""):
    """Writes neighbours.csv, and neighbours.png where there are images: who is near chosen samples.

    Samples that are not in the table of embeddings, of FITS files say, are embedded and compared
    all the same.

    Args:
        run: `trained.Trained`.
        model: its network.
        x: dict of name to array, shape (sample, ...), of the chosen samples.
        about: list of dicts, as from `Dataset.describe`.
        folder: where to.
        count: int, how many neighbours of each.
        source: str, where the samples are from if not as the run has them: "fits", or the fields
            that were set anew. A sample of the same id in the table is then another one.

    Returns:
        List of the paths written.

    Raises:
        ValueError: if the run has no embeddings to look among.
    """
    table = find_table(run.folder, run.file)
    if table is None:
        raise ValueError(
            f"There is nothing to look for neighbours among. Expected the embeddings of a run in "
            f"{run.folder / 'embeddings'}. To make them: {EMBED} {run.file}"
        )
    if source:
        about = [one | {"id": f"{one['id']} ({source})"} for one in about]
    known = set(table["id"])
    new = [i for i, one in enumerate(about) if str(one["id"]) not in known]
    table = pd.concat([table, *(_row(model, x, about[i], i) for i in new)], ignore_index=True)
    found = [neighbours.nearest(table, str(one["id"]), count) for one in about]
    listed = pd.concat(found, keys=[str(one["id"]) for one in about], names=["of", None])
    listed = listed.reset_index(level="of").drop(columns=["row", "index"])
    tools.write_text(folder / "neighbours.csv", listed.to_csv(index=False))
    if not inspection.spatial_inputs(x):
        return [folder / "neighbours.csv"]
    stored = trained.open_run(run.file).dataset if run.fields else run.dataset
    pictures = _pictures(stored, x, about, pd.concat(found))
    sheet = neighbours.neighbour_sheet(found, pictures, TITLE)
    return [folder / "neighbours.csv", figures.save(sheet, folder / "neighbours.png")]


def _row(model, x, about, index):
    """What a table of embeddings holds of one sample."""
    vector = embeddings.penultimate(model, [inspection.one_sample(x, index)])[0]
    columns = {
        "id": str(about["id"]),
        "time": pd.Timestamp(about["time"]),
        "split": "",
        "class": "",
    }
    return pd.DataFrame([columns | {f"activation_{i}": number for i, number in enumerate(vector)}])


def _pictures(dataset, x, about, found):
    """Row of the table -> thumbnail: of the chosen samples, and of their neighbours."""
    pictures = {
        str(one["id"]): picture for one, picture in zip(about, thumbnails(x, about), strict=True)
    }
    others = [id for id in found["id"].unique() if id not in pictures]
    for id, place in zip(others, chosen_samples.find(dataset, identifiers=others), strict=True):
        (pictures[id],) = thumbnails(*chosen_samples.gather(dataset, [place]))
    return {row: pictures[id] for row, id in zip(found["row"], found["id"], strict=True)}
