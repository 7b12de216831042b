"""What every dataset and every layer of the house keeps; one call in a test checks all of it."""

import concurrent.futures
import itertools
import pathlib
import tempfile

import keras
import numpy as np

SAMPLES = 8  # looked at one by one in each split


def assert_dataset_contract(dataset, batch_size=2):
    """Checks a `Dataset` against what dataset_models/dataset.py promises.

    Args:
        dataset: small `Dataset`, none of its splits empty: each is read several times.
        batch_size: at most the size of the training split.
    """
    _assert_who_is_where(dataset)
    for split in dataset.splits:
        _assert_samples(dataset, split)
        _assert_pure(dataset, split, batch_size)
        _assert_lengths(dataset, split)
        _assert_decoded(dataset, split, batch_size)


def assert_layer_contract(make, input_shape=(), *, inputs=None, mixed_dtype="bfloat16"):
    """Checks a Keras layer: shapes, precision, saving, and one finite gradient step.

    Args:
        make: function without arguments that gives a new layer.
        input_shape: tuple, the batch axis left out; normal noise of this shape goes in.
        inputs: array, or nested arrays, with a batch axis, to go in in place of noise. NaN is
            allowed where the layer takes it: neither output nor gradient may then be NaN.
        mixed_dtype: str, of the output under the policy mixed_bfloat16.
    """
    if inputs is None:
        inputs = np.random.default_rng(0).normal(size=(2, *input_shape)).astype("float32")
    layer = make()
    outputs = layer(inputs)
    _assert_finite(outputs)
    _assert_foretold(layer, inputs, outputs)
    _assert_mixed_precision(make, inputs, mixed_dtype)
    _assert_saved_whole(make(), inputs)
    _assert_step_finite(make(), inputs)


def _assert_who_is_where(dataset):
    about = {
        split: [dataset.describe(split, i) for i in range(dataset.size(split))]
        for split in dataset.splits
    }
    ids = [sample["id"] for samples in about.values() for sample in samples]
    assert len(set(ids)) == len(ids), "an id stands in two places"
    for sample in itertools.chain(*about.values()):
        assert isinstance(sample["id"], str)
        assert not np.isnat(np.datetime64(sample["time"])), f"{sample['id']} has no time"
        assert set(sample) <= {"id", "time", "channels", "unit", "wcs", "labels", "marks"}
    table = dataset.split_table()
    assert list(table.columns) == ["id", "time", "split", "reason"]
    placed = table[table["split"] != ""]
    for split, samples in about.items():
        assert set(placed["id"][placed["split"] == split]) == {sample["id"] for sample in samples}
    assert len(placed) == len(ids), "split_table holds a sample twice, or one of no split"
    assert (table["reason"][table["split"] == ""] != "").all(), "left out without a reason"
    assert dataset.fingerprint() == dataset.fingerprint()


def _assert_samples(dataset, split):
    for index in range(min(SAMPLES, dataset.size(split))):
        sample, again = (dataset.sample(split, index, np.random.default_rng(7)) for _ in range(2))
        _assert_same(sample, again)
        x, y, weight = keras.utils.unpack_x_y_sample_weight(sample)
        named = {*x, "target"} if y is not None else {*x}
        assert named <= set(dataset.units), f"units lack {named - set(dataset.units)}"
        for target in keras.tree.flatten(y) if y is not None else ():
            _assert_known_or_weightless(target, 1.0 if weight is None else weight)
        if y is not None:
            fixed = dataset.target(split, index)
            assert np.shape(fixed) == np.shape(keras.tree.flatten(y)[0])


def _assert_known_or_weightless(target, weight):
    weight = np.asarray(weight)
    assert np.isfinite(weight).all(), "a weight is not finite"
    assert (weight >= 0).all(), "a weight is negative"
    weight = weight.reshape(weight.shape + (1,) * (np.ndim(target) - weight.ndim))
    assert (np.isfinite(target) | (weight == 0)).all(), "a missing target has a weight"


def _assert_pure(dataset, split, batch_size):
    """Batches depend on (seed, epoch, index) alone: not on the order, threads, or who asks."""
    batches = dataset.batches(split, batch_size, seed=3)
    for epoch in 0, 5:
        batches.epoch = epoch
        again = dataset.batches(split, batch_size, seed=3)
        again.epoch = epoch
        backwards = range(batches.num_batches)[::-1]
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            received = list(pool.map(again.__getitem__, backwards))
        for index, batch in zip(backwards, received, strict=True):
            _assert_same(batches[index], batch)


def _assert_lengths(dataset, split):
    size = dataset.size(split)
    large = max(size - 1, 1)  # leaves a last batch of one sample
    batches = dataset.batches(split, large)
    whole = split == dataset.splits[0]
    assert batches.num_batches == (size // large if whole else -(-size // large))
    last = keras.tree.flatten(batches[batches.num_batches - 1])[0]
    assert len(last) == (large if whole else size - large * (batches.num_batches - 1))


def _assert_decoded(dataset, split, batch_size):
    """The decoder gives `input_shape`; Keras reads the same with one worker and with two."""
    decoder = dataset.decoder() or _identity(dataset.batches(split, batch_size)[0][0])
    read = [
        decoder.predict(dataset.batches(split, batch_size, seed=3, workers=workers), verbose=0)
        for workers in (1, 2)
    ]
    _assert_same(*read)
    batches = dataset.batches(split, batch_size, seed=3)
    parts = [decoder.predict_on_batch(batches[i][0]) for i in range(batches.num_batches)]
    for name, array in read[0].items():
        np.testing.assert_array_equal(array, np.concatenate([part[name] for part in parts]))
        assert not np.isnan(array).all(), f"{name} holds nothing but NaN"
        assert np.issubdtype(array.dtype, np.floating), f"{name} is decoded to {array.dtype}"
    shapes = {name: array.shape[1:] for name, array in read[0].items()}
    expected = {name: tuple(shape) for name, shape in dataset.input_shape.items()}
    assert shapes == expected, f"decoded to {shapes}, but input_shape is {expected}"
    channels = dataset.describe(split, 0).get("channels")
    if channels and "images" in shapes:
        assert shapes["images"][-1] == len(channels), "describe names other channels than x has"


def _identity(x):
    inputs = {n: keras.Input(a.shape[1:], name=n, dtype=a.dtype.name) for n, a in x.items()}
    # Identity in the type of the input: another one would cast what is compared.
    kept = {name: keras.layers.Identity(dtype=t.dtype)(t) for name, t in inputs.items()}
    return keras.Model(inputs, kept)


def _assert_same(first, second):
    """Same nesting, shapes, types and bytes; NaN equals NaN."""
    keras.tree.assert_same_structure(first, second)
    for one, other in zip(keras.tree.flatten(first), keras.tree.flatten(second), strict=True):
        one, other = np.asarray(one), np.asarray(other)
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tobytes() == other.tobytes(), "the same seed gave other bytes"


def _assert_finite(outputs):
    for output in keras.tree.flatten(outputs):
        values = keras.ops.convert_to_numpy(keras.ops.cast(output, "float32"))
        assert np.isfinite(values).all(), "the output is not finite"


def _assert_foretold(layer, inputs, outputs):
    """Shape and type of a symbolic call, from compute_output_shape where there is one, are true."""
    symbols = keras.tree.map_structure(
        lambda array: keras.KerasTensor(array.shape, np.asarray(array).dtype.name), inputs
    )
    foretold, received = (
        [(tuple(o.shape), keras.backend.standardize_dtype(o.dtype)) for o in keras.tree.flatten(y)]
        for y in (layer(symbols), outputs)
    )
    assert foretold == received, f"says {foretold}, gives {received}"


def _assert_mixed_precision(make, inputs, mixed_dtype):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = make()
        outputs = layer(inputs)
    finally:
        keras.config.set_dtype_policy(policy)
    _assert_finite(outputs)
    received = {keras.backend.standardize_dtype(o.dtype) for o in keras.tree.flatten(outputs)}
    assert received == {mixed_dtype}, f"gives {received} under mixed_bfloat16"
    assert all(weight.dtype == "float32" for weight in layer.trainable_weights)


def _assert_saved_whole(layer, inputs):
    model = _model(layer, inputs)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "layer.keras"
        model.save(path)
        loaded = keras.saving.load_model(path, safe_mode=True)
    _assert_same(*(m.predict(inputs, verbose=0) for m in (model, loaded)))


def _assert_step_finite(layer, inputs):
    """One step of training reaches what lies before the layer, and leaves every weight finite."""
    model = _model(layer, inputs, before=_Offset, after=keras.layers.Flatten)
    model.compile(optimizer=keras.optimizers.SGD(1e-3), loss="mse")
    outputs = model(inputs)
    targets = keras.tree.map_structure(lambda o: np.ones(o.shape, "float32"), outputs)
    model.fit(inputs, targets, batch_size=len(keras.tree.flatten(inputs)[0]), verbose=0)
    for weight in model.weights:
        if np.issubdtype(np.asarray(weight).dtype, np.floating):
            assert np.isfinite(np.asarray(weight)).all(), f"{weight.path} is not finite"


def _model(layer, inputs, before=None, after=None):
    entries = keras.tree.map_structure(
        lambda array: keras.Input(array.shape[1:], dtype=np.asarray(array).dtype.name), inputs
    )
    x = entries if before is None else keras.tree.map_structure(lambda e: before()(e), entries)
    y = layer(x)
    return keras.Model(entries, y if after is None else [after()(o) for o in keras.tree.flatten(y)])


class _Offset(keras.layers.Layer):
    """Adds a number that learns and starts at 0: its gradient is that of all inputs together."""

    def __init__(self):
        super().__init__(dtype="float32", autocast=False)

    def build(self, input_shape):
        self.offset = self.add_weight(shape=(), initializer="zeros")

    def call(self, inputs):
        if not keras.backend.is_float_dtype(inputs.dtype):
            return inputs
        return inputs + keras.ops.cast(self.offset, inputs.dtype)
