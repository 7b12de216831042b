"""Solar Region Summaries, fetched one day at a time and kept as `yyyymmddSRS.txt`.

sunpy's SRSClient is not used. It writes under the final name while the bytes arrive, and takes what
a killed run left there for the whole file ever after; it asks once, and looks at no content.
"""

import functools
import logging
import pathlib
from collections.abc import Sequence

import pandas as pd
import requests
from tqdm import tqdm

from dataset_models.sdo.download.region_summaries import (
    ARCHIVE,
    address,
    held_days,
    name_of,
    wrong_summary,
)
from dataset_models.sdo.download.transfer import user_agent
from tools import monthly
from tools.tools import written_whole

NOT_DOWNLOADED = "not_downloaded.csv"  # in the folder of the summaries
COLUMNS = ["day", "status", "asked", "reason"]
SETTLED = pd.Timedelta("90D")  # after a day, until its absence is taken as final
MOST_FAILED = 3  # days in a row, until the server is given up
MOST_ABSENT = 60  # days from the first on: from 1996 to 1998, the worst years, 24 are missing
_LOG = logging.getLogger(__name__)


def fetch_summaries(
    folder: str | pathlib.Path,
    days: Sequence[pd.Timestamp],
    server: str = ARCHIVE,
    *,
    ask_again: bool = False,
    now: pd.Timestamp | None = None,
    pause: float = monthly.PAUSE,
) -> pd.DataFrame:
    """Fetches the summaries of some days that are not here yet.

    One that is here is not asked for again, unless it is damaged. `not_downloaded.csv` lists every
    day that did not come. One that the archive lacks is asked for again, until it was asked for
    `SETTLED` or more after that day, in a run that brought others: an archive that has moved lacks
    all days. A server that fails is asked again after a pause; where it answers with another text,
    such as a page of HTML, the day has failed at once. The next run asks for it, after those that
    were never asked for or longer ago: days that are always wrong stop no other.

    Args:
        folder: `srs` in the data folder.
        days: midnights, UTC; each once.
        server: address of an archive of the same layout, yyyy/mm/yyyymmddSRS.txt.
        ask_again: also for days that are absent for good.
        now: UTC; the clock's, unless given.
        pause: seconds after the first failure at a day; doubled with each.

    Returns:
        DataFrame with a row for each day: "day"; "status", which is "here" (before), "came",
        "absent" or "failed"; "asked", when it was (text; empty where it is here); and "reason", why
        it did not come.

    Raises:
        ConnectionError: the server does not answer, or lacks every day; what came is kept.
        OSError: this machine cannot write.
    """
    folder = pathlib.Path(folder)
    now = monthly.stamp(monthly.utc_now() if now is None else now)
    before = _read(folder / NOT_DOWNLOADED)
    here = held_days(folder)
    known = {} if ask_again else _absent_for_good(before)
    known |= {day: _row(day, "here") for day in here}
    rows = []
    try:
        queue = sorted((day for day in days if day not in known), key=_last_asked(before))
        for row in _asked(queue, server, folder, now, pause):
            rows.append(row)
            _refuse_useless(rows, server, known)
    finally:
        _write(folder / NOT_DOWNLOADED, before, rows, here)
    known |= {row["day"]: row for row in rows}
    return pd.DataFrame([known[day] for day in days], columns=COLUMNS)


def _last_asked(before):
    """A key to sort days by: the time at which each was asked for, "" where it never was."""
    asked = dict(zip(before["day"], before["asked"], strict=True))
    return lambda day: asked.get(day, "")


def _asked(days, server, folder, now, pause):
    with requests.Session() as session:
        session.headers["User-Agent"] = user_agent()
        for day in tqdm(days, desc="Region summaries", unit="day", disable=None):
            yield _fetched(session, server, day, folder, now, pause)


def _fetched(session, server, day, folder, now, pause):
    """Asks for one day, and keeps its summary; the row that says how it ended."""
    url = address(server, day)
    ask = functools.partial(_ask, session, url)
    try:
        content = monthly.fetch_month(ask, str, pause)
    except ConnectionError as error:
        return _row(day, "failed", now, " ".join(str(error).split()))
    if content is None:
        return _row(day, "absent", now, "the archive does not have it")
    reason = wrong_summary(content, day)
    if reason:  # a whole answer: another attempt at once would bring the same
        return _row(day, "failed", now, f"{url} is no summary of that day: {reason}")
    with written_whole(folder / name_of(day)) as temporary:
        temporary.write_bytes(content)
    return _row(day, "came", now)


def _ask(session, url):
    """The bytes of an answer; None where the archive does not have it."""
    answer = session.get(url, timeout=monthly.TIMEOUT)
    if answer.status_code in (404, 410):
        return None
    if answer.status_code != 200:
        raise OSError(f"{url} answers {answer.status_code} {answer.reason}")
    return answer.content


def _refuse_useless(rows, server, known):
    """Gives up a server that does not answer any more, or that lacks day after day."""
    first, last = rows[0], rows[-1]
    if [row["status"] for row in rows[-MOST_FAILED:]] == ["failed"] * MOST_FAILED:
        raise ConnectionError(
            f"{MOST_FAILED} days in a row could not be fetched. Expected Solar Region Summaries "
            f"of {server}. Received: {last['reason']}. What came before is kept: run the same "
            "command again later."
        )
    lacking = [row["status"] for row in rows[: MOST_ABSENT + 1]] == ["absent"] * MOST_ABSENT
    if lacking and not known:
        raise ConnectionError(
            f"{server} has none of the first {MOST_ABSENT} days. Expected Solar Region Summaries "
            f"such as {address(server, first['day'])}. Received: status 404, up to "
            f"{last['day']:%Y-%m-%d}. If the archive has moved, name the address with --server."
        )


def _row(day, status, asked="", reason=""):
    return dict(zip(COLUMNS, (day, status, asked, reason), strict=True))


def _absent_for_good(table):
    """The rows, day -> row, of those that are not asked for again."""
    asked = pd.to_datetime(table["asked"], format="%Y-%m-%dT%H:%M:%S", errors="coerce")
    final = (table["status"] == "absent") & (asked >= table["day"] + SETTLED)
    return {row["day"]: row for row in table[final].to_dict("records")}


def _read(path):
    """What earlier runs wrote."""
    nothing = pd.DataFrame(columns=COLUMNS).astype({"day": "datetime64[ns]"})
    if not path.is_file():
        return nothing
    try:
        table = pd.read_csv(path, keep_default_na=False, dtype=str)[COLUMNS]
        return table.assign(day=pd.to_datetime(table["day"], format="%Y-%m-%d"))
    except (KeyError, ValueError) as error:
        _LOG.warning("%s is damaged, and begun anew. %s", path, " ".join(str(error).split()))
        return nothing


def _write(path, before, rows, here):
    """Replaces what earlier runs wrote of the days that were asked for, and of those here now."""
    found = pd.DataFrame(rows, columns=COLUMNS)
    if not (found["status"] == "came").any():  # then nobody knows whether the archive is well
        found.loc[found["status"] == "absent", "asked"] = ""
    before = before[~before["day"].isin([*found["day"], *here])]
    table = pd.concat([before, found[found["status"] != "came"]]).sort_values("day")
    if len(table) or path.is_file():
        with written_whole(path) as temporary:
            table.to_csv(temporary, index=False, date_format="%Y-%m-%d")
