"""Which samples show the same region, as datasets tell it to intervals."""

import numpy as np
import pandas as pd

from dataset_models.synthetic.synthetic import Synthetic
from software_tests.known_archive import DAYS, Archive


def test_regions_are_those_of_the_index(tmp_path):
    archive = Archive(tmp_path, pd.date_range("2014-01-01", periods=2 * DAYS, freq="12h"))
    archive.write()
    archive.label()
    dataset = archive.open()
    assert dataset.groups("test") == {}
    dataset._table["active_region"] = np.arange(len(dataset._table)) // 3
    (found,) = dataset.groups("test").items()
    ids = dataset.split_table().query("split == 'test'")["id"]
    table = dataset._table.set_index("id")
    assert found[0] == "regions"
    assert list(found[1]) == list(table.loc[ids, "active_region"])


def test_a_dataset_that_knows_no_groups():
    assert Synthetic().groups("test") == {}
