import dataclasses
import pathlib
import typing

import pytest

from tools import configuration


@dataclasses.dataclass(frozen=True, kw_only=True)
class Base:
    """Stands for the runner's settings."""

    seed: int = 1  # of everything random
    batch_size: int = 16  # images a step
    resume: bool = False
    # a comment on a line of its own belongs to no field


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(Base):
    """Stands for an experiment's settings."""

    batch_size: int = 8  # examples a step
    seed: int = 2
    rate: float = 1e-3
    title: str = "a # in a text is no comment"  # on the plots
    notes: str | None = None
    limit: float | None = None  # W m-2
    channels: tuple[int, ...] = (
        171,
        193,
    )  # Angstrom
    side_channels: tuple[str, ...] = ()
    shape: tuple[int, int] = (4, 4)
    compiled: bool | str = "auto"
    target: typing.Literal["forecast", "flux delta"] = "forecast"
    folder: pathlib.Path = pathlib.Path("data")
    periods: dict[str, tuple[tuple[str, str], ...]] = dataclasses.field(default_factory=dict)


config = Config()


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("batch_size=4", 4),
        ("batch_size=-4", -4),
        ("resume=True", True),
        ("rate=0.5", 0.5),
        ("rate=1e-4", 1e-4),
        ("rate=2", 2.0),
        ("title=3", "3"),
        ("title=a=b, 'c'", "a=b, 'c'"),
        ("title=", ""),
        ("notes=None", None),
        ("notes=two words", "two words"),
        ("limit=None", None),
        ("limit=1", 1.0),
        ("channels=171", (171,)),
        ("channels=171,193,211", (171, 193, 211)),
        ("channels=(171, 193)", (171, 193)),
        ("channels=[171, 193]", (171, 193)),
        ("channels=()", ()),
        ("side_channels=current_goes", ("current_goes",)),
        ("side_channels=current_goes,true_value", ("current_goes", "true_value")),
        ("side_channels='a','b'", ("a", "b")),
        ("side_channels=171,193", ("171", "193")),
        ("shape=2,3", (2, 3)),
        ("compiled=False", False),
        ("compiled=auto", "auto"),
        ("target=flux delta", "flux delta"),
        ("folder=/tmp/x", pathlib.Path("/tmp/x")),
        ("periods={'test': (('2014-01-01', '2014-06-01'),)}",
         {"test": (("2014-01-01", "2014-06-01"),)}),
    ],
)  # fmt: skip
def test_value_follows_the_annotation(word, value):
    field = word.partition("=")[0]
    received = getattr(configuration.override(config, [f"--{word}"]), field)
    assert received == value
    assert type(received) is type(value)


def test_other_fields_and_the_config_itself_stay():
    changed = configuration.override(config, ["--seed=5", "--rate=1.0", "--seed=6"])
    assert changed == dataclasses.replace(config, seed=6, rate=1.0)
    assert config == Config()


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("--batch_size=many", r"--batch_size does not take 'many'. Expected int. Received: "
                              r"--batch_size=many. Write it as in --batch_size=8"),
        ("--batch_size=1.5", "Expected int"),
        ("--batch_size=True", "Expected int"),
        ("--batch_size=", "does not take ''"),
        ("--rate=fast", "Expected float"),
        ("--resume=1", "Expected bool"),
        ("--resume=true", "Expected bool"),
        ("--limit=low", r"Expected float \| None"),
        ("--channels=171,x", r"tuple\[int, ...\].*as in --channels=171,193"),
        ("--channels=171.5", r"tuple\[int, ...\]"),
        ("--channels=", r"tuple\[int, ...\]"),
        ("--side_channels=(a,b", r"tuple\[str, ...\]"),
        ("--shape=1", r"tuple\[int, int\]"),
        ("--shape=1,2,3", r"tuple\[int, int\]"),
        ("--target=flux", "'forecast', 'flux delta'"),
        ("--periods={'test': 3}", "dict"),
        ("--batch_sise=4", "'--batch_sise=4'.*Did you mean --batch_size"),
        ("--batch-size=4", "Did you mean --batch_size"),
        ("-batch_size=4", "Did you mean --batch_size"),
        ("batch_size=4", "Did you mean --batch_size"),
        ("--tinny", "Did you mean --tiny"),
        ("--zzzzzz=4", r"Expected --field=value. --help lists every field"),
        ("--batch_size", "has no value.*Write --batch_size=VALUE, with = and no space"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_refused(word, message):
    with pytest.raises(ValueError, match=message):
        configuration.override(config, [word], options=["--tiny"])


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("seed", "1", "int"),
        ("seed", True, "int"),
        ("rate", None, "float"),
        ("resume", 0, "bool"),
        ("channels", [171], r"tuple\[int, ...\]"),
        ("channels", ("171",), r"tuple\[int, ...\]"),
        ("target", "flux", "forecast"),
    ],
)
def test_a_config_of_wrong_type_is_refused(field, value, kind):
    wrong = dataclasses.replace(config, **{field: value})
    message = f"'{field}' is of the wrong type. Expected .*{kind}.*Received: .*Correct it in"
    with pytest.raises(TypeError, match=message):
        configuration.check(wrong)
    with pytest.raises(TypeError, match=message):
        configuration.override(wrong, [])


def test_an_int_may_stand_for_a_float():
    assert configuration.check(Config(rate=1)).rate == 1


def test_help_lists_every_field_with_type_default_and_meaning():
    lines = dict(line.split(maxsplit=1) for line in configuration.help_text(config).splitlines())
    assert len(lines) == len(dataclasses.fields(config))
    assert lines["--batch_size=8"].split(maxsplit=1) == ["int", "examples a step"]
    assert lines["--channels=171,193"].endswith("Angstrom")
    assert lines["--resume=False"] == "bool"
    assert configuration.meanings(Config)["title"] == "on the plots"
    assert configuration.meanings(Config)["seed"] == "of everything random"  # from the base


def test_a_class_without_source_has_no_meanings():
    made = dataclasses.make_dataclass("Made", [("epochs", int, 3)])
    assert configuration.help_text(made()).split() == ["--epochs=3", "int"]
    assert configuration.override(made(), ["--epochs=4"]).epochs == 4
