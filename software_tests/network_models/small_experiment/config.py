"""Settings of the experiment that the runner's tests train."""

import dataclasses

from network_models import experiment


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(experiment.Config):
    """The runner's settings and this experiment's own."""

    samples: int = 96  # of the training split
    dropout: float = 0.3  # share of the activations left out
    learning_rate: float = 0.02  # at the start
    cosine: bool = True  # whether the learning rate falls as a cosine


config = Config(
    epochs=5,
    batch_size=8,
    patience=4,
    plateau_patience=0,
    checkpoint_steps=4,
    keep_epochs=2,
    explained_samples=0,  # it takes longer than training: test_every_experiment does it
)
tiny = dataclasses.replace(config, epochs=1, samples=16)
