"""fold-qdq: integer layers out of float layers between casts, text in and out, and where it keeps its hands off."""

import pytest

CONV = """
%x: u8[1,2,5,5]{scale=0.05, zero_point=128} = input
%wq: i8[3,2,3,3]{axis=0, scale=(0.01, 0.02, 0.03)} = ir.param "w"
%x.f: f32[1,2,5,5] = quant.cast %x
%w: f32[3,2,3,3] = quant.cast %wq
"""

INTEGERS = """
%x: u8[1,2,5,5]{scale=0.05, zero_point=128} = input
%wq: i8[3,2,3,3]{axis=0, scale=(0.01, 0.02, 0.03)} = ir.param "w"
"""


def lines(*parts):
    return "\n".join(part.strip() for part in parts)


def test_convolution_with_a_relu_that_the_integers_have_anyway(lab):
    """A result of scale 1: both ways round the same sums, by factors that differ in the last bit."""
    before = lines(
        CONV,
        '%bq: i32[3]{axis=0, scale=(0.0005, 0.001, 0.0015)} = ir.param "b"',
        "%b: f32[3] = quant.cast %bq",
        "%1: f32[1,3,5,5] = nn.conv2d %x.f, %w, %b pads=(1,1,1,1)",
        "%2: f32[1,3,5,5] = nn.relu %1",
        "%3: u8[1,3,5,5]{scale=1.0} = quant.cast %2",
        "return %3",
    )
    after = lines(
        INTEGERS,
        '%bq: i32[3]{axis=0, scale=(0.0005, 0.001, 0.0015)} = ir.param "b"',
        "%1.acc: i32[1,3,5,5]{axis=1, scale=(0.0005, 0.001, 0.0015)} = nn.conv2d %x, %wq, %bq pads=(1,1,1,1)",
        "%3: u8[1,3,5,5]{scale=1.0} = quant.cast %1.acc",
        "return %3",
    )
    lab.check("fold-qdq", before, after)


def test_a_float_bias_is_added_to_the_real_result(lab):
    before = lines(CONV, '%b: f32[3] = ir.param "b"', "%1: f32[1,3,3,3] = nn.conv2d %x.f, %w, %b", "return %1")
    after = lines(
        INTEGERS,
        '%b: f32[3] = ir.param "b"',
        "%1.acc: i32[1,3,3,3]{axis=1, scale=(0.0005, 0.001, 0.0015)} = nn.conv2d %x, %wq",
        "%1.real: f32[1,3,3,3] = quant.cast %1.acc",
        "%b.column: f32[3,1,1] = tensor.reshape %b shape=(3,1,1)",
        "%1: f32[1,3,3,3] = math.add %1.real, %b.column",
        "return %1",
    )
    lab.check("fold-qdq", before, after)


GEMM = """
%x: i8[4,6]{scale=0.05} = input
%wq: i4[5,6]{scale=0.1} = ir.param "w"
"""

RULES = {
    "a weight that is transposed first": (
        lines(
            GEMM,
            "%1: f32[4,6] = quant.cast %x\n%2: f32[5,6] = quant.cast %wq",
            "%3: f32[6,5] = tensor.transpose %2 perm=(1,0)\n%4: f32[4,5] = nn.gemm %1, %3\nreturn %4",
        ),
        lines(
            GEMM,
            "%3.q: i4[6,5]{scale=0.1} = tensor.transpose %wq perm=(1,0)",
            "%4.acc: i32[4,5]{scale=0.005000000000000001} = nn.gemm %x, %3.q\n%4: f32[4,5] = quant.cast %4.acc",
            "return %4",
        ),
    ),
    "a weight with a zero point": (
        lines(
            '%x: i8[4,6]{scale=0.05} = input\n%wq: u8[6,5]{scale=0.1, zero_point=7} = ir.param "w"',
            "%1: f32[4,6] = quant.cast %x\n%2: f32[6,5] = quant.cast %wq\n%3: f32[4,5] = nn.gemm %1, %2\nreturn %3",
        ),
        lines(
            '%x: i8[4,6]{scale=0.05} = input\n%wq.centred: i9[6,5]{scale=0.1} = ir.param "w.centred"',
            "%3.acc: i32[4,5]{scale=0.005000000000000001} = nn.gemm %x, %wq.centred",
            "%3: f32[4,5] = quant.cast %3.acc\nreturn %3",
        ),
    ),
    "a weight with a zero point that is no parameter": (
        lines(
            "%x: i8[4,6]{scale=0.05} = input\n%wq: u8[6,5]{scale=0.1, zero_point=7} = input",
            "%1: f32[4,6] = quant.cast %x\n%2: f32[6,5] = quant.cast %wq\n%3: f32[4,5] = nn.gemm %1, %2\nreturn %3",
        ),
        None,
    ),
    "movement between casts": (
        "%x: u8[1,2,4,4]{scale=0.5, zero_point=3} = input\n%1: f32[1,2,4,4] = quant.cast %x\n"
        "%2: f32[1,2,2,2] = nn.max_pool2d %1 kernel_shape=(2,2) strides=(2,2)\n"
        "%3: f32[1,8] = tensor.reshape %2 shape=(1,8)\n%4: u8[1,8]{scale=0.5, zero_point=3} = quant.cast %3\nreturn %4",
        "%x: u8[1,2,4,4]{scale=0.5, zero_point=3} = input\n"
        "%2.q: u8[1,2,2,2]{scale=0.5, zero_point=3} = nn.max_pool2d %x kernel_shape=(2,2) strides=(2,2)\n"
        "%4: u8[1,8]{scale=0.5, zero_point=3} = tensor.reshape %2.q shape=(1,8)\nreturn %4",
    ),
    "concat of two scales": (
        "%x: u8[2,3]{scale=0.5} = input\n%y: u8[2,3]{scale=0.25} = input\n%1: f32[2,3] = quant.cast %x\n"
        "%2: f32[2,3] = quant.cast %y\n%3: f32[4,3] = tensor.concat %1, %2 axis=0\nreturn %3",
        None,
    ),
    "a scale per channel whose axis goes": (
        "%x: i8[2,3]{axis=1, scale=(0.1, 0.2, 0.3)} = input\n%1: f32[2,3] = quant.cast %x\n"
        "%2: f32[6] = tensor.reshape %1 shape=(6,)\nreturn %2",
        None,
    ),
    "a clip that the integers have anyway": (
        "%x: f32[4] = input\n%1: f32[4] = nn.clip %x low=0.0 high=6.0\n%2: u4[4]{scale=0.4} = quant.cast %1\nreturn %2",
        "%x: f32[4] = input\n%2: u4[4]{scale=0.4} = quant.cast %x\nreturn %2",
    ),
    "a clip that the integers have not": (
        "%x: f32[4] = input\n%1: f32[4] = nn.clip %x low=0.0 high=6.0\n%2: u8[4]{scale=0.4} = quant.cast %1\nreturn %2",
        None,
    ),
    "a relu that the integers have not": (
        "%x: f32[4] = input\n%1: f32[4] = nn.relu %x\n%2: u8[4]{scale=0.1, zero_point=3} = quant.cast %1\nreturn %2",
        None,
    ),
    "padding with another number than 0": (
        "%x: u8[4]{scale=0.1} = input\n%1: f32[4] = quant.cast %x\n"
        "%2: f32[6] = tensor.pad %1 pads=((1,1),) value=1.0\nreturn %2",
        None,
    ),
}


@pytest.mark.parametrize("before, after", RULES.values(), ids=RULES)
def test_rule(lab, before, after):
    lab.check("fold-qdq", before, after)


def test_a_value_that_floats_read_too_stays(lab):
    before = lines(
        GEMM,
        "%1: f32[4,6] = quant.cast %x\n%2: f32[5,6] = quant.cast %wq",
        "%3: f32[4,5] = nn.gemm %1, %2 transpose_b=true\n%4: i8[4,5]{scale=1.0} = quant.cast %3",
        "%5: f32[4,6] = math.exp %1\nreturn %4, %5",
    )
    after = lines(
        GEMM,
        "%1: f32[4,6] = quant.cast %x",
        "%3.acc: i32[4,5]{scale=0.005000000000000001} = nn.gemm %x, %wq transpose_b=true",
        "%4: i8[4,5]{scale=1.0} = quant.cast %3.acc\n%5: f32[4,6] = math.exp %1\nreturn %4, %5",
    )
    lab.check("fold-qdq", before, after)


def test_a_relu_of_signed_integers_comes_before_they_are_rounded(lab):
    before = lines(
        CONV,
        "%1: f32[1,3,3,3] = nn.conv2d %x.f, %w",
        "%2: i8[1,3,3,3]{scale=1.0} = quant.cast %1",
        "%3: f32[1,3,3,3] = quant.cast %2",
        "%4: f32[1,3,3,3] = nn.relu %3",
        "%5: i8[1,3,3,3]{scale=1.0} = quant.cast %4",
        "return %5",
    )
    after = lines(
        INTEGERS,
        "%1.acc: i32[1,3,3,3]{axis=1, scale=(0.0005, 0.001, 0.0015)} = nn.conv2d %x, %wq",
        "%4.acc: i32[1,3,3,3]{axis=1, scale=(0.0005, 0.001, 0.0015)} = nn.relu %1.acc",
        "%5: i8[1,3,3,3]{scale=1.0} = quant.cast %4.acc",
        "return %5",
    )
    lab.check("fold-qdq", before, after)


def test_a_transposed_convolution_multiplies_integers(lab):
    before = lines(
        "%x: u8[1,4,3,3]{scale=0.05, zero_point=128} = input",
        '%wq: i8[4,2,2,2]{scale=0.5} = ir.param "w"',
        "%x.f: f32[1,4,3,3] = quant.cast %x",
        "%w: f32[4,2,2,2] = quant.cast %wq",
        "%1: f32[1,2,6,6] = nn.conv_transpose %x.f, %w strides=(2,2)",
        "return %1",
    )
    after = lines(
        "%x: u8[1,4,3,3]{scale=0.05, zero_point=128} = input",
        '%wq: i8[4,2,2,2]{scale=0.5} = ir.param "w"',
        "%1.acc: i32[1,2,6,6]{scale=0.025} = nn.conv_transpose %x, %wq strides=(2,2)",
        "%1: f32[1,2,6,6] = quant.cast %1.acc",
        "return %1",
    )
    lab.check("fold-qdq", before, after)


JOINED = """
%x: u8[1,2,3,3]{scale=0.5, zero_point=128} = input
%y: u8[1,4,3,3]{scale=0.25} = input
%x.f: f32[1,2,3,3] = quant.cast %x
%y.f: f32[1,4,3,3] = quant.cast %y
%1: f32[1,6,3,3] = tensor.concat %x.f, %y.f axis=1
"""


def test_a_concatenation_of_two_scales_joins_integers_of_a_third(lab):
    before = lines(JOINED, "%2: u8[1,6,3,3]{scale=0.75, zero_point=90} = quant.cast %1", "return %2")
    after = lines(
        "%x: u8[1,2,3,3]{scale=0.5, zero_point=128} = input",
        "%y: u8[1,4,3,3]{scale=0.25} = input",
        "%2.part0: u8[1,2,3,3]{scale=0.75, zero_point=90} = quant.cast %x",
        "%2.part1: u8[1,4,3,3]{scale=0.75, zero_point=90} = quant.cast %y",
        "%2: u8[1,6,3,3]{scale=0.75, zero_point=90} = tensor.concat %2.part0, %2.part1 axis=1",
        "return %2",
    )
    lab.check("fold-qdq", before, after)


def test_a_concatenation_that_floats_read_too_is_not_done_twice(lab):
    text = lines(JOINED, "%2: u8[1,6,3,3]{scale=0.75, zero_point=90} = quant.cast %1", "return %1, %2")
    lab.check("fold-qdq", text, text)
