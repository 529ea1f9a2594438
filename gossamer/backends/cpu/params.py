"""params.bin: a header of 64 bytes, then every packed parameter at its offset, aligned as vectors are."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gossamer.backends.cpu.manifest import PARAMS
from gossamer.backends.cpu.native import Library
from gossamer.backends.cpu.network import HEADER_BYTES, Network
from gossamer.ir.graph import Array

MAGIC = b"gossamer params\0"


def write_params(folder: Path, network: Network, held: Mapping[int, Array], library: Library) -> str:
    """Write the arrays (by buffer) and give the check sum of them, as the library computes it."""
    data = np.zeros(network.params_bytes, np.uint8)
    for buffer, array in held.items():
        start = network.offsets[buffer]
        data[start : start + array.nbytes] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    checksum = library.checksum(data)
    header = MAGIC + len(data).to_bytes(8, "little") + checksum.to_bytes(8, "little")
    with (folder / PARAMS).open("wb") as file:
        file.write(header.ljust(HEADER_BYTES, b"\0"))
        file.write(data.data)
    return f"{checksum:016x}"
