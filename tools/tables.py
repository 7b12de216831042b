"""Text tables as people write them: comments, a header, rows; errors name the line."""

import dataclasses
import pathlib
import re
import warnings

import numpy as np
import pandas as pd

ENCODING = "utf-8-sig"  # plain UTF-8, with or without the mark that spreadsheets put first
_SCALE = re.compile(r"\bscale:\s*(\w+)")


@dataclasses.dataclass(frozen=True)
class Heading:
    """What stands above the rows of a table.

    Attributes:
        path: the file.
        columns: names of the columns, without the blanks around them.
        comments: number of comment lines (`#`) before the header.
        scale: what a comment `# scale: WORD` says, or None.
    """

    path: pathlib.Path
    columns: tuple[str, ...]
    comments: int
    scale: str | None

    def line(self, row: int) -> int:
        """Line of the file, counted from 1, that holds row `row`, counted from 0."""
        return self.comments + 2 + row


def read_heading(path: str | pathlib.Path) -> Heading:
    """Reads the comment lines and the header of a text table.

    Raises:
        ValueError: if the file is empty or is not text.
    """
    path, comments, scale = pathlib.Path(path), 0, None
    try:
        with path.open(encoding=ENCODING) as file:
            for line in file:
                if not line.startswith("#"):
                    columns = tuple(name.strip().strip('"') for name in line.split(","))
                    return Heading(path, columns, comments, scale)
                comments += 1
                said = _SCALE.search(line)
                scale = said.group(1) if said else scale
    except UnicodeDecodeError:
        raise ValueError(
            f"{path} is not a text table. Expected a CSV file with a header line. "
            "Received bytes that are not UTF-8. Give a CSV file; flux may be FITS or netCDF, too."
        ) from None
    raise ValueError(
        f"{path} is empty. Expected a header line and rows. Received {comments} lines of comment. "
        "Fetch or write the file anew."
    )


def read_rows(heading: Heading, dtype: object = str) -> pd.DataFrame:
    """Reads the rows under `heading`; empty lines and columns without a name are left out.

    The index of the result is the place of each row, as `Heading.line` takes it.

    Args:
        heading: from `read_heading`.
        dtype: type or types of the columns, as pandas takes them.

    Raises:
        ValueError: if there are no rows, or a row has more fields than the header.
    """
    options = {"skiprows": heading.comments, "skip_blank_lines": False, "encoding": ENCODING}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.DtypeWarning)  # checked by `numbers`
            rows = pd.read_csv(heading.path, dtype=dtype, skipinitialspace=True, **options)
    except pd.errors.ParserError as error:
        raise ValueError(
            f"{heading.path} is not a table. Expected {len(heading.columns)} fields in each row: "
            f"{', '.join(heading.columns)}. Received: {error}. Mend or remove that line."
        ) from None
    if rows.dropna(how="all").empty:
        raise ValueError(
            f"{heading.path} has a header and no rows. Expected at least one row of "
            f"{', '.join(heading.columns)}. Fetch or write the file anew."
        )
    _refuse_extra_fields(rows, heading)
    rows = rows.rename(columns=lambda name: str(name).strip()).reset_index(drop=True)
    unnamed = [name for name in rows.columns if name.startswith("Unnamed:")]
    return rows.drop(columns=unnamed).dropna(how="all")


def _refuse_extra_fields(rows, heading):
    # pandas takes fields beyond the header as row labels. Some lists do hold row numbers so.
    labels = rows.index
    if labels.nlevels > 1:
        strange, wrong = np.ones(len(rows), bool), "more"
    else:
        strange = pd.to_numeric(labels, errors="coerce").isna()
        wrong = "more" if strange.all() else f"{labels[np.argmax(strange)]!r} as a row number"
    if strange.any():
        raise ValueError(
            f"{heading.path} is not a table. Expected {len(heading.columns)} fields in each row: "
            f"{', '.join(heading.columns)}. Received {wrong} in line "
            f"{heading.line(int(np.argmax(strange)))}. Name every column in the header, or mend "
            "or remove that line."
        )


def times(values: pd.Series, heading: Heading, optional: bool = False) -> pd.Series:
    """UTC times of a text column, datetime64[us].

    Args:
        values: text in ISO 8601; a zone is converted to UTC, none is taken as UTC.
        heading: of the table, for the message.
        optional: whether a time may be left empty (NaT).

    Raises:
        ValueError: at the first text that is not a time, with its line.
    """
    found = pd.to_datetime(values, format="ISO8601", utc=True, errors="coerce")
    bad = found.isna() & ~(values.isna() & optional)
    refuse_rows(bad, values, heading, "a time such as 2014-01-01T18:52:00")
    return found.dt.tz_localize(None).astype("datetime64[us]")


def numbers(values: pd.Series, heading: Heading) -> pd.Series:
    """Numbers of a column, float64; empty ones are NaN.

    Raises:
        ValueError: at the first text that is not a number, with its line.
    """
    found = pd.to_numeric(values, errors="coerce").astype(np.float64)
    refuse_rows(found.isna() & values.notna(), values, heading, "a number or nothing")
    return found


def scales(rows: pd.DataFrame, heading: Heading) -> pd.Series:
    """What the table says of the scale of each row: its column `scale`, else its comment."""
    said = rows["scale"] if "scale" in rows else pd.Series(None, rows.index, dtype=object)
    return said if heading.scale is None else said.fillna(heading.scale)


def refuse_rows(bad: pd.Series, values: pd.Series, heading: Heading, expected: str) -> None:
    """Raises ValueError about the first row where `bad` is true, if there is one."""
    if not bad.any():
        return
    row = int(np.argmax(bad.to_numpy()))
    line = heading.line(bad.index[row])
    raise ValueError(
        f"{heading.path}, line {line}, column {values.name!r}: expected {expected}. "
        f"Received: {values.iloc[row]!r}. {int(bad.sum())} of {len(bad)} rows are like this. "
        "Mend or remove them."
    )
