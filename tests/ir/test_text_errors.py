"""What bad IR text is answered with: the place, what was found, what was needed."""

from dataclasses import dataclass

import pytest

from gossamer.ir.errors import ParseError
from gossamer.ir.op import Op
from gossamer.ir.text import parse_graph, parse_module
from gossamer.ir.types import TensorType, Value

HEAD = "module m\n%x: f32[1,3,8,8] = input\n%w: f32[4,3,3,3] = input\n"  # what follows is line 4


@dataclass(frozen=True)
class Clumsy(Op, name="test_text.clumsy"):
    """Divides by its attribute without looking."""

    x: Value
    by: int

    def infer(self) -> tuple[TensorType, ...]:
        return (TensorType(self.x.dtype, (1 // self.by,)),)


def error(text: str) -> str:
    with pytest.raises(ParseError) as caught:
        parse_module(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: found the end of the text, needed 'module' and the module's name"),
        ("graph m", "1:1: found 'graph', needed 'module' and the module's name"),
        ("module", "1:7: found the end of the text, needed the module's name"),
        ("module m", "1:9: found the end of the text, needed a statement (%name: type = op ...), or return"),
        ("module m\nreturn\nreturn", "3:1: found 'return', needed the end of the text, or an alias, after return"),
        ("module m\n#s = 1\n#s = 2\nreturn", "3:1: the alias #s is defined twice"),
        ("module m target=nowhere(x=1)\nreturn", "1:17: unknown target 'nowhere'"),
        ("module m target=nowhere(x=1, x=2)\nreturn", "1:30: x is given twice"),
    ],
)
def test_modules(text: str, message: str):
    assert error(text).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("return %y", "4:8: %y is not defined above"),
        ("return %xx", "4:8: %xx is not defined above; did you mean %x?"),
        ("return %x }", "4:11: found '}', needed the end of the text, or an alias, after return"),
        ("%y = nn.relu %x; %z", "4:16: found ';', needed IR text"),
        ("%y = nn.relu %x %w", "4:17: found '%w', needed an attribute (name=value), @label, @schedule or a new line"),
        ("%y = nn.rellu %x", "4:6: unknown op 'nn.rellu'; did you mean 'nn.relu'? (known: "),
        ("%x = nn.relu %x", "4:1: %x is defined on line 2 already, needed another name"),
        ("%y, %z = nn.relu %x", "4:1: y (nn.relu): found 2 results, needed 1"),
        ("%y: f32[2] = nn.relu %x", "4:1: y (nn.relu): found f32[2], needed f32[1,3,8,8], which its operands give"),
        ("%y = input", "4:6: an input is one value with its type: %x: f32[1,3] = input"),
        ("%: f32[2] = input", "4:1: found '%' without a name, needed one right after it"),
        ('%"": f32[2] = input', "4:1: found a value without a name, needed at least one character in the quotes"),
        ("%y = 3", "4:6: found '3', needed the name of an op, or input"),
        ("%y relu", "4:4: found 'relu', needed ':' and a type, or '=' and an op"),
    ],
)
def test_statements(text: str, message: str):
    assert error(HEAD + text).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nn.conv2d %x", "nn.conv2d needs the operand weight"),
        ("nn.relu %x, %w", "nn.relu: found 2 operands, needed at most 1"),
        ("nn.clip %x low=0", "nn.clip needs high=..., float"),
        ("nn.clip %x low=0 low=1", "low is given twice"),
        ("nn.conv2d %x, %w stride=(1,1)", "nn.conv2d has no attribute 'stride'; did you mean 'strides'? (known: "),
        ("nn.conv2d %x, %w strides=1", "nn.conv2d: found 1 for strides, needed tuple[int, ...]"),
        ("nn.conv2d %x, %w groups=1.0", "nn.conv2d: found 1.0 for groups, needed int"),
        ("nn.conv2d %x, %w groups=true", "nn.conv2d: found True for groups, needed int"),
        ('nn.conv2d %x, %w groups=2 @label "c1"', "c1 (nn.conv2d): input has 3 channels but"),
        ('ir.param "a"', "ir.param needs a type before the '='"),
        ("ir.param", "ir.param needs ref=..., str"),
        ("tensor.concat %x, %y axis=0", "%y is not defined above"),
        ("nn.clip %x low=(1) high=2", "found one value in parentheses, needed a comma after it: (1,) is"),
        ("nn.clip %x low=[1] high=2", "found '[', needed a value: a number, true, false, none, \"text\", a type"),
        ("nn.clip %x low=foo", "found 'foo', needed a value: a number"),
        ("nn.clip %x low=" + "9" * 5000, "found a number of 5000 digits, needed fewer"),
        ("nn.clip %x low=" + "9" * 400, f"nn.clip: found {'9' * 57}... for low, needed float"),
        ("tensor.reshape %x shape=" + "(" * 70, "tuples are nested more than 64 deep"),
        ("test_text.clumsy %x by=0", "test_text.clumsy fails on these operands and attributes (ZeroDivisionError: "),
        ('nn.relu %x @label "a\\q"', "found the escape \\q in a string, needed \\\" \\\\ \\n \\t or \\u{hex}"),
        ('nn.relu %x @label "\\u{110000}"', "found the escape "),
        ('nn.relu %x @label "abc', 'found a string without an end, needed a closing " on the same line'),
        ("nn.relu %x @label 3", "found '3', needed the label, a string"),
        ('nn.relu %x @lable "3"', "found '@lable', needed @label or @schedule, each once"),
        ('nn.relu %x @label "a" @label "b"', "found '@label', needed @label or @schedule, each once"),
    ],
)  # fmt: skip
def test_arguments(text: str, message: str):
    assert error(f"{HEAD}%y = {text}\nreturn %y").split(": ", 1)[1].startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("f33[2]", "4:5: 'f33' is no element type; known: i1..i16, "),
        ("f32[2 = input", "4:11: found '=', needed ',' or ']' after an extent"),
        ("f32[-2]", "4:5: a shape needs whole extents >= 0, found (-2,)"),
        ("f32[2.5]", "4:9: found 2.5, needed a whole number, the extent"),
        ("f32[2]{scale=1}", "4:5: only integers carry a scale, found f32 with scale (1.0,)"),
        (
            "i8[2]{axis=0, scale=(1,2,3)}",
            "4:5: scale needs 2 values on axis 0 of (2,), found 3 scales and 1 zero points",
        ),
        ("i8[2]{scale=-1}", "4:5: a scale must be > 0"),
        ("i8[2]{scal=0.1}", "4:11: found 'scal', needed axis, scale or zero_point, each once"),
        ("i8[2]{axis=0}", "4:10: a quantised type needs a scale, and at most one axis: {axis=0, scale=(0.1, 0.2)}"),
        ("i8[2]{axis=0, scale=#s0}", "4:25: the alias #s0 is not defined, needed a line #s0 = (0.1, 0.2)"),
        ("i8[2]{scale=0.1, zero_point=0.5}", "4:33: found 0.5, needed whole numbers"),
        ("i8[2]{scale=" + "9" * 400 + "}", "4:17: found a number of more than 300 digits, needed a smaller one"),
    ],
)
def test_types(text: str, message: str):
    assert error(f"{HEAD}%y: {text} = input\nreturn").startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tiles=(oc:1)", "4:27: a schedule has no field 'tiles'; did you mean 'tile'? (known: algorithm, "),
        ("unroll=(kh) unroll=(kw)", "4:39: the schedule's unroll is given twice"),
        ("", "5:1: found 'return', needed a field of the schedule: algorithm=, tile=, "),
        (
            "algorithm=wino(m=4)",
            "4:37: unknown algorithm 'wino'; did you mean 'winograd'? (known: direct, im2col, winograd)",
        ),
        ("algorithm=winograd", "5:1: found 'return', needed winograd(m=4)"),
        ("algorithm=winograd(k=4)", "4:37: found another word, needed winograd(m=4)"),
        ("tile=(oc:0)", "4:27: tile sizes must be >= 1"),
        ("tile=(oc:x)", "4:36: found 'x', needed a whole number, the tile's size"),
        ("vectorize=(oc:1, ow:2)", "4:37: found 2 axes, needed one: vectorize=(oc:16)"),
        ("order=(oc:1)", "4:36: found ':', needed ',' or ')' after an axis"),
    ],
)
def test_schedules(text: str, message: str):
    assert error(f"{HEAD}%y = nn.relu %x @schedule {text}\nreturn %y").startswith(message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "  %a: f32[2] = input\n  return %a\n}",
            "y (ir.fused): input 0 is f32[1, 3, 8, 8], the body's %a needs f32[2]",
        ),
        ("  %a: f32[1,3,8,8] = input\n  %b = nn.relu %x\n  return %b\n}", "%x is not defined above"),
        ("  return", "found the end of the text, needed '}' after return"),
    ],
)
def test_bodies(body: str, message: str):
    assert error(f"{HEAD}%y = ir.fused %x {{\n{body}").split(": ", 1)[1].startswith(message)


def test_bodies_do_not_nest_without_end():
    text = "%x: f32[2] = input\n" + "%y = ir.fused %x {\n%x: f32[2] = input\n" * 10_000
    with pytest.raises(ParseError, match="130:18: graphs are nested more than 64 deep"):
        parse_graph(text)


def test_damage_after_much_white_space_is_found_at_once():
    with pytest.raises(ParseError, match="1:5001: found ';', needed IR text"):
        parse_graph(" " * 5000 + ";")
    with pytest.raises(ParseError, match="2001:1: found ';', needed IR text"):
        parse_graph("// word\n" * 2000 + ";")


def test_types_that_differ_in_one_scale_show_which():
    scales = ", ".join(["0.5"] * 9)
    text = f"%x: i8[9]{{axis=0, scale=({scales})}} = input\n%y: i8[9]{{axis=0, scale=({scales[:-3]}0.25)}} = nn.relu %x"
    with pytest.raises(
        ParseError,
        match=r"\(0.5, 0.5, 0.5, ... 9 numbers\)\} with scale\[8\]=0.25, needed scale\[8\]=0.5",
    ):
        parse_graph(text)
