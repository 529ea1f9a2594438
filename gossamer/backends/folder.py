"""The folder a compiled network is kept in, the same for every target.

It holds `manifest.json`, a JSON object whose "target" names the backend that can load it; the rest is the target's own.
"""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from gossamer.ir.errors import BackendError

MANIFEST = "manifest.json"


def target_of(folder: Path) -> str:
    """The target a saved artifact was built for. Raises OSError, ValueError, KeyError or TypeError without one."""
    return str(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["target"])


def write_folder(folder: Path, target: str, write: Callable[[Path], object]) -> None:
    """Let `write` fill a folder beside the files of an older artifact, then move the new ones over them.

    Raises BackendError when `folder` holds anything but an artifact of `target`, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not _holds(folder, target):
            raise BackendError(f"{folder}: holds files that are no artifact, needed an empty or new folder")
        with TemporaryDirectory(prefix=".partial-", dir=folder) as partial:
            write(Path(partial))
            # the older artifact stays whole until the new one is; its manifest goes last
            for file in sorted(Path(partial).iterdir(), key=lambda f: (f.name == MANIFEST, f.name)):
                file.replace(folder / file.name)
    except OSError as error:
        raise BackendError(f"{folder}: cannot be written ({error.strerror or error})") from error


def _holds(folder: Path, target: str) -> bool:
    """Whether the manifest there is one of this target's; other programs write files of that name too."""
    try:
        return target_of(folder) == target
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
