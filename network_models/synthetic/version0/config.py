"""Settings of FlareNet's first test run: how hard the synthetic images are, and the network.

Any field can be set for one run: `python network.py --epochs=3 --active_regions=True`.
"""

import dataclasses

from network_models import experiment


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(experiment.Config):
    """The runner's settings and this experiment's own."""

    # Data
    image_size: int = 64  # pixels on a side
    train_size: int = 1000  # number of samples, as in the next two
    validation_size: int = 200
    test_size: int = 200
    signal_channels: int = 4  # channels that know the answer
    noise_channels: int = 4  # channels that do not
    scale_signal_pixels: float = 1.0  # factor on the pixels of signal channels
    scale_noise_pixels: float = 1.0  # factor on the pixels of noise channels
    scale_dependent_variable: float = 1.0  # factor on the level in the target
    additive_noise_variance: float = 0.01  # of the target: the smallest mean squared error there is
    active_regions: bool = False  # the signal arranged in regions that rotate and emerge
    world: int = 1  # seed of the images; `seed` is the network's
    # Network
    filters: tuple[int, ...] = (8, 16, 32)  # one convolution and one pooling each
    # Training
    learning_rate: float = 3e-3


config = Config(epochs=5, batch_size=25)
tiny = dataclasses.replace(  # what software_tests trains
    config,
    epochs=1,
    image_size=16,
    signal_channels=2,
    noise_channels=1,
    train_size=50,
    validation_size=10,
    test_size=10,
    explained_samples=1,
)
