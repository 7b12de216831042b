"""The contract between a dataset and a network, and the batches that keep it."""

import abc
import copy
import hashlib
import inspect

import keras
import numpy as np
import pandas as pd

from dataset_models import folds as folding
from dataset_models.balance import Balance


class DatasetNotFoundError(FileNotFoundError):
    """The files of a dataset are not where they were looked for.

    Args:
        dataset: str, what is missing.
        folder: where it was looked for.
        commands: list of str, the commands that make it.
    """

    def __init__(self, dataset, folder, commands):
        way_out = "\n".join(f"    {command}" for command in commands)
        super().__init__(
            f"{dataset} was not found. Looked in: {folder}. FLARENET_DATA names the data folder. "
            f"These commands make it:\n{way_out}"
        )


class Dataset(abc.ABC):
    """Images of the Sun, what is to be learnt from them, and who is in which split.

    A sample is `(x,)`, `(x, y)` or `(x, y, weight)`: `x` a dict of named arrays, `y` and `weight`
    arrays. Arrays are `(time, height, width, channel)`, with the axes that do not apply left out.
    Missing is NaN, with weight 0 where it is a target.

    Attributes:
        splits: names of the splits; the first is trained on.
        units: dict, the unit of each named array of `x`, and of "target".
        balance: `Balance` of the classes in training, or None.
    """

    splits = ("train", "validation", "test")
    units: dict[str, str]
    balance = None

    @classmethod
    def from_config(cls, config):
        """The dataset whose arguments are the fields of `config` that bear their names."""
        names = inspect.signature(cls).parameters
        return cls(**{name: getattr(config, name) for name in names if hasattr(config, name)})

    @property
    @abc.abstractmethod
    def input_shape(self):
        """Dict of name to shape of one decoded `x`, the batch axis left out."""

    @abc.abstractmethod
    def size(self, split):
        """Number of samples in `split`."""

    @abc.abstractmethod
    def sample(self, split, index, rng):
        """One sample as it is stored; any chance in it comes from `rng` alone."""

    @abc.abstractmethod
    def describe(self, split, index):
        """Dict about one sample, for tables and pictures.

        Returns:
            "id" (str), "time" (datetime64, UTC), and where they apply "channels" (names, in the
            order of the last axis), "unit", "wcs" (FITS header cards of the decoded image),
            "labels" (dict), "marks" (words that every picture of it must carry, "SYNTHETIC" say).
        """

    def batches(self, split, batch_size, seed=0, workers=1):
        """Returns the finite, seeded `Batches` of `split`."""
        return Batches(self, split, batch_size, seed, workers)

    def arranged(self, config):
        """The dataset as the runner's fields ask for it: one fold, balanced classes, or as it is.

        Args:
            config: with the fields folds, fold, class_edges, class_weights and oversample.

        Raises:
            ValueError: if they do not fit, or ask to balance what is not trained on.
        """
        dataset = self.folded(config.folds, config.fold) if config.folds else self
        if not (config.class_weights or config.oversample):
            return dataset
        dataset = copy.copy(dataset)
        dataset.balance = Balance(
            dataset.targets(self.splits[0]),
            config.class_edges,
            weights=config.class_weights,
            oversample=config.oversample,
        )
        return dataset

    def folded(self, folds, fold):
        """One fold of a purged cross-validation, as a copy: see `folds.folded`."""
        return folding.folded(self, folds, fold)

    def decoder(self):
        """Keras model from a batch's `x` to physical units, run on the device; None if it is so."""
        return None

    def statistics(self, split="train"):
        """Dict of numbers that whiten the inputs; of the training split unless asked by name."""
        raise ValueError(
            f"{type(self).__name__} keeps no statistics. Expected a dataset that does, to whiten "
            f"{split!r} with. Use keras.layers.Rescaling with constants instead."
        )

    def baselines(self, split):
        """Forecasts that need no network, shape as the target's: the mean of the training split."""
        mean = np.nanmean(self.targets("train"), axis=0)
        return {"climatology": np.broadcast_to(mean, (self.size(split), *mean.shape))}

    def class_baselines(self, split, threshold):
        """Probabilities that need no network, that the target reaches `threshold`; {} for none.

        Dict of name to array, shape (n,), for evaluators of targets that are numbers.
        """
        return {}

    def subsets(self, split):
        """Dict of name to bool array, shape (n,): samples that are also scored on their own.

        Each calendar year, unless there is but one; datasets add what matters in their field.
        """
        table = self.split_table()
        years = pd.DatetimeIndex(table.loc[table["split"] == split, "time"]).year.to_numpy()
        every = np.unique(years)
        return {str(year): years == year for year in every} if len(every) > 1 else {}

    def groups(self, split):
        """Dict of name to int array, shape (n,): samples of one number share what they show.

        Intervals draw them together: "regions" (NOAA's numbers), "harps". 0 is unknown; what is
        never known is left out.
        """
        return {}

    def sample_weights(self, split):
        """How much each sample counts in the scores, shape (n,): 1 where times were not chosen.

        Where they were (flaring ones more often, say), it is the inverse of the probability of
        that choice, with a mean of 1; `sample` gives the same as its weight.
        """
        return np.ones(self.size(split), "float32")

    def history(self, split):
        """Numbers of the past for references that regress on them: DataFrame, n rows; or None."""
        return None

    def caveats(self):
        """Sentences that must stand beside every score: a leaking split, too few samples ..."""
        return ()

    def target(self, split, index):
        """The target of one sample, without chance; datasets override it where that is cheaper."""
        return np.asarray(self.sample(split, index, np.random.default_rng(0))[1])

    def targets(self, split):
        """The targets of all samples of a split, shape (n, ...), NaN where unknown."""
        return np.stack([self.target(split, i) for i in range(self.size(split))])

    def split_table(self):
        """DataFrame of who is in which split and who was left out: id, time, split, reason.

        The rows of a split come in the order of its indices; who was left out has split "".
        """
        rows = [
            {"id": about["id"], "time": about["time"], "split": split, "reason": ""}
            for split in self.splits
            for about in (self.describe(split, i) for i in range(self.size(split)))
        ]
        return pd.DataFrame(rows, columns=["id", "time", "split", "reason"])

    def fingerprint(self):
        """SHA-256 over who is in which split: two runs with the same one saw the same samples."""
        table = self.split_table().to_csv(index=False)
        return hashlib.sha256(table.encode()).hexdigest()

    def inputs(self):
        """Dict of name to `keras.Input`, one for each named array of `x`."""
        return {name: keras.Input(shape, name=name) for name, shape in self.input_shape.items()}


class Batches(keras.utils.PyDataset):
    """The batches of one split: a pure function of (seed, epoch, index).

    Training permutes its samples anew each epoch and leaves out the short last batch; the other
    splits come whole and in order.

    Attributes:
        epoch: which epoch's order to give; set before it begins.
        first: how many batches of that epoch to leave out, when a run is resumed inside it.
    """

    def __init__(self, dataset, split, batch_size, seed=0, workers=1):
        super().__init__(workers=workers, max_queue_size=2 * workers)
        _check(dataset, split, batch_size)
        self.dataset, self.split, self.batch_size, self.seed = dataset, split, batch_size, seed
        self.training = split == dataset.splits[0]
        self.epoch = self.first = 0

    @property
    def num_batches(self):
        size = self._balance.size if self._balance else self.dataset.size(self.split)
        whole = size // self.batch_size if self.training else -(-size // self.batch_size)
        return whole - self.first

    def __getitem__(self, index):
        if not 0 <= index < self.num_batches:
            raise IndexError(f"Batch {index} of {self.num_batches} batches of {self.split}.")
        start = (self.first + index) * self.batch_size
        indices = self.order()[start : start + self.batch_size]
        return stack([self._sample(i) for i in indices])

    def order(self):
        """Indices of the samples in the order of this epoch, shape (size,)."""
        size = self.dataset.size(self.split)
        if not self.training:
            return np.arange(size)
        chance = np.random.default_rng([self.seed, self.epoch])
        return self._balance.order(chance) if self._balance else chance.permutation(size)

    def generator(self, index):
        """The source of chance of one sample in this epoch."""
        return np.random.default_rng([self.seed, self.epoch, int(index)])

    @property
    def _balance(self):
        return self.dataset.balance if self.training else None

    def _sample(self, index):
        sample = self.dataset.sample(self.split, index, self.generator(index))
        return self._balance.weighted(sample, index) if self._balance else sample


def stack(samples):
    """Stacks samples of one nesting along a new first axis."""
    return keras.tree.map_structure(_stacked, *samples)


def _stacked(*leaves):
    """`np.stack` into memory on a 64-byte boundary, which TensorFlow takes over without a copy.

    That is four times the samples per second into `fit` (software_tests/benchmarks).
    """
    leaves = [np.asarray(leaf) for leaf in leaves]
    size = leaves[0].nbytes * len(leaves)
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    whole = memory[start : start + size].view(leaves[0].dtype)
    return np.stack(leaves, out=whole.reshape(len(leaves), *leaves[0].shape))


def _check(dataset, split, batch_size):
    if split not in dataset.splits:
        raise ValueError(f"No split {split!r}. Expected one of {dataset.splits}.")
    if batch_size < 1:
        raise ValueError(
            f"A batch needs samples. Expected batch_size of at least 1. Received: {batch_size}."
        )
    size = dataset.size(split)
    if size == 0:
        raise ValueError(
            f"The {split} split is empty. Expected at least one sample of "
            f"{type(dataset).__name__}. split.csv, or dataset.split_table(), says why each sample "
            "was left out; change the split's settings or add data."
        )
    if split == dataset.splits[0] and batch_size > size:
        raise ValueError(
            f"A batch is larger than the {split} split. Expected batch_size of at most {size}. "
            f"Received: batch_size={batch_size}. Lower it with --batch_size={size}."
        )
