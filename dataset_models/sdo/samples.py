"""Which rows of the index are samples of a forecast, and why the others are not."""

import numpy as np
import pandas as pd

SLOT = "%Y%m%d_%H%M"  # an index row's id
FEW = 1000  # training samples below which a score says little


def candidates(index: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Every row of the index with its label beside it, none rejected yet.

    Args:
        index: what `index.read_index` returns.
        labels: what `labels.read_labels` returns, indexed by the ids of the index.

    Returns:
        `index` with "catch_flux" and "current_flux" (W m-2, NaN where unknown), "coverage" (0 to
        1, NaN without a label), "quiet" (bool), "in_progress" (1 or 0, a flare at the image's time;
        NaN unknown), "longitude" (as of the index, NaN without that column), and "reason", ""
        throughout.

    Raises:
        ValueError: if the labels are of other times altogether.
    """
    found = labels.reindex(index["id"])
    if found["Coverage"].isna().all():
        raise ValueError(
            f"The labels do not cover the images. Expected labels of the index's times, "
            f"{index['id'].min()} to {index['id'].max()}. Received: labels of "
            f"{labels.index.min()} to {labels.index.max()}. Make labels for the index: "
            "python tools/xray_flux_forecast/v4_find_ys.py"
        )
    return index.assign(
        catch_flux=found["Catch Flux"].to_numpy("float64"),
        current_flux=found["Current Flux"].to_numpy("float64"),
        coverage=found["Coverage"].to_numpy("float64"),
        quiet=(found["Quiet"] == 1).to_numpy(bool),
        in_progress=found["In Progress"].to_numpy("float64"),
        longitude=index.get("longitude", np.nan),
        reason="",
    )


def reject(table: pd.DataFrame, wrong: np.ndarray, reason: str) -> None:
    """Writes `reason` on the rows that are `wrong` (bool, shape (n,)) and have no reason yet."""
    table.loc[np.asarray(wrong) & (table["reason"] == ""), "reason"] = reason


def reject_channels(table: pd.DataFrame, channels: tuple, allow_missing: bool) -> None:
    """Rejects rows that lack a channel, or that have none of them where some may be missing."""
    held = table["channels"].map(lambda names: set(names.split()))
    lacking = held.map(lambda present: [c for c in channels if str(c) not in present])
    if allow_missing:
        reject(table, lacking.str.len() == len(channels), "has none of the channels")
        return
    names = lacking.map(lambda missing: " ".join(map(str, missing)))
    for name in names.unique():
        if name:
            reject(table, names == name, f"lacks channel {name}")


def earlier_rows(table: pd.DataFrame, count: int, spacing_minutes: float) -> np.ndarray:
    """Rows of the images of each sample, and rejects those whose earlier images are missing.

    Args:
        table: of `candidates`, after `reject_channels`.
        count: images of a sample.
        spacing_minutes: time between two of them, minutes; a whole number of archive slots.

    Returns:
        int array, shape (n, count), positions in `table`, oldest image first; -1 where missing.
    """
    slots = pd.to_datetime(table["id"], format=SLOT)
    usable = (table["reason"] == "").to_numpy()
    rows = []
    for step in range(count - 1, -1, -1):
        minutes = step * spacing_minutes
        row = pd.Index(slots).get_indexer(slots - pd.Timedelta(minutes=minutes))
        rows.append(np.where((row >= 0) & usable[row], row, -1))
        if step:
            reject(table, rows[-1] < 0, f"no image {minutes:g} min earlier")
    return np.stack(rows, axis=1)


def check_any(table: pd.DataFrame) -> None:
    """Refuses a table in which nothing is left.

    Raises:
        ValueError: with the commonest reasons.
    """
    if (table["reason"] == "").any():
        return
    counts = table["reason"].value_counts()
    reasons = "; ".join(f"{count} x {reason}" for reason, count in counts.head(4).items())
    raise ValueError(
        f"No sample is left of {len(table)} in the index. Expected at least one with all its "
        f"channels and a known label. Received: {reasons}. Ask for channels and times that are "
        "there, lower minimum_coverage, set quiet_flux for labels of an event list, or make labels "
        "anew with tools/xray_flux_forecast/v4_find_ys.py."
    )


def weights(table: pd.DataFrame) -> np.ndarray:
    """How much each sample counts, float32, shape (n,): 1 / the probability of its choice.

    So flaring times that were chosen more often than others do not count more often. The mean over
    the samples that no reason keeps out is 1.

    Source:
        Horvitz & Thompson 1952 (J. Amer. Stat. Assoc. 47, 663).
    """
    inverse = 1 / table["probability"].to_numpy("float64")
    kept = (table["reason"] == "").to_numpy()
    return (inverse / inverse[kept].mean()).astype("float32")


def caveats(table: pd.DataFrame, leaks: bool) -> tuple[str, ...]:
    """Sentences that must stand beside every score.

    Args:
        table: of `candidates`, with the column "split".
        leaks: whether training may have seen what is forecast.
    """
    train, dealt = table[table["split"] == "train"], table[table["split"] != ""]
    chosen = dealt[dealt["split"] != "train"]["sampling"] != "regular cadence"
    sentences = {
        "SYNTHETIC: the images were drawn, not observed.": dealt["synthetic"].any(),
        "LEAKING: the split is random or by region; training saw what is forecast.": leaks,
        _case_control(dealt): chosen.any(),
        f"FEW SAMPLES: {len(train)} images teach little physics; the scores show that the chain "
        "works, no more.": len(train) < FEW,
    }
    return tuple(sentence for sentence, holds in sentences.items() if holds)


def _case_control(dealt):
    parts = []
    for split in [one for one in ("validation", "test") if (dealt["split"] == one).any()]:
        inverse = 1 / dealt.loc[dealt["split"] == split, "probability"].to_numpy("float64")
        equal = inverse.sum() ** 2 / (inverse**2).sum()  # Kish 1965, Survey Sampling
        parts.append(
            f"the {len(inverse)} samples of {split} tell as much as {equal:.0f} equal ones"
        )
    return (
        "CASE-CONTROL: validation and test times were chosen by their flares. Scores weigh each by "
        "1 / the probability of its choice, which restores the base rate among the times that "
        f"could have been chosen; {', '.join(parts)}."
    )


def check_among(name: str, values: tuple, allowed: tuple, needed: bool = False) -> None:
    """Refuses values of the setting `name` that are unknown, or there twice, or none if `needed`.

    Raises:
        ValueError: naming those that are allowed.
    """
    unknown = [value for value in values if value not in allowed]
    if unknown or len(set(values)) != len(values) or (needed and not values):
        known = "takes each only once" if values else "needs one at least"
        problem = f"does not know {unknown[0]!r}" if unknown else known
        raise ValueError(
            f"The setting {name} {problem}. Expected some of {allowed}. Received: "
            f"{name}={values!r}. Correct it in config.py or on the command line."
        )
