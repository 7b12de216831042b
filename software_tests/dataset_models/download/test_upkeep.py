"""Files that are checked again, and fetched anew."""

import pytest

from dataset_models.sdo.download import archive as layout
from dataset_models.sdo.download.fetch import fetch
from dataset_models.sdo.download.manifest import NAME, Manifest
from dataset_models.sdo.download.upkeep import repair, verify
from software_tests.dataset_models.download.faulty_archive import FaultyArchive, contents, slots

PAIRS = [(slot, 171) for slot in slots(5)]
PATHS = [layout.path(*pair) for pair in PAIRS]


@pytest.fixture
def archive():
    with FaultyArchive.of(PAIRS) as found:
        yield found


@pytest.fixture
def folder(archive, tmp_path, hasty):
    """A folder with all files of the archive."""
    fetch(PAIRS, tmp_path, [archive.url], shape=None, patience=hasty)
    return tmp_path


def look(folder):
    return verify(folder, shape=None, progress=False)


def change_header(path):
    """A change that no check of structure, header or data can see."""
    content = path.read_bytes()
    assert b"EXPTIME =                  2.0" in content
    path.write_bytes(
        content.replace(b"EXPTIME =                  2.0", b"EXPTIME =                  2.5")
    )


def test_what_is_as_it_came_is_good(folder):
    findings = look(folder)
    assert findings.good == tuple(PATHS)
    assert findings.sound
    assert str(findings).startswith("5 files are as they came, 0 were found")


def test_any_change_is_found_and_repaired(folder, archive, hasty):
    change_header(folder / PATHS[0])
    (folder / PATHS[1]).unlink()
    (folder / PATHS[2]).write_bytes(b"SIMPLE  =")
    findings = look(folder)
    assert not findings.sound
    assert findings.damaged == (PATHS[0], PATHS[2])
    assert findings.missing == (PATHS[1],)
    assert f"{PATHS[0]}: SHA-256 is not what it was" in str(findings)
    assert f"{PATHS[1]}: missing" in str(findings)
    assert look(folder).damaged == (PATHS[0], PATHS[2])  # found again, and still there
    summary = repair(folder, [archive.url], shape=None, progress=False, patience=hasty)
    assert (summary.wanted, summary.fetched) == (3, 3)
    assert contents(folder) == archive.files
    assert [archive.asked[path] for path in PATHS] == [2, 2, 2, 1, 1]
    assert look(folder).sound


def test_a_fetch_replaces_what_was_found_damaged(folder, archive, hasty):
    change_header(folder / PATHS[0])
    look(folder)
    fetch(PAIRS, folder, [archive.url], shape=None, patience=hasty)
    assert contents(folder) == archive.files


def test_a_damaged_file_stays_until_a_good_one_has_come(folder, archive, hasty):
    change_header(folder / PATHS[0])
    damaged = (folder / PATHS[0]).read_bytes()
    del archive.files[PATHS[0]]
    summary = repair(folder, [archive.url], shape=None, progress=False, patience=hasty)
    assert summary.absent == 1
    assert (folder / PATHS[0]).read_bytes() == damaged


def test_a_file_that_was_put_back_is_good_again(folder, archive):
    change_header(folder / PATHS[0])
    (folder / PATHS[1]).unlink()
    look(folder)
    for path in PATHS[:2]:
        (folder / path).write_bytes(archive.files[path])
    assert look(folder).good == tuple(PATHS)


def test_files_without_a_manifest_are_checked_and_entered(folder, archive, hasty):
    (folder / NAME).unlink()
    (folder / PATHS[0]).write_bytes(archive.files[PATHS[1]][:-1])
    (folder / "AIA20140101_0000_0171.fits").write_text("not where the archive has it")
    (folder / "2014" / "AIA20140101_0000_0999.fits").write_text("no channel of the archive")
    findings = look(folder)
    assert findings.adopted == tuple(PATHS[1:])
    assert findings.damaged == (PATHS[0],)
    assert "cut short" in findings.reasons[PATHS[0]]
    assert fetch(PAIRS[1:], folder, [archive.url], shape=None, patience=hasty).already == 4
    assert max(archive.asked.values()) == 1


def test_an_absent_file_that_appears_is_adopted(folder, archive):
    with Manifest(folder / NAME) as manifest:
        manifest.record(PATHS[0], status="absent", sha256=None)
    assert look(folder).adopted == (PATHS[0],)


def test_parts_that_nobody_will_continue_are_deleted(folder):
    stray = folder / PATHS[0]
    stray = stray.with_name(f".{stray.name}.0123456789ab.part")
    known = stray.with_name(stray.name.replace("0123", "4567"))
    for part in (stray, known):
        part.write_bytes(b"SIMPLE")
    with Manifest(folder / NAME) as manifest:
        manifest.record(PATHS[0], status="part", part=known.name)
    look(folder)
    assert known.exists()
    assert not stray.exists()


def test_there_must_be_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere.*Fetch some first"):
        verify(tmp_path / "nowhere")
