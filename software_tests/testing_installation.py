"""Checks an installation of FlareNet, and says in plain words what is missing and how to get it.

    python software_tests/testing_installation.py

The tests collect the same checks. What training cannot do without is an error; what only makes it
faster or prettier (a GPU, `dot`, `make`, more disk) is advice, which pytest reports as skipped.
"""

import argparse
import importlib
import importlib.metadata
import os
import pathlib
import re
import shutil
import sys
import tempfile
import warnings

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
INSTALL = f'python -m pip install --editable "{REPOSITORY}[test]"'
MODULES = {  # where a package is imported by another name than it is installed by
    "scikit-learn": "sklearn",
    "feather-format": "feather",
    "protobuf": "google.protobuf",
    "pillow": "PIL",
}
STANDS_IN = {"tensorflow": "tensorflow-cpu"}  # the same, under another name
ENOUGH = 20  # GiB of free disk: a thousand samples of 1024 x 1024 x 8 take 16
NVIDIA = "0x10de"  # its number as a maker of PCI devices


class MissingError(Exception):
    """Something that training needs is not there."""


class Advice(Exception):
    """Something that training can do without is not there."""


def python():
    """The version of Python."""
    version = ".".join(map(str, sys.version_info[:3]))
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        raise MissingError(
            f"Python {version} runs, and FlareNet needs 3.11 to 3.13. Install one of these, and "
            f"make the environment with it: python3.12 -m venv .venv; then {INSTALL}"
        )
    return f"Python {version}"


def packages():
    """The packages of requirements.txt, and that each can be imported."""
    lines = (REPOSITORY / "requirements.txt").read_text().splitlines()
    wanted = [line.split("#")[0].strip() for line in lines]
    wanted = [line for line in wanted if line]
    problems = [problem for line in wanted if (problem := _package_problem(line))]
    if problems:
        raise MissingError(f"Packages: {'; '.join(problems)}. To get what is missing: {INSTALL}")
    return f"{len(wanted)} packages of requirements.txt"


def own_packages():
    """FlareNet's own packages, wherever Python was started."""
    for name in ("tools.tools", "dataset_models.dataset", "network_models.experiment"):
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise MissingError(
                f"Python does not find FlareNet's own {name} ({error}). Install the checkout: "
                f"{INSTALL}; or set PYTHONPATH={REPOSITORY}"
            ) from error
    found = pathlib.Path(module.__file__).parents[1]
    if found != REPOSITORY:
        raise MissingError(
            f"Python imports FlareNet from {found}, and not from this checkout, {REPOSITORY}. "
            f"Install this one: {INSTALL}"
        )
    return f"FlareNet in {found}"


def backend():
    """Keras, and what it computes with."""
    import keras

    name = keras.backend.backend()
    if name != "tensorflow":
        raise Advice(
            f"Keras computes with {name}. Everything runs with TensorFlow; maps and features need "
            "it. To use it, unset KERAS_BACKEND, or set KERAS_BACKEND=tensorflow"
        )
    return f"Keras {keras.__version__} on TensorFlow {importlib.import_module(name).__version__}"


def graphics_card():
    """A GPU, and the libraries that TensorFlow needs to use it."""
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    if devices:
        with tf.device("GPU:0"):
            total = float(tf.reduce_sum(tf.linalg.matmul(tf.ones((8, 8)), tf.ones((8, 8)))))
        if total != 512:  # 64 sums of eight ones
            raise MissingError(f"The GPU computes {total} where 512 is right. Renew its driver.")
        return f"{len(devices)} GPU that TensorFlow uses"
    return _no_graphics_card(card=_has_card(), driver=_has_driver())


def one_step():
    """One step of training of a tiny network."""
    import keras
    import numpy as np

    images = np.linspace(0, 1, 4 * 8 * 8 * 2, dtype="float32").reshape(4, 8, 8, 2)
    inputs = keras.Input((8, 8, 2))
    x = keras.layers.Conv2D(2, 3, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x)))
    model.compile("adam", loss="mse")
    before = [np.array(weight) for weight in model.get_weights()]
    loss = model.fit(images, images.mean((1, 2, 3)), batch_size=4, verbose=0).history["loss"][0]
    moved = any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    if not np.isfinite(loss) or not moved:
        raise MissingError(
            f"A tiny network does not train: the loss is {loss}, and its weights "
            f"{'moved' if moved else 'stayed'}. Install TensorFlow anew: "
            "python -m pip install --force-reinstall tensorflow keras"
        )
    return "a tiny network trains"


def store():
    """A sample written to the store and read again."""
    import numpy as np

    from dataset_models.sdo.store import decode, read_sample, write_sample

    written = np.linspace(-3, 7e4, 64, dtype="float32").reshape(8, 8)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "AIA20140101_0000.fthr"
        about = {"unit": "DN / s", "t_obs": {171: "2014-01-01T00:00:12"}}
        write_sample(file, {171: written}, about)
        read = read_sample(file)
        received = decode(np.array(read.planes[0]), read.metadata["encoding"])
    if not np.allclose(received, written, rtol=1e-3):
        raise MissingError(
            "The sample store does not give back what was written. Install pyarrow anew: "
            "python -m pip install --force-reinstall pyarrow"
        )
    return "the sample store keeps what is written"


def compressed_fits():
    """A FITS image, compressed as the archive of AIA has it, written and read again."""
    import numpy as np
    from astropy.io import fits

    image = np.arange(64 * 64, dtype="int32").reshape(64, 64)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "image.fits"
        fits.CompImageHDU(image, compression_type="RICE_1").writeto(file)
        if not (fits.getdata(file, 1) == image).all():
            raise MissingError(
                "Compressed FITS images come back changed. Install astropy anew: "
                "python -m pip install --force-reinstall astropy"
            )
    return "compressed FITS files"


def data_folder():
    """The folder of all data: that it can be written to."""
    named = os.environ.get("FLARENET_DATA")
    folder = pathlib.Path(named or REPOSITORY / "data").expanduser()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise MissingError(
            f"The data folder {folder} cannot be written to ({there}). Set another one: "
            "export FLARENET_DATA=FOLDER"
        )
    hint = "" if named else "; another one: export FLARENET_DATA=FOLDER"
    return f"data in {folder}{hint}"


def run_folders():
    """The experiments' folders, where runs are written."""
    folder = REPOSITORY / "network_models"
    if not os.access(folder, os.W_OK):
        raise MissingError(
            f"Runs cannot be written below {folder}. Give yourself the right (chmod -R u+w "
            f"{folder}), or train with --output=FOLDER"
        )
    return f"runs below {folder}"


def disk():
    """Free disk where the data lie."""
    folder = pathlib.Path(os.environ.get("FLARENET_DATA") or REPOSITORY).expanduser()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free / 2**30
    if free < ENOUGH:
        raise Advice(
            f"{free:.0f} GiB are free in {there}. A thousand samples of 1024 x 1024 x 8 take 16 "
            "GiB. The embedded sample fits; for real data set FLARENET_DATA to a larger disk"
        )
    return f"{free:.0f} GiB free in {there}"


def dot():
    """Graphviz's `dot`, which draws architecture.png."""
    return _program("dot", "graphviz", "Runs go without architecture.png, the drawing of a network")


def make():
    """`make`, which runs the Makefile's commands."""
    return _program("make", "make", "`make run` and `make test` do not work; the README shows all")


CHECKS = (
    *(python, packages, own_packages, backend, graphics_card, one_step, store, compressed_fits),
    *(data_folder, run_folders, disk, dot, make),
)


def pytest_generate_tests(metafunc):
    metafunc.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])


def test_installation(check):
    import pytest

    try:
        check()
    except Advice as advice:
        pytest.skip(str(advice))
    except MissingError as error:
        pytest.fail(str(error), pytrace=False)


def main(arguments=()):
    """Does every check and prints what it found; 0 if nothing that training needs is missing."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args(arguments)
    failures = 0
    for check in CHECKS:
        try:
            print(f"ok       {check()}")
        except Advice as advice:
            print(f"advice   {advice}.")
        except MissingError as error:
            failures += 1
            print(f"MISSING  {error}")
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001, whatever a broken installation does
            failures += 1
            summary = check.__doc__.rstrip(".")
            print(f"MISSING  {summary}: {type(error).__name__}: {error}. To install: {INSTALL}")
    print("\nFlareNet can train here." if not failures else f"\n{failures} things are missing.")
    return 1 if failures else 0


def _package_problem(line):
    """What is wrong with a package, in words; "" if nothing."""
    name = re.match(r"[\w-]+", line)[0]
    version = _version(name) or _version(STANDS_IN.get(name, name))
    if not version:
        return f"{name} is not installed"
    least = re.search(r">=([\d.]+)", line)
    if least and _numbers(version) < _numbers(least[1]):
        return f"{name} is of version {version}, and {least[1]} is needed"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old names that packages still use
            importlib.import_module(MODULES.get(name, name))
    except Exception as error:  # noqa: BLE001, a broken package may raise anything
        return f"{name} {version} is broken ({type(error).__name__}: {error})"
    return ""


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _numbers(version):
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _no_graphics_card(card, driver):
    """Why TensorFlow sees no GPU, as advice."""
    if driver:
        raise Advice(
            "An NVIDIA GPU and its driver are here, but TensorFlow does not see them: it lacks its "
            'CUDA libraries. To get them (Linux): python -m pip install "tensorflow[and-cuda]"'
        )
    if card:
        raise Advice(
            "An NVIDIA GPU is here, but its driver is not. Install it (Debian: apt-get install "
            "nvidia-driver; Ubuntu: ubuntu-drivers install), start the machine anew, then: "
            'python -m pip install "tensorflow[and-cuda]"'
        )
    raise Advice(
        "No NVIDIA GPU is here: networks train on the CPU, which is slower. Nothing is missing"
    )


def _has_driver():
    return pathlib.Path("/proc/driver/nvidia/version").exists() or bool(shutil.which("nvidia-smi"))


def _has_card(devices="/sys/bus/pci/devices"):
    makers = pathlib.Path(devices).glob("*/vendor")
    return any(maker.read_text().strip() == NVIDIA for maker in makers)


def _program(name, package, without):
    found = shutil.which(name)
    if not found:
        raise Advice(
            f"{without}. To get `{name}`: apt-get install {package} (Debian, Ubuntu), brew install "
            f"{package} (macOS)"
        )
    return f"{name} in {found}"


if __name__ == "__main__":
    try:
        status = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # as of `| head`, which reads no further
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    raise SystemExit(status)
