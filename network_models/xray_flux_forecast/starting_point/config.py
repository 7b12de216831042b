"""Settings of this experiment. Copy the folder, edit below, run network.py.

Any field can be set for one run: `python network.py --epochs=3 --channels=171,193`.
"""

import dataclasses

from network_models import experiment


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(experiment.Config):
    """The runner's settings and this experiment's own."""

    # Data
    sdoml: tuple[str, ...] = ()  # folders or addresses of SDOML, to read in place of the store
    channels: tuple[int | str, ...] = (94, 131, 171, 193, 211, 304, 335, 1600)  # Angstrom
    image_size: int = 256  # pixels on a side, averaged from the store's
    aia_image_count: int = 1  # images of a sample, 1 to 4
    image_spacing_minutes: float = 12.0  # time between them
    dependent_variable: str = "forecast"  # or "flux delta": less the flux at the image's time
    lag_minutes: int = 60  # from the image to the forecast window
    catch_minutes: int = 1440  # length of the window whose largest flux is forecast
    side_channels: tuple[str, ...] = ()  # any of current_goes, true_value, hand_tailored
    allow_missing_channels: bool = False  # keep samples that lack some, with a mask beside them
    degradation: str = ""  # table that undoes AIA's ageing, "V10" say, or its file; "" for none
    solar_radius_arcsec: float = 0.0  # that images are scaled to, 976 say; 0: as observed
    log_flux: bool = True  # forecast log10 of the flux, not W m-2
    quiet_flux: float | None = None  # W m-2 where a flare list has no flare; None: left out
    weigh_training: bool = True  # samples chosen by their flares count by 1 / their probability
    minimum_coverage: float = 0.95  # fraction of the window in which the flux was observed
    split: str = "blocks"  # "regions", "harps" and "random" leak, and need allow_leak
    block_days: float = 27.0  # time is dealt to the splits in blocks of this length
    fractions: tuple[float, ...] = (0.7, 0.15, 0.15)  # of training, validation and test
    embargo_days: float = 27.0  # between windows of different splits
    allow_leak: bool = False  # accept a split that lets training see what is forecast
    # Forecast
    head: str = "flux"  # or class (probabilities), quantiles, gaussian (mean and deviation)
    thresholds: tuple[str, ...] = ("C1.0", "M1.0", "X1.0")  # flare classes to be reached
    threshold_scale: str = "operational"  # of these classes, as published; or physical
    levels: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)  # of the quantiles: middles of fifths
    calibration: str = "temperature"  # of probabilities, by validation; or platt, isotonic, none
    # Network
    filters: tuple[int, ...] = (16, 32, 64)  # one convolution and one pooling each
    dropout: float = 0.2  # fraction of the image features that training leaves out
    shift: float = 0.02  # largest shift in training, fraction of the image's side
    rotation: float = 3.0  # largest rotation in training, degrees
    # Training
    learning_rate: float = 1e-3  # of Adam
    clip_norm: float = 1.0  # largest norm of any one gradient


config = Config(epochs=100, batch_size=16)
tiny = dataclasses.replace(  # the smallest that runs every line, on the embedded sample
    config,
    epochs=1,
    batch_size=4,
    image_size=32,
    block_days=4.0,
    embargo_days=0.0,
    filters=(4, 4),
    explained_samples=1,
)
