"""recognise: composites in the forms that exporters write, text in and out, and where it has to keep its hands off."""

from math import pi, sqrt
from textwrap import dedent

import numpy as np
import pytest

from gossamer.ir.graph import Params
from gossamer.ir.ops import Param
from gossamer.ir.text import parse_module
from gossamer.ir.verify import verify
from gossamer.passes.recognise import Recognise


def module(lab, text):
    """Parsed; a parameter whose name is a number is that number, the others are random."""
    parsed = parse_module(f"module test\n{dedent(text).strip()}\n")
    params = {n.op.ref: numbers(lab, n.op) for n in parsed.graph.nodes if isinstance(n.op, Param)}
    return verify(parsed.with_graph(parsed.graph, Params(params)), load=True)


def numbers(lab, op):
    try:
        return np.full(op.type.shape, float(op.ref), op.type.dtype.numpy)
    except ValueError:
        return lab.random(op.type, op.ref)


def check(lab, before, after=None, tolerance=1e-5):
    old = module(lab, before)
    new = Recognise().run(old)
    assert lab.body(new) == dedent(before if after is None else after).strip()
    assert new is old or after is not None
    lab.same(old, new, tolerance)
    assert Recognise().run(new) == new


def constant(name, number, shape="[]"):
    return f'%{name}: f32{shape} = ir.param "{number!r}"\n'


HEAD = "%x: f32[2,3,4] = input\n"
HALF, ONE = constant("half", 0.5), constant("one", 1.0)
ROOT, INVERSE = constant("root", float(np.float32(sqrt(2)))), constant("inverse", float(np.float32(1 / sqrt(2))))

ERF = "%u: f32[2,3,4] = math.div %x, %root\n%e: f32[2,3,4] = math.erf %u\n%g: f32[2,3,4] = math.add %e, %one\n"
GELU = {
    "as torch exports it": ROOT + ONE + HALF + ERF
    + "%p: f32[2,3,4] = math.mul %x, %g\n%y: f32[2,3,4] = math.mul %p, %half\nreturn %y",
    "the half first": ROOT + ONE + HALF + ERF
    + "%p: f32[2,3,4] = math.mul %half, %x\n%y: f32[2,3,4] = math.mul %p, %g\nreturn %y",
    "the half with the gate": ROOT + ONE + HALF + ERF
    + "%p: f32[2,3,4] = math.mul %g, %half\n%y: f32[2,3,4] = math.mul %p, %x\nreturn %y",
    "times 1 / root 2": INVERSE + ONE + HALF
    + "%u: f32[2,3,4] = math.mul %inverse, %x\n%e: f32[2,3,4] = math.erf %u\n%g: f32[2,3,4] = math.add %one, %e\n"
    + "%p: f32[2,3,4] = math.mul %x, %g\n%y: f32[2,3,4] = math.mul %half, %p\nreturn %y",
    "divided by 2": ROOT + ONE + constant("two", 2.0) + ERF
    + "%p: f32[2,3,4] = math.mul %x, %g\n%y: f32[2,3,4] = math.div %p, %two\nreturn %y",
}  # fmt: skip


@pytest.mark.parametrize("form", GELU, ids=lambda f: f.replace(" ", "_"))
def test_gelu(form, lab):
    check(lab, HEAD + GELU[form], HEAD + "%y: f32[2,3,4] = nn.gelu %x\nreturn %y")


def test_gelu_of_a_product(lab):
    """x is a product itself: its own factors are not the pattern's."""
    head = HEAD + "%z: f32[2,3,4] = math.mul %x, %x\n"
    text = GELU["as torch exports it"].replace("%x", "%z")
    check(lab, head + text, head + "%y: f32[2,3,4] = nn.gelu %z\nreturn %y")


TANH = constant("third", 0.044715) + constant("k", float(np.float32(sqrt(2 / pi)))) + ONE + HALF
TAIL = (
    "%t: f32[2,3,4] = math.mul %c, %third\n%s: f32[2,3,4] = math.add %x, %t\n%u: f32[2,3,4] = math.mul %s, %k\n"
    "%e: f32[2,3,4] = math.tanh %u\n%g: f32[2,3,4] = math.add %e, %one\n%p: f32[2,3,4] = math.mul %x, %g\n"
    "%y: f32[2,3,4] = math.mul %p, %half\nreturn %y"
).replace("math.tanh", "nn.tanh")
CUBES = {
    "a power": constant("three", 3.0) + "%c: f32[2,3,4] = math.pow %x, %three\n",
    "products": "%q: f32[2,3,4] = math.mul %x, %x\n%c: f32[2,3,4] = math.mul %q, %x\n",
}


@pytest.mark.parametrize("form", CUBES, ids=lambda f: f.replace(" ", "_"))
def test_gelu_with_the_tangent(form, lab):
    check(lab, HEAD + TANH + CUBES[form] + TAIL, HEAD + "%y: f32[2,3,4] = nn.gelu %x approximate=true\nreturn %y")


WRONG = {
    "another root": (ROOT, constant("root", 1.5)),
    "another half": (HALF, constant("half", 0.25)),
    "another one": (ONE, constant("one", 2.0)),
    "another factor": ("math.mul %x, %g", "math.mul %e, %g"),
}


@pytest.mark.parametrize("change", WRONG, ids=lambda c: c.replace(" ", "_"))
def test_what_is_not_quite_a_gelu(change, lab):
    old, new = WRONG[change]
    check(lab, HEAD + GELU["as torch exports it"].replace(old, new))


MEAN = "%m: f32[2,3,1] = math.reduce_mean %x axes=(2,) keepdims=true\n%d: f32[2,3,4] = math.sub %x, %m\n"
SQUARES = {
    "a power": constant("two", 2.0) + MEAN + "%q: f32[2,3,4] = math.pow %d, %two\n",
    "a product": MEAN + "%q: f32[2,3,4] = math.mul %d, %d\n",
    "a second difference": MEAN + "%d2: f32[2,3,4] = math.sub %x, %m\n%q: f32[2,3,4] = math.mul %d2, %d2\n",
}
REST = (
    constant("eps", 1e-05)
    + "%v: f32[2,3,1] = math.reduce_mean %q axes=(-1,) keepdims=true\n%w: f32[2,3,1] = math.add %v, %eps\n"
    "%s: f32[2,3,1] = math.sqrt %w\n"
)
"""`keepdims=true` is a default, so that it is not printed."""
QUOTIENTS = {
    "divided": "%y: f32[2,3,4] = math.div %d, %s\n",
    "times the inverse": ONE + "%i: f32[2,3,1] = math.div %one, %s\n%y: f32[2,3,4] = math.mul %d, %i\n",
}


@pytest.mark.parametrize("quotient", QUOTIENTS, ids=lambda f: f.replace(" ", "_"))
@pytest.mark.parametrize("square", SQUARES, ids=lambda f: f.replace(" ", "_"))
def test_layer_norm(square, quotient, lab):
    text = HEAD + SQUARES[square] + REST + QUOTIENTS[quotient] + "return %y"
    check(lab, plain(text), HEAD + "%y: f32[2,3,4] = nn.layer_norm %x axis=2\nreturn %y")


def plain(text):
    return text.replace(" keepdims=true", "")


AFFINE = (
    '%scale: f32[4] = ir.param "scale"\n%bias: f32[4] = ir.param "bias"\n'
    "%z: f32[2,3,4] = math.mul %y, %scale\n%o: f32[2,3,4] = math.add %bias, %z\n"
)
NORM = HEAD + SQUARES["a product"] + REST + QUOTIENTS["divided"]


def test_layer_norm_with_scale_and_bias(lab):
    check(
        lab,
        plain(NORM + AFFINE + "return %o"),
        HEAD + '%scale: f32[4] = ir.param "scale"\n%bias: f32[4] = ir.param "bias"\n'
        "%o: f32[2,3,4] = nn.layer_norm %x, %scale, %bias axis=2\nreturn %o",
    )


def test_a_norm_that_is_used_without_its_scale_stays_apart(lab):
    check(
        lab,
        plain(NORM + AFFINE + "return %o, %y"),
        HEAD + "%y: f32[2,3,4] = nn.layer_norm %x axis=2\n" + AFFINE + "return %o, %y",
    )


def test_a_scale_that_is_no_row_stays_apart(lab):
    scale = '%scale: f32[3,1] = ir.param "scale"\n%z: f32[2,3,4] = math.mul %y, %scale\nreturn %z'
    check(lab, plain(NORM + scale), HEAD + "%y: f32[2,3,4] = nn.layer_norm %x axis=2\n" + scale)


NOT_NORMS = {
    "other axes": ("axes=(-1,)", "axes=(1,)"),
    "axes in front": ("axes=(2,)", "axes=(0,)"),
    "another difference": ("math.mul %d, %d\n", "math.mul %d, %x\n"),
}


@pytest.mark.parametrize("change", NOT_NORMS, ids=lambda c: c.replace(" ", "_"))
def test_what_is_not_quite_a_layer_norm(change, lab):
    text = plain(NORM + "return %y").replace(*NOT_NORMS[change])
    if change == "other axes":
        text = text.replace("f32[2,3,1] = math.reduce_mean %q", "f32[2,1,4] = math.reduce_mean %q")
        text = text.replace("f32[2,3,1] = math.add", "f32[2,1,4] = math.add")
        text = text.replace("f32[2,3,1] = math.sqrt", "f32[2,1,4] = math.sqrt")
    if change == "axes in front":
        text = text.replace("f32[2,3,1] = math.reduce_mean %x", "f32[1,3,4] = math.reduce_mean %x")
    if change == "another difference":  # whose mean may be negative: no square root of it
        text = text.replace(repr(1e-05), repr(100.0))
    check(lab, text)


@pytest.mark.parametrize("change", [(repr(1e-05), repr(-0.5)), ("[2,3,4]", "[2,3,0]")], ids=["epsilon", "no_elements"])
def test_what_layer_norm_refuses_stays(change, lab):
    before = module(lab, plain(NORM + "return %y").replace(*change))
    assert Recognise().run(before) is before


SIX = constant("three", 3.0) + constant("six", 6.0)
CLIPPED = "%a: f32[2,3,4] = math.add %x, %three\n%c: f32[2,3,4] = nn.clip %a low=0.0 high=6.0\n"


def test_hard_sigmoid(lab):
    before = HEAD + SIX + CLIPPED + "%y: f32[2,3,4] = math.div %c, %six\nreturn %y"
    check(lab, before, HEAD + "%y: f32[2,3,4] = nn.hard_sigmoid %x\nreturn %y")


def test_hard_swish(lab):
    tail = "%p: f32[2,3,4] = math.mul %x, %c\n%y: f32[2,3,4] = math.div %p, %six\nreturn %y"
    check(lab, HEAD + SIX + CLIPPED + tail, HEAD + "%y: f32[2,3,4] = nn.hard_swish %x\nreturn %y")


def test_clips_to_other_ends_stay(lab):
    check(lab, HEAD + SIX + CLIPPED.replace("6.0", "5.0") + "%y: f32[2,3,4] = math.div %c, %six\nreturn %y")


def test_sigmoid(lab):
    body = "%n: f32[2,3,4] = math.neg %x\n%e: f32[2,3,4] = math.exp %n\n%d: f32[2,3,4] = math.add %one, %e\n"
    before = HEAD + ONE + body + "%y: f32[2,3,4] = math.div %one, %d\nreturn %y"
    check(lab, before, HEAD + "%y: f32[2,3,4] = nn.sigmoid %x\nreturn %y")


def test_powers_by_repeated_squaring_take_no_time(lab):
    """Their factors would be 2^60."""
    squares = "".join(f"%{i + 1}: f32[2,3,4] = math.mul %{i}, %{i}\n" for i in range(60))
    text = HEAD.replace("%x", "%0") + squares + "return %60"
    old = module(lab, text)
    assert Recognise().run(old) is old
