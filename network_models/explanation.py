"""What a run writes about its network at the end: maps, features, embeddings."""

import numpy as np

from dataset_models.dataset import stack
from network_models import decoding, evaluation
from network_models.explanations import embeddings, features, maps


def explain(run, model, dataset, config):
    """Writes maps/, features/ and embeddings/ of the trained model.

    Maps show samples spread evenly over the first split that was not trained on.

    Args:
        run: `RunFolder`.
        model: trained model, in physical units.
        dataset: `Dataset`.
        config: the run's config.
    """
    if not config.explained_samples:
        return
    split = dataset.splits[1]
    count = min(config.explained_samples, dataset.size(split))
    indices = np.unique(np.linspace(0, dataset.size(split) - 1, count).astype(int))
    x, about = samples(dataset, split, indices)
    maps.write_maps(model, x, about, run.maps, units=dataset.units)
    features.write_features(model, x, about, run.features)
    chosen = dataset.splits[1:]
    embeddings.write_embeddings(
        model,
        {name: _decoded_batches(dataset, name, config) for name in chosen},
        {name: _descriptions(dataset, name) for name in chosen},
        run.embeddings,
    )


def samples(dataset, split, indices):
    """Decoded `x` of some samples, stacked, and what is known about each."""
    generator = np.random.default_rng(0)
    batch = stack([dataset.sample(split, int(i), generator) for i in indices])
    x = decoding.decoded(batch, dataset.decoder())[0]
    return x, [dataset.describe(split, int(i)) for i in indices]


def _descriptions(dataset, split):
    return [dataset.describe(split, i) for i in range(dataset.size(split))]


def _decoded_batches(dataset, split, config):
    data, decoder = evaluation.batches(dataset, split, config), dataset.decoder()
    return (decoding.decoded(data[i], decoder) for i in range(data.num_batches))
