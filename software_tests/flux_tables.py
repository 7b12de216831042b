"""Small flux series for tests, as CSV files."""


def written(folder, text, name="flux.csv"):
    """The path of a file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def rows(*lines, head="# scale: physical\ntime,flux\n"):
    """The text of a table."""
    return head + "".join(f"{line}\n" for line in lines)
