"""What a run writes about its network at the end: maps, features, embeddings."""

import warnings

import numpy as np

from dataset_models.dataset import stack
from network_models import decoding, evaluation
from network_models.explanations import embeddings, features, inspection, maps, output_numbers

PARTS = ("maps", "features", "embeddings")  # what a run can write about its network
TYPICAL = 15  # training samples that say what is usual


def explain(run, model, dataset, config):
    """Writes maps/, features/ and embeddings/ of the trained model, as far as `config` asks.

    Maps show samples spread evenly over the first split that was not trained on.

    Args:
        run: `RunFolder`.
        model: trained model, in physical units.
        dataset: `Dataset`.
        config: the run's config.
    """
    if not config.explained_samples or not config.explanations:
        return
    split = dataset.splits[1]
    x, about = samples(dataset, split, spread(dataset, split, config.explained_samples))
    if "maps" in config.explanations and config.map_methods:
        _write_maps(run, model, dataset, config, x, about)
    if "features" in config.explanations:
        features.write_features(model, x, about, run.features)
    if "embeddings" in config.explanations:
        chosen = dataset.splits[1:]
        embeddings.write_embeddings(
            model,
            {name: _decoded_batches(dataset, name, config) for name in chosen},
            {name: _descriptions(dataset, name) for name in chosen},
            run.embeddings,
            units=dataset.units,
        )


def samples(dataset, split, indices):
    """Decoded `x` of some samples, stacked, and what is known about each."""
    generator = np.random.default_rng(0)
    batch = stack([dataset.sample(split, int(i), generator) for i in indices])
    x = decoding.decoded(batch, dataset.decoder())[0]
    return x, [dataset.describe(split, int(i)) for i in indices]


def spread(dataset, split, count):
    """Indices of at most `count` samples, spread evenly over a split."""
    size = dataset.size(split)
    return np.unique(np.linspace(0, size - 1, min(count, size)).astype(int))


def comparison(model, dataset, output=0):
    """What a forecast is compared with when it is dealt out to pixels.

    The baseline is the median of training images, pixel by pixel: the same sky and quiet Sun as in
    every image, without the regions of one day. That leaves the shares to what is special.

    Args:
        model: keras.Model that takes physical units.
        dataset: `Dataset`.
        output: which number is explained, as in `output_numbers.output_number`.

    Returns:
        Dict of "baseline" (dict of name of an image to array, shaped as in a sample) and "scale"
        (standard deviation of the forecasts), the options of `maps.write_maps`.
    """
    split = dataset.splits[0]
    x, _ = samples(dataset, split, spread(dataset, split, TYPICAL))
    count = len(next(iter(x.values())))
    one_by_one = [inspection.one_sample(x, i) for i in range(count)]  # large images take memory
    forecasts = [output_numbers.output_number(model, sample, output)[0] for sample in one_by_one]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a pixel that is missing in all stays so
        baseline = {
            name: np.nanmedian(inspection.as_numpy(x[name]), axis=0)
            for name in inspection.spatial_inputs(x)
        }
        return {"baseline": baseline, "scale": float(np.nanstd(forecasts))}


def _write_maps(run, model, dataset, config, x, about):
    """A method that cannot explain this network is noted in maps/, and the run goes on."""
    compared = comparison(model, dataset) if inspection.spatial_inputs(x) else {}
    options = {"units": dataset.units, "methods": config.map_methods, "skip_unsuitable": True}
    options["output_name"] = output_numbers.name_of(0, model, x, config)
    maps.write_maps(model, x, about, run.maps, **options, **compared)


def _descriptions(dataset, split):
    return [dataset.describe(split, i) for i in range(dataset.size(split))]


def _decoded_batches(dataset, split, config):
    data, decoder = evaluation.batches(dataset, split, config), dataset.decoder()
    return (decoding.decoded(data[i], decoder) for i in range(data.num_batches))
