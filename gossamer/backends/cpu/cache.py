"""Where things that take long to make are kept between runs, and the digest of the source that makes code."""

import hashlib
import os
from functools import cache
from pathlib import Path

import gossamer.backends.cpu
import gossamer.codegen.tvm
import gossamer.ir


def cache_folder() -> Path:
    """The user's: $XDG_CACHE_HOME or the home folder's."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "gossamer"


@cache
def generator_digest() -> str:
    """Of the code generator's own source: what another version made is not taken for its own."""
    digest = hashlib.sha256()
    codegen, backend, ir = (
        Path(str(module.__file__)).parent for module in (gossamer.codegen.tvm, gossamer.backends.cpu, gossamer.ir)
    )
    for folder, files in ((codegen, "*.py"), (backend, "*.py"), (backend / "runtime", "*.[ch]"), (ir, "*.py")):
        for file in sorted(folder.glob(files)):
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()
