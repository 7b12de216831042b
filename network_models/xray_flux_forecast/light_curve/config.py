"""Settings of this experiment. Copy the folder, edit below, run network.py.

Any field can be set for one run: `python network.py --test_year=2015 --seeds=1,2,3`.
"""

import dataclasses

from network_models import experiment


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(experiment.Config):
    """The runner's settings and this experiment's own."""

    # Data, in the data folder
    series: str = "goes/GOES15_60min_newest.dat"  # hourly means of one GOES satellite
    flare_lists: tuple[str, ...] = (  # joined
        "flare_lists/swpc_flarelist_20100101-20210810.csv",
        "goes/fl_sle.csv",
    )
    scale: str = "operational"  # of the series' fluxes, or physical
    dependent_variable: str = "flare"  # or "hourly maximum", of the next 24 h
    threshold: float = 1e-5  # W m-2, operational: a flare of M1.0 and above
    test_year: int = 2017  # the year before is for validation, those before it for training
    train_cadence_hours: int = 1  # between training samples
    cadence_hours: int = 24  # between samples of validation and test, from 00 UT on
    embargo_days: float = 27.0  # between windows of different splits
    # Network
    filters: int = 16  # of each convolution over the hours
    units: int = 32  # of the dense layer
    dropout: float = 0.3  # fraction of the dense layer that training leaves out
    # Training
    learning_rate: float = 1e-3  # of Adam


config = Config(epochs=30, batch_size=256, patience=5, plateau_patience=2)
tiny = (
    dataclasses.replace(  # the smallest that runs every line, on dataset_models/goes/sample_files
        config,
        series="light_curve/synthetic_hourly.csv",
        flare_lists=("light_curve/synthetic_flares.csv",),
        scale="physical",
        test_year=2013,
        train_cadence_hours=12,
        epochs=1,
        batch_size=64,
        filters=4,
        units=4,
    )
)
