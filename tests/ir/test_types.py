"""Element types, quantisation and shapes."""

import numpy as np
import pytest

from gossamer.ir.errors import IRError
from gossamer.ir.types import BF16, BOOL, F16, F32, F64, I4, I8, I16, I32, I64, U4, U8, DType, Quant, TensorType, Value


@pytest.mark.parametrize("dtype", [BOOL, F16, F32, F64, BF16, I4, I8, I16, I32, I64, U4, U8, DType.parse("f8e4m3")])
def test_element_types_come_back_from_their_names(dtype: DType):
    assert DType.parse(str(dtype)) == dtype


@pytest.mark.parametrize(
    "name", ["", "i", "i0", "i17", "i128", "f8", "bf32", "u-1", "float32", "i8 ", "I8", "bool8", "i٣"]
)
def test_other_names_are_no_element_types(name: str):
    with pytest.raises(IRError, match=f"'{name}' is no element type; known: i1..i16, "):
        DType.parse(name)


def test_ranges():
    assert (I8.low, I8.high, U4.low, U4.high, DType("i", 1).low, DType("i", 1).high) == (-128, 127, 0, 15, -1, 0)


@pytest.mark.parametrize(
    ("dtype", "array"),
    [
        (I4, "int8"), (DType("i", 9), "int16"), (DType("u", 12), "uint16"), (I64, "int64"), (BF16, "float32"),
        (BOOL, "bool"),
    ],
)  # fmt: skip
def test_the_array_type_is_the_smallest_that_holds_it(dtype: DType, array: str):
    assert dtype.numpy == np.dtype(array)


def test_kinds():
    assert I8.integer and not I8.floating and BF16.floating and not BOOL.integer and not BOOL.floating


def test_sizes():
    type = TensorType(I4, (2, 3, 4))
    assert (type.rank, type.elements, type.bits) == (3, 24, 96)
    assert TensorType(F32, ()).elements == 1 and TensorType(F32, (0, 3)).elements == 0


@pytest.mark.parametrize(
    ("dtype", "shape", "quant", "message"),
    [
        (F32, (2, -1), None, r"a shape needs whole extents >= 0, found \(2, -1\)"),
        (F32, (2,), Quant((0.1,)), "only integers carry a scale, found f32 with scale"),
        (I8, (2,), Quant((0.0,)), "a scale must be > 0"),
        (I8, (2,), Quant((float("nan"),)), "a scale must be > 0"),
        (I8, (2,), Quant((0.1, 0.2)), r"scale needs 1 values on axis None of \(2,\), found 2 scales and 1 zero points"),
        (I8, (2,), Quant((0.1,), axis=0), "scale needs 2 values on axis 0"),
        (I8, (2,), Quant((0.1, 0.2), axis=1), "axis 1"),
        (I8, (2,), Quant((0.1, 0.2), axis=-1), "axis -1"),
        (I8, (2,), Quant((0.1, 0.2), (1, 2, 3), 0), "found 2 scales and 3 zero points"),
    ],
)
def test_what_is_no_type(dtype: DType, shape: tuple[int, ...], quant: Quant | None, message: str):
    with pytest.raises(IRError, match=message):
        TensorType(dtype, shape, quant)


def test_symmetric_means_no_zero_point():
    assert Quant((0.1,)).symmetric and Quant((0.1,), (0, 0)).symmetric and not Quant((0.1,), (0, 3)).symmetric


def test_values_are_equal_by_name_and_type_and_hash_by_name():
    x, other = Value("x", TensorType(F32, (2,))), Value("x", TensorType(F32, (3,)))
    assert x != other and hash(x) == hash(other) and len({x, other}) == 2 and x.shape == (2,) and x.dtype == F32


def test_a_changed_shape_keeps_the_rest():
    type = TensorType(I8, (2, 3), Quant((0.5,), (1,)))
    assert type.with_shape((6,)) == TensorType(I8, (6,), Quant((0.5,), (1,)))
