"""python fetch_program.py FOLDER URL FILES: fetches into a folder; tests kill it on the way."""

import dataclasses
import json
import sys

from dataset_models.sdo.download.fetch import fetch
from software_tests.dataset_models.download.conftest import HASTY, Patience
from software_tests.dataset_models.download.faulty_archive import slots

folder, url, number = sys.argv[1:]
pairs = [(slot, 171) for slot in slots(int(number))]
try:
    summary = fetch(pairs, folder, [url], 4, shape=None, patience=Patience(**HASTY))
except KeyboardInterrupt:
    raise SystemExit(130) from None
print(json.dumps(dataclasses.asdict(summary)))
