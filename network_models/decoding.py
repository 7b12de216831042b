"""Runs a dataset's decoder in front of a model, on the device, inside the compiled step."""

import keras


def prepare(model, dataset, batch):
    """Builds all state of `model` from one batch, then puts the dataset's decoder before it.

    The model itself stays in physical units: what is saved, explained and loaded again is free of
    the encoding. Errors of shape come here, before the first epoch.

    Args:
        model: compiled keras.Model that takes decoded inputs.
        dataset: `Dataset`.
        batch: what its batches yield.
    """
    decoder = dataset.decoder()
    x, y, weight = keras.utils.unpack_x_y_sample_weight(decoded(batch, decoder))
    prediction = model(x, training=False)
    model.compute_loss(x, y, prediction, sample_weight=weight, training=False)
    model.compute_metrics(x, y, prediction, sample_weight=weight)
    model.reset_metrics()
    model.optimizer.build(model.trainable_variables)
    if decoder is not None:
        _put_before(model, decoder)


def decoded(batch, decoder):
    """`batch` with its `x` in physical units."""
    if decoder is None:
        return batch
    x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
    return keras.utils.pack_x_y_sample_weight(decoder(x), y, weight)


def _put_before(model, decoder):
    """Wraps the three steps that Keras compiles; the batch is the last argument of each."""
    for name in ("train_step", "test_step", "predict_step"):
        step = getattr(model, name)

        def decoding_step(*arguments, step=step):
            return step(*arguments[:-1], decoded(arguments[-1], decoder))

        setattr(model, name, decoding_step)
