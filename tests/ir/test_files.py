"""Files appear whole or not at all."""

import errno
from pathlib import Path
from typing import IO

import pytest

from gossamer.ir.errors import DataError
from gossamer.ir.files import write_text, write_whole


def test_a_file_is_replaced_and_its_folder_made(tmp_path: Path) -> None:
    target = write_text(tmp_path / "run" / "a.csv", "old")
    assert write_text(target, "new").read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    def full(out: IO[bytes]) -> None:
        out.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    target = write_text(tmp_path / "a.csv", "old")
    with pytest.raises(OSError, match="No space left"):
        write_whole(target, full)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(DataError, match=r"a\.csv: cannot be written \(is a directory\); the earlier file is untouched"):
        write_text(tmp_path / "a.csv", "new")
    assert [item.name for item in tmp_path.iterdir()] == ["a.csv"]
