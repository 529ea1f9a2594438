"""MNIST from what people have: one .tar.gz of PNGs (`train/7/123.png`) or a folder of IDX files.

Nothing is unpacked to disk: members are read one by one, only files whose path ends in part/class/name.png are looked
at, and sizes are checked before anything is decoded, so that a hostile archive costs neither disk nor memory.
"""

import gzip
import io
import tarfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from gossamer.ir.errors import DataError
from gossamer.search.datasets.base import Dataset, Images, split

LARGEST_PNG_BYTES = 64 * 1024
LARGEST_SIDE = 64
MOST_IMAGES = 200_000
VALIDATION_FRACTION = 1 / 12
WHITE = 255.0
_UNREADABLE = (OSError, EOFError, tarfile.TarError, zlib.error)


def read_mnist(path: Path, seed: int) -> Dataset:
    """DataError, naming the path and the reason, when it is not MNIST in either form."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder (mnist:PATH is a .tar.gz of PNGs or a folder of IDX files)")
    train, held_out = _read_idx(path) if path.is_dir() else _read_tar(path)
    if not len(train) or not len(held_out):
        raise DataError(f"{path}: found {len(train)} training and {len(held_out)} test images, some of both are needed")
    if train.pixels.shape[1:] != held_out.pixels.shape[1:]:
        raise DataError(
            f"{path}: training images are {train.pixels.shape[2:]}, test images {held_out.pixels.shape[2:]}; "
            "one size is needed"
        )
    fitted, validation = split(train, (1 - VALIDATION_FRACTION,), seed)
    return Dataset("mnist", fitted, validation, held_out)


def _read_tar(path: Path) -> tuple[Images, Images]:
    parts: dict[str, tuple[list[NDArray[np.uint8]], list[int]]] = {"train": ([], []), "test": ([], [])}
    count = 0
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                place = _place(member)
                if place is None:
                    continue
                count += 1
                if count > MOST_IMAGES:
                    raise DataError(f"{path}: more than {MOST_IMAGES} images; that is not MNIST")
                pixels, labels = parts[place[0]]
                pixels.append(_decode(path, member, archive.extractfile(member)))
                labels.append(place[1])
    except _UNREADABLE as error:
        raise DataError(f"{path}: is not a readable .tar.gz of PNGs ({error})") from None
    return _images(path, *parts["train"]), _images(path, *parts["test"])


def _place(member: tarfile.TarInfo) -> tuple[str, int] | None:
    """('train' or 'test', class) of a member, None when it is something else."""
    words = member.name.split("/")
    if not member.isfile() or len(words) < 3 or not words[-1].lower().endswith(".png") or words[-1].startswith("."):
        return None
    part, label = words[-3], words[-2]
    return (part, int(label)) if part in ("train", "test") and label.isdecimal() and int(label) < 1000 else None


def _decode(path: Path, member: tarfile.TarInfo, file: IO[bytes] | None) -> NDArray[np.uint8]:
    try:
        from PIL import Image
    except ImportError:
        raise DataError("reading PNGs needs pillow: pip install 'gossamer[search]'") from None
    if file is None or member.size > LARGEST_PNG_BYTES:
        raise DataError(f"{path}: {member.name} has {member.size} bytes, at most {LARGEST_PNG_BYTES} are read")
    try:
        image = Image.open(io.BytesIO(file.read()), formats=("PNG",))
        if max(image.size) > LARGEST_SIDE:
            raise DataError(
                f"{path}: {member.name} is {image.size[0]}x{image.size[1]}, "
                f"at most {LARGEST_SIDE}x{LARGEST_SIDE} is read"
            )
        return np.asarray(image.convert("L"))
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path}: {member.name} is not a readable PNG ({error})") from None


def _images(path: Path, pixels: list[NDArray[np.uint8]], labels: list[int]) -> Images:
    shapes = {image.shape for image in pixels}
    if len(shapes) > 1:
        raise DataError(
            f"{path}: images of several sizes ({', '.join(map(str, sorted(shapes)[:3]))}); one size is needed"
        )
    stacked = np.stack(pixels)[:, None] if pixels else np.zeros((0, 1, 0, 0), np.uint8)
    return Images(stacked, np.array(labels, np.int64), WHITE)


def _read_idx(folder: Path) -> tuple[Images, Images]:
    return _idx_part(folder, "train"), _idx_part(folder, "t10k")


def _idx_part(folder: Path, part: str) -> Images:
    pixels = _read_idx_file(_idx_path(folder, f"{part}-images"), 3)
    labels = _read_idx_file(_idx_path(folder, f"{part}-labels"), 1)
    if len(pixels) != len(labels):
        raise DataError(f"{folder}: {part} has {len(pixels)} images but {len(labels)} labels")
    if max(pixels.shape[1:]) > LARGEST_SIDE:
        raise DataError(f"{folder}: images are {pixels.shape[1:]}, at most {LARGEST_SIDE}x{LARGEST_SIDE} is read")
    return Images(pixels[:, None], labels.astype(np.int64), WHITE)


def _idx_path(folder: Path, stem: str) -> Path:
    found = sorted(p for p in folder.iterdir() if p.name.startswith((f"{stem}-idx", f"{stem}.idx")))
    if not found:
        raise DataError(f"{folder}: no {stem}-idx*-ubyte(.gz) here; MNIST in IDX form has four files")
    return found[0]


def _read_idx_file(path: Path, rank: int) -> NDArray[np.uint8]:
    most = MOST_IMAGES * LARGEST_SIDE * LARGEST_SIDE
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            header = file.read(4 + 4 * rank)
            magic, shape = header[:4], tuple(int.from_bytes(header[i : i + 4], "big") for i in range(4, len(header), 4))
            if magic != bytes((0, 0, 8, rank)) or len(shape) != rank:
                raise DataError(f"{path}: not an IDX file of bytes with {rank} dimensions")
            size = int(np.prod(shape, dtype=np.int64))
            if size > most:
                raise DataError(f"{path}: {size} bytes of pixels; that is not MNIST")
            body = file.read(size)
    except _UNREADABLE as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    if len(body) != size:
        raise DataError(f"{path}: truncated: {len(body)} bytes of {size}")
    return np.frombuffer(body, np.uint8).reshape(shape)
