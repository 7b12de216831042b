"""TensorBoard itself opens the projector's files, and serves what was written."""

import io
import json
import re
import subprocess
import sys
import urllib.parse
import urllib.request

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from PIL import Image

from network_models.explanations import embeddings

COUNT = 15


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Folder and table of an embedding of 15 small images."""
    folder = tmp_path_factory.mktemp("embeddings")
    generator = np.random.default_rng(1)
    images = generator.normal(size=(COUNT, 8, 8, 1)).astype("float32")
    target = np.linspace(-7.5, -3.5, COUNT)[:, None]
    about = [
        {"id": f"sample {i}", "time": f"{2011 + i % 3}-05-01", "channels": ("171",), "marks": ()}
        for i in range(COUNT)
    ]
    entry = keras.Input((8, 8, 1), name="images")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3)(entry))
    model = keras.Model({"images": entry}, layers.Dense(1)(x))
    batches = {"test": [({"images": images}, target)]}
    units = {"target": "log10(W / m2)"}
    return folder, embeddings.write_embeddings(model, batches, {"test": about}, folder, units)


@pytest.fixture(scope="module")
def tensorboard(written):
    """Address of a TensorBoard on this machine, ended with the tests."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(written[0])]
    command += ["--host", "127.0.0.1", "--port", "0", "--load_fast", "false"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        found = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in server.stderr)
        yield next(address.group() for address in found if address)
    finally:
        server.terminate()
        server.wait(timeout=30)
        server.stderr.close()


def get(address, what, **query):
    url = f"{address}/data/plugin/projector/{what}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


@pytest.mark.slow
def test_tensorboard_serves_the_embedding(written, tensorboard):
    folder, table = written
    (run,) = json.loads(get(tensorboard, "runs"))
    (info,) = json.loads(get(tensorboard, "info", run=run))["embeddings"]
    assert info["tensorShape"] == [COUNT, 3]
    query = {"run": run, "name": info["tensorName"]}
    vectors = np.frombuffer(get(tensorboard, "tensor", **query), "float32").reshape(COUNT, 3)
    np.testing.assert_allclose(vectors, embeddings.activations(table), rtol=1e-6)
    served = pd.read_csv(io.BytesIO(get(tensorboard, "metadata", **query)), sep="\t")
    assert served.columns.tolist() == list(embeddings.COLUMNS)
    assert served["id"].tolist() == table["id"].tolist()
    assert served["class"].tolist() == table["class"].tolist()
    assert set(served["class"]) == set("ABCMX")
    assert served["year"].tolist() == [2011, 2012, 2013] * 5
    sprite = get(tensorboard, "sprite_image", **query)
    assert sprite == (folder / "sprite.png").read_bytes()
    side = info["sprite"]["singleImageDim"]
    with Image.open(io.BytesIO(sprite)) as sheet:
        assert sheet.size == (4 * side[0], 4 * side[1])  # 15 samples in a square of 4 x 4
