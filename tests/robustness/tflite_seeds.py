"""TensorFlow Lite files to start fuzzing from: tiny ones, mostly structure, and the published ones if they are here."""

import os
from pathlib import Path

import numpy as np

from tests.frontends.tflite_write import Operator, Tensor, write

LARGEST_BYTES = 100_000
I8 = {"dtype": "int8", "scale": (0.05,), "zero": (3,)}
IMAGE = Tensor((1, 4, 4, 2), **I8)


def files() -> list[bytes]:
    """Tiny files come more often: in large ones most mutations hit a weight."""
    return [*_tiny(), *_tiny(), *_published()]


def _tiny() -> list[bytes]:
    return [_integer_layers(), _float_layers(), _shapes()]


def _integer_layers() -> bytes:
    """A convolution with a scale per channel, a pool, a mean, a gemm, a softmax."""
    scales = np.float32([0.01, 0.02, 0.03])
    ones = np.ones((3, 3, 3, 2), np.int8), np.ones(3, np.int32), np.ones((4, 3), np.int8)
    weights = [Tensor(a.shape, a.dtype.name, a, s) for a, s in zip(ones, (scales, scales * 0.05, (0.1,)))]
    sizes = ((1, 4, 4, 3), (1, 2, 2, 3), (1, 3), (1, 4), (1, 4))
    tensors = [IMAGE, *weights, Tensor((2,), "int32", np.int32([1, 2])), *(Tensor(s, **I8) for s in sizes)]
    window = {"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1}
    pool = {"StrideH": 2, "StrideW": 2, "FilterHeight": 2, "FilterWidth": 2}
    operators = [
        Operator("CONV_2D", [0, 1, 2], [5], ("Conv2DOptions", window)),
        Operator("AVERAGE_POOL_2D", [5], [6], ("Pool2DOptions", pool)),
        Operator("MEAN", [6, 4], [7], ("ReducerOptions", {"KeepDims": False})),
        Operator("FULLY_CONNECTED", [7, 3, -1], [8], ("FullyConnectedOptions", {"FusedActivationFunction": 1})),
        Operator("SOFTMAX", [8], [9], ("SoftmaxOptions", {"Beta": 1.0})),
    ]
    return write(tensors, operators, [0], [9])


def _float_layers() -> bytes:
    """A resize, a transposed convolution, a concatenation, a sum with a constant."""
    size, shape = Tensor((2,), "int32", np.int32([8, 8])), Tensor((4,), "int32", np.int32([1, 8, 8, 2]))
    weight = Tensor((2, 2, 2, 2), data=np.ones((2, 2, 2, 2), np.float32))
    image, large, joined = Tensor((1, 4, 4, 2)), Tensor((1, 8, 8, 2)), Tensor((1, 8, 8, 4))
    tensors = [image, size, shape, weight, large, large, joined, Tensor((4,), data=np.ones(4, np.float32)), joined]
    operators = [
        Operator("RESIZE_BILINEAR", [0, 1], [4], ("ResizeBilinearOptions", {"HalfPixelCenters": True})),
        Operator("TRANSPOSE_CONV", [2, 3, 0], [5], ("TransposeConvOptions", {"StrideH": 2, "StrideW": 2})),
        Operator("CONCATENATION", [4, 5], [6], ("ConcatenationOptions", {"Axis": 3})),
        Operator("ADD", [6, 7], [8], ("AddOptions", {"FusedActivationFunction": 3})),
    ]
    return write(tensors, operators, [0], [8])


def _shapes() -> bytes:
    """What moves numbers: pad, strided slice, reshape, transpose, split, gather."""
    lists = ([[0, 0], [1, 1], [1, 1], [0, 0]], [0, 1, 0, 0], [1, 6, 6, 2], [1, 1, 2, 1], [5, -1], [1, 0], [0], [2, 0])
    constants = [Tensor(np.shape(n), "int32", np.int32(n)) for n in lists]
    shapes = ((1, 6, 6, 2), (1, 5, 3, 2), (5, 6), (6, 5), (3, 5), (3, 5), (2, 5))
    tensors = [Tensor((1, 4, 4, 2), open_batch=True), *constants, *map(Tensor, shapes)]
    operators = [
        Operator("PAD", [0, 1], [9], ("PadOptions", {})),
        Operator("STRIDED_SLICE", [9, 2, 3, 4], [10], ("StridedSliceOptions", {"EndMask": 1})),
        Operator("RESHAPE", [10, 5], [11]),
        Operator("TRANSPOSE", [11, 6], [12]),
        Operator("SPLIT", [7, 12], [13, 14], ("SplitOptions", {"NumSplits": 2})),
        Operator("GATHER", [13, 8], [15], ("GatherOptions", {"Axis": 0})),
    ]
    return write(tensors, operators, [0], [14, 15])


def _published() -> list[bytes]:
    """The smaller networks of MLPerf Tiny; none where the published data is not."""
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("GOSSAMER_DATA", root.parent / "shared" / "data")) / "mlperf_tiny_models"
    return [file.read_bytes() for file in sorted(folder.glob("*.tflite")) if file.stat().st_size < LARGEST_BYTES]
