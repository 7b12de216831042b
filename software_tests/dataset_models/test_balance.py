import types

import numpy as np
import pytest

from dataset_models.balance import Balance
from dataset_models.dataset import Dataset

TARGETS = np.float32([0, 0, 0, 0, 0, 0, 1, 1, 0, np.nan])  # 7 of class 0, 2 of class 1


class Rare(Dataset):
    """Samples whose x is their index; training has the targets above."""

    units = {"number": "", "target": ""}
    input_shape = {"number": (1,)}

    def __init__(self, weight=None):
        self.weight = weight

    def size(self, split):
        return len(TARGETS)

    def sample(self, split, index, rng):
        x, y = {"number": np.float32([index])}, self.target(split, index)
        if self.weight is None:
            return x, y
        return x, y, np.float32(self.weight)

    def target(self, split, index):
        return TARGETS[index, None]

    def describe(self, split, index):
        return {"id": f"{split} {index}", "time": np.datetime64("2014-01-01")}


def asked(**changes):
    fields = {"folds": 0, "fold": 1, "class_edges": (0.5,)}
    return types.SimpleNamespace(**fields | {"class_weights": False, "oversample": ()} | changes)


def test_weights_by_hand():
    # 9 known samples in 2 classes: 9 / (2 * 7) and 9 / (2 * 2); their mean is 1.
    balance = Balance(TARGETS, (0.5,), weights=True)
    assert balance.weight(0) == pytest.approx(9 / 14)
    assert balance.weight(6) == pytest.approx(9 / 4)
    assert balance.weight(9) == 1  # unknown
    assert np.mean([balance.weight(i) for i in range(9)]) == pytest.approx(1)


@pytest.mark.parametrize("own", [None, 2.0])
def test_training_batches_alone_carry_the_weights(own):
    dataset = Rare(own).arranged(asked(class_weights=True))
    training = dataset.batches("train", 10)
    (x, _, weight), *_ = [training[0]]
    index = x["number"][:, 0].astype(int)
    by_hand = np.where(TARGETS == 1, 9 / 4, np.where(TARGETS == 0, 9 / 14, 1)) * (own or 1)
    np.testing.assert_allclose(weight, by_hand[index], rtol=1e-6)
    training.training = False  # as scores are computed
    assert len(training[0]) == (2 if own is None else 3)
    assert len(dataset.batches("test", 10)[0]) == (2 if own is None else 3)
    assert Rare(own).balance is None


def test_oversampling_gives_each_class_as_often():
    dataset = Rare().arranged(asked(oversample=("train",)))
    batches = dataset.batches("train", 7, seed=4)
    assert batches.num_batches == 2  # 7 of each class
    orders = []
    for batches.epoch in range(5):
        orders.append(batches.order())
        classes = TARGETS[orders[-1]]
        assert (classes == 0).sum() == (classes == 1).sum() == 7
        assert set(orders[-1]) == {*range(9)}  # none is lost; 6 and 7 come 3 or 4 times
        assert sorted(np.bincount(orders[-1])[6:8]) == [3, 4]
    assert len({tuple(order) for order in orders}) == 5
    again = dataset.batches("train", 7, seed=4)
    np.testing.assert_array_equal(again.order(), orders[0])
    assert dataset.batches("test", 7).num_batches == 2  # 10 samples, as they are
    np.testing.assert_array_equal(dataset.batches("test", 7).order(), np.arange(10))


def test_three_classes_of_log_flux():
    targets = np.array([-6.5, -6.0, -5.5, -5.5, -4.9])  # at an edge: the class above
    balance = Balance(targets, (-6, -5), weights=True)
    found = [balance.weight(i) for i in range(5)]
    assert found == pytest.approx([5 / 3, 5 / 9, 5 / 9, 5 / 9, 5 / 3])


def test_without_the_fields_nothing_changes():
    dataset = Rare()
    assert dataset.arranged(asked()) is dataset


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"oversample": ("test",)}, "test cannot be oversampled.*flares more often than ours"),
        ({"oversample": ("train", "validation")}, "validation cannot be oversampled"),
        ({"oversample": ("train",), "class_weights": True}, "count rare classes twice"),
        ({"class_weights": True, "class_edges": ()}, "no edges, or edges that do not rise"),
        ({"class_weights": True, "class_edges": (1.0, 0.5)}, "edges that do not rise"),
        ({"class_weights": True, "class_edges": (3.0,)}, "one class alone.*9 known targets from 0"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Rare().arranged(asked(**changes))


def test_images_have_no_class():
    with pytest.raises(ValueError, match=r"one number for each sample.*shape \(4,\)"):
        Balance(np.zeros((3, 4)), (0.5,), weights=True)
