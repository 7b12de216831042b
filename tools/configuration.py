"""Settings from the command line: `--field=value` for every field of a frozen dataclass."""

import ast
import dataclasses
import difflib
import inspect
import io
import pathlib
import textwrap
import tokenize
import types
import typing
from collections.abc import Iterable


def override(config, arguments: Iterable[str], options: Iterable[str] = ()):
    """Returns `config` with the fields that `arguments` name set anew, all of them checked.

    Text fields take the value verbatim; other fields take a Python literal of their annotated
    type: `--epochs=3`, `--dropout=0.5`, `--channels=171,193`, `--augment=False`. One value for a
    tuple field becomes a tuple of one; `None` is taken where the annotation allows it. Where a
    field is named twice, the last one holds.

    Args:
        config: instance of a dataclass; it stays as it is.
        arguments: words of the command line, each `--field=value`.
        options: names of options that the caller takes itself, to be offered on a typo as well.

    Raises:
        ValueError: if a word is not `--field=value`, names no field, or its value does not fit.
        TypeError: if `config` itself, as its file wrote it, holds a value of another type.
    """
    hints = _annotations(config)
    values = {}
    for argument in arguments:
        name, value = _parts(argument, hints, options)
        try:
            values[name] = _parsed(value, hints[name])
        except _UnfitError:
            raise ValueError(
                f"--{name} does not take {value!r}. Expected {_spelled(hints[name])}. "
                f"Received: {argument}. Write it as in --{name}={_shown(getattr(config, name))}."
            ) from None
    return check(dataclasses.replace(config, **values))


def check(config):
    """Returns `config` when every field holds a value of its annotated type.

    Raises:
        TypeError: naming the first field that does not.
    """
    for name, kind in _annotations(config).items():
        value = getattr(config, name)
        try:
            _fitted(value, kind)
        except _UnfitError:
            raise TypeError(
                f"The config field {name!r} is of the wrong type. Expected {_spelled(kind)}. "
                f"Received: {name}={value!r} ({type(value).__name__}). Correct it in config.py."
            ) from None
    return config


def help_text(config) -> str:
    """The fields of `config`, one a line: default, type, and meaning.

    The meaning is the comment at the end of the field's line in its class.
    """
    comments = meanings(type(config))
    rows = [
        (f"--{name}={_shown(getattr(config, name))}", _spelled(kind), comments.get(name, ""))
        for name, kind in _annotations(config).items()
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    return "\n".join(
        f"  {option:{widths[0]}}  {kind:{widths[1]}}  {meaning}".rstrip()
        for option, kind, meaning in rows
    )


def meanings(config_class: type) -> dict[str, str]:
    """Dict of field name to the comment on its line, read from the source of the class."""
    found = {}
    for base in reversed(config_class.__mro__[:-1]):
        try:
            source = textwrap.dedent(inspect.getsource(base))
        except (OSError, TypeError):  # made without a file, in a shell say
            continue
        words = tokenize.generate_tokens(io.StringIO(source).readline)
        comments = {w.start[0]: w.string.lstrip("# ") for w in words if w.type == tokenize.COMMENT}
        for node in ast.parse(source).body[0].body:
            if isinstance(node, ast.AnnAssign):
                lines = range(node.lineno, node.end_lineno + 1)
                meaning = " ".join(comments[i] for i in lines if i in comments)
                found[node.target.id] = meaning or found.get(node.target.id, "")
    return found


class _UnfitError(Exception):
    """A value that is not of the type asked for."""


def _annotations(config):
    hints = typing.get_type_hints(type(config))
    return {field.name: hints[field.name] for field in dataclasses.fields(config)}


def _parts(argument, hints, options):
    option, equals, value = argument.partition("=")
    name = option.removeprefix("--")
    if name not in hints or not option.startswith("--"):
        known = [f"--{known}" for known in (*hints, *(o.removeprefix("--") for o in options))]
        near = difflib.get_close_matches(f"--{name.lstrip('-')}", known, n=1)
        offer = f"Did you mean {near[0]}? " if near else ""
        raise ValueError(
            f"No config field answers to {argument!r}. Expected --field=value. {offer}"
            "--help lists every field."
        )
    if not equals:
        raise ValueError(
            f"{argument!r} has no value. Expected the name and the value in one word, "
            f"--{name}={_spelled(hints[name])}. Write --{name}=VALUE, with = and no space."
        )
    return name, value


def _parsed(text, kind):
    """`text` of the command line as a value of type `kind`."""
    origin, members = typing.get_origin(kind), typing.get_args(kind)
    if kind is str or kind is pathlib.Path:
        return kind(text)
    if origin in (typing.Union, types.UnionType):  # text last: it takes anything
        members = sorted(members, key=lambda member: member is str)
        return _first(lambda member: _parsed(text, member), members)
    if origin is typing.Literal and text in members:
        return text
    try:
        value = ast.literal_eval(text)
        if origin is tuple and not isinstance(value, tuple):
            value = (*value,) if isinstance(value, list) else (value,)
        return _fitted(value, kind)
    except (ValueError, SyntaxError, _UnfitError):
        if origin is not tuple or not text or text[0] in "([":
            raise _UnfitError from None
    words = text.split(",")  # words without quotes: --side_channels=current_goes,true_value
    return tuple(_parsed(word, element) for word, element in _pairs(words, members))


def _fitted(value, kind):
    """`value` when it is of type `kind`; an int becomes a float where a float is asked for."""
    origin, members = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _first(lambda member: _fitted(value, member), members)
    if origin is tuple and isinstance(value, tuple):
        return tuple(_fitted(item, element) for item, element in _pairs(value, members))
    if origin is dict and isinstance(value, dict):
        return {_fitted(k, members[0]): _fitted(v, members[1]) for k, v in value.items()}
    if kind is float and type(value) is int:
        return float(value)
    if origin is typing.Literal and value in members:
        return value
    if origin is None and _is_one(value, kind):
        return value
    raise _UnfitError


def _is_one(value, kind):
    if kind in (int, float):  # True is an int to Python, but not to a reader
        return isinstance(value, kind) and not isinstance(value, bool)
    return kind is typing.Any or isinstance(value, kind)


def _first(attempt, members):
    for member in members:
        try:
            return attempt(member)
        except _UnfitError:
            continue
    raise _UnfitError


def _pairs(items, members):
    if members[1:] == (...,):
        return [(item, members[0]) for item in items]
    if len(items) != len(members):
        raise _UnfitError
    return list(zip(items, members, strict=True))


def _spelled(kind):
    return kind.__name__ if isinstance(kind, type) and not typing.get_args(kind) else str(kind)


def _shown(value):
    """`value` as it is written on the command line."""
    if isinstance(value, tuple) and value and not any(isinstance(v, tuple) for v in value):
        return ",".join(str(item) for item in value)
    return str(value)
