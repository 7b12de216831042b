"""Command lines of scripts that hand an experiment's own settings on to it."""

import argparse
import re
import sys

FIELD = re.compile(r"(--\w+)=.*", re.DOTALL)


class FieldParser(argparse.ArgumentParser):
    """A parser of a script's options; every other `--field=value` is the experiment's.

    argparse alone takes an unknown `--field=two words` for a positional argument.

    Args:
        description: what `--help` says, in its own lines.
    """

    def __init__(self, description: str):
        self._names = set()
        super().__init__(
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog="Other options, such as --epochs=3, go to the experiment.",
            allow_abbrev=False,
        )

    def add_argument(self, *names, **settings):
        """As argparse has it."""
        self._names.update(names)
        return super().add_argument(*names, **settings)

    def parse_known_args(self, args=None, namespace=None):
        """Options of the script, and the experiment's fields, as they were given."""
        arguments = sys.argv[1:] if args is None else list(args)
        fields = [argument for argument in arguments if self._is_field(argument)]
        own = [argument for argument in arguments if not self._is_field(argument)]
        options, rest = super().parse_known_args(own, namespace)
        return options, fields + rest

    def _is_field(self, argument):
        found = FIELD.fullmatch(argument)
        return bool(found) and found[1] not in self._names
