"""Which values the runner's own fields of a config may have."""

import dataclasses
import difflib
import json
import math

from network_models import explanation
from network_models.explanations.methods import METHODS

CHOICES = {
    "precision": ("float32", "mixed_bfloat16", "mixed_float16"),
    "monitor_mode": ("auto", "min", "max"),
}
SEVERAL = {"explanations": explanation.PARTS, "map_methods": tuple(METHODS)}  # any of these
RANGES = {
    **dict.fromkeys(("epochs", "batch_size", "workers", "checkpoint_steps"), (1, math.inf)),
    **dict.fromkeys(("patience", "plateau_patience", "keep_epochs"), (0, math.inf)),
    **{"folds": (0, math.inf), "fold": (1, math.inf)},
    **{"seed": (0, 2**32 - 1), "explained_samples": (0, math.inf), "plateau_factor": (0.01, 0.99)},
}


def check_values(config):
    """Returns `config` if the runner's fields have values that it can run with.

    Raises:
        ValueError: naming the field that does not.
    """
    for name, (low, high) in RANGES.items():
        if not low <= getattr(config, name) <= high:
            raise ValueError(
                f"The field {name} does not fit. Expected {low} to {high}. Received: "
                f"{name}={getattr(config, name)}. Correct it in config.py or with --{name}={low}."
            )
    for name, known in CHOICES.items():
        if getattr(config, name) not in known:
            raise ValueError(
                f"The field {name} does not fit. Expected one of {known}. Received: "
                f"{name}={getattr(config, name)!r}. Correct it in config.py or on the command line."
            )
    for name, known in SEVERAL.items():
        for value in getattr(config, name):
            _check_known(name, value, known)
    for name, value in dataclasses.asdict(config).items():
        _check_finite(name, value)
    return config


def _check_known(name, value, known):
    if value not in known:
        near = difflib.get_close_matches(value, known, n=1, cutoff=0.0)[0]
        raise ValueError(
            f"The field {name} does not fit. Expected any of {known}. Received: {value!r}. Did you "
            f"mean {near!r}? Correct it in config.py or with --{name}={near}; () is none of them."
        )


def _check_finite(name, value):
    """Refuses numbers that config.json could not hold, in tuples too."""
    try:
        json.dumps(value, default=str, allow_nan=False)
    except ValueError:
        raise ValueError(
            f"The field {name} does not fit. Expected finite numbers. Received: {name}={value!r}. "
            "Correct it in config.py or on the command line; None or a large number may do instead."
        ) from None
