import keras
import numpy as np
import pytest

from dataset_models.dataset import Dataset, DatasetNotFoundError, stack
from software_tests import contracts


class Numbers(Dataset):
    """Sample i of a split is an image that holds i, with chance only if asked for."""

    def __init__(self, train=7, validation=5, test=3, chance=0.0):
        self.units = {"images": "DN / s", "target": "W m-2"}
        self.sizes = {"train": train, "validation": validation, "test": test}
        self.chance = chance

    @property
    def input_shape(self):
        return {"images": (2, 2, 1)}

    def size(self, split):
        return self.sizes[split]

    def sample(self, split, index, rng):
        image = np.full((2, 2, 1), index, "float32") + self.chance * rng.random((2, 2, 1))
        missing = index == 1
        target = np.float32([np.nan if missing else index])
        return {"images": image.astype("float32")}, target, np.float32(not missing)

    def describe(self, split, index):
        day = np.timedelta64(100 * self.splits.index(split) + int(index), "D")
        return {
            "id": f"{split} {index}",
            "time": np.datetime64("2014-01-01") + day,
            "channels": ("171",),
        }


class Encoded(Numbers):
    """The same, stored as uint8 with the channel first."""

    def sample(self, split, index, rng):
        x, *others = super().sample(split, index, rng)
        return {"images": x["images"].transpose(2, 0, 1).astype("uint8")}, *others

    def decoder(self):
        stored = keras.Input((1, 2, 2), name="images", dtype="uint8")
        image = keras.layers.Permute((2, 3, 1))(keras.ops.cast(stored, "float32"))
        return keras.Model({"images": stored}, {"images": image})


def seen(batches):
    """The indices of the samples in each batch, told by the pixels."""
    return [x["images"][:, 0, 0, 0].astype(int).tolist() for x, *_ in batches]


@pytest.mark.parametrize("dataset", [Numbers(chance=0.5), Encoded()], ids=["plain", "encoded"])
def test_contract(dataset):
    contracts.assert_dataset_contract(dataset)
    contracts.assert_dataset_contract(dataset, batch_size=3)


def test_training_permutes_anew_each_epoch_and_drops_the_short_batch():
    batches = Numbers().batches("train", 3, seed=1)
    orders = []
    for batches.epoch in range(6):
        orders.append([index for batch in seen(batches) for index in batch])
        assert len(set(orders[-1])) == len(orders[-1]) == 6  # 2 batches of 3; 1 of 7 is left out
    assert len(set(map(tuple, orders))) == 6
    assert set().union(*orders) == set(range(7))  # another one is left out in another epoch


def test_other_splits_come_whole_and_in_order():
    assert seen(Numbers().batches("validation", 2)) == [[0, 1], [2, 3], [4]]
    assert seen(Numbers().batches("test", 8)) == [[0, 1, 2]]


def test_seed_epoch_and_index_are_all_that_matters():
    def pixels(seed, epoch, index, noise=0):
        batches = Numbers(chance=0.5).batches("train", 3, seed=seed)
        batches.epoch = epoch
        for _ in range(noise):  # asking for others first changes nothing
            batches[1]
        return batches[index][0]["images"].tobytes()

    assert pixels(1, 2, 0) == pixels(1, 2, 0, noise=3)
    assert len({pixels(1, 2, 0), pixels(2, 2, 0), pixels(1, 3, 0), pixels(1, 2, 1)}) == 4


def test_chance_is_of_the_sample_and_not_of_its_place():
    first, second = (Numbers(chance=0.5).batches("train", size, seed=4) for size in (1, 7))
    alone = {b.round(6) for b in np.ravel([first[i][0]["images"] for i in range(7)])}
    together = {b.round(6) for b in np.ravel(second[0][0]["images"])}
    assert alone == together


def test_an_epoch_that_was_broken_off_goes_on():
    whole, rest = (Numbers(train=10).batches("train", 3, seed=5) for _ in range(2))
    whole.epoch = rest.epoch = 4
    rest.first = 2
    assert rest.num_batches == 1
    assert seen(rest) == seen(whole)[2:]
    with pytest.raises(IndexError, match="Batch 1 of 1 batches of train"):
        rest[1]


def test_keras_reads_each_sample_once():
    dataset = Numbers(chance=0.5)
    inputs = dataset.inputs()
    model = keras.Model(inputs, keras.layers.Flatten()(inputs["images"]))
    values = model.predict(dataset.batches("validation", 2, workers=2), verbose=0)
    assert values[:, 0].astype(int).tolist() == [0, 1, 2, 3, 4]


def test_stack_keeps_the_nesting():
    samples = [({"a": np.zeros(2), "b": np.int64(i)}, (np.ones(3),)) for i in range(4)]
    x, (y,) = stack(samples)
    assert (x["a"].shape, x["b"].tolist(), y.shape) == ((4, 2), [0, 1, 2, 3], (4, 3))


def test_climatology_is_the_mean_of_the_training_split():
    # Training targets 0, (1 is missing), 2, ... 6: mean 20 / 6.
    baseline = Numbers().baselines("test")["climatology"]
    np.testing.assert_allclose(baseline, np.full((3, 1), 20 / 6), rtol=1e-6)


def test_split_table_and_fingerprint_tell_splits_apart():
    table = Numbers().split_table()
    assert table["split"].value_counts().to_dict() == {"train": 7, "validation": 5, "test": 3}
    assert Numbers().fingerprint() == Numbers().fingerprint() != Numbers(test=4).fingerprint()


@pytest.mark.parametrize(
    ("settings", "split", "batch_size", "message"),
    [
        ({}, "val", 2, r"No split 'val'. Expected one of \('train', 'validation', 'test'\)"),
        ({"test": 0}, "test", 2, r"The test split is empty.*of Numbers.*dataset.split_table"),
        ({}, "train", 8, r"larger than the train split.*at most 7.*batch_size=8.*--batch_size=7"),
    ],
)
def test_batches_that_cannot_be(settings, split, batch_size, message):
    with pytest.raises(ValueError, match=message):
        Numbers(**settings).batches(split, batch_size)


def test_a_dataset_without_statistics_says_so():
    with pytest.raises(ValueError, match=r"Numbers keeps no statistics.*keras.layers.Rescaling"):
        Numbers().statistics()


def test_a_missing_dataset_names_the_commands_that_make_it():
    error = DatasetNotFoundError("The index", "/data/aia", ["python one.py", "python two.py"])
    assert isinstance(error, FileNotFoundError)
    with pytest.raises(
        DatasetNotFoundError,
        match=r"The index was not found. Looked in: /data/aia. FLARENET_DATA(.|\n)*    python two",
    ):
        raise error


class Boastful(keras.layers.Layer):
    """Foretells more than it gives."""

    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 9)


@keras.saving.register_keras_serializable(package="flarenet_tests")
class Steep(keras.layers.Layer):
    """Is finite at 0, but its gradient is not."""

    def call(self, inputs):
        return keras.ops.sqrt(inputs)


class TestContractFindsFaults:
    """The contract itself is tested: each fault below must be found."""

    @pytest.mark.parametrize(
        ("fault", "message"),
        [
            ({"sample": lambda self, split, index, rng: (
                {"unheard": np.ones((2, 2, 1), "float32")},)}, "units lack"),
            ({"input_shape": {"images": (2, 2, 3)}}, "but input_shape is"),
            ({"describe": lambda self, split, index: {
                "id": str(index), "time": np.datetime64("2014-01-01")}}, "id stands in two places"),
            ({"sample": lambda self, split, index, rng: (
                {"images": np.ones((2, 2, 1), "float32")}, np.float32([np.nan]))},
             "missing target has a weight"),
            ({"sample": lambda self, split, index, rng: (
                {"images": np.random.random((2, 2, 1))}, np.float32([1.0]))},  # noqa: NPY002
             "other bytes"),
        ],
    )  # fmt: skip
    def test_dataset(self, fault, message):
        faulty = type("Faulty", (Numbers,), fault)()
        with pytest.raises(AssertionError, match=message):
            contracts.assert_dataset_contract(faulty)

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: keras.layers.Rescaling(np.nan), "output is not finite"),
            (lambda: keras.layers.Dense(2, dtype="float32"), "gives .* under mixed_bfloat16"),
            (Boastful, r"says .*\(2, 9\).*, gives .*\(2, 3\)"),
            (Steep, "is not finite"),
        ],
    )
    def test_layer(self, make, message):
        with pytest.raises(AssertionError, match=message):
            contracts.assert_layer_contract(make, inputs=np.zeros((2, 3), "float32"))

    def test_layer_of_keras_passes(self):
        contracts.assert_layer_contract(lambda: keras.layers.Conv2D(2, 3), (5, 5, 1))
        contracts.assert_layer_contract(lambda: keras.layers.BatchNormalization(), (5,))
