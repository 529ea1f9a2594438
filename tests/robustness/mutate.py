"""Ways to break a file: functions of a random generator and a whole file. Equal seeds break it the same way."""

import random
import re
from collections.abc import Callable
from typing import Any

from onnx import AttributeProto, ModelProto, NodeProto, TensorProto

HUGE = (0, -1, 1, 2, 3, 7, 255, 1 << 16, (1 << 31) - 1, 1 << 31, 10**12, (1 << 63) - 1, -(1 << 63))
COMMON = ("Conv", "Gemm", "Resize", "LSTM", "Loop", "If", "Scan", "Gather", "TopK", "Einsum", "Reshape", "Range")
PATHS = ("../w.bin", "/etc/passwd", "", "a/../../w.bin", "w.bin\0", "C:\\w.bin", "link", "w" * 5000, "/proc/self/mem")


def mutated_bytes(rng: random.Random, data: bytes) -> bytes:
    """A few bytes flipped, cut, doubled, moved or overwritten."""
    broken = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        if not broken:
            break
        start = rng.randrange(len(broken))
        stop = min(len(broken), start + rng.choice((1, 2, 4, 8, 64)))
        match rng.randrange(6):
            case 0:
                broken[start] ^= 1 << rng.randrange(8)
            case 1:
                broken[start] = rng.choice((0x00, 0x01, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            case 2:
                del broken[start:stop]
            case 3:
                broken[start:start] = broken[start:stop]
            case 4:
                broken[start:stop] = rng.randbytes(stop - start)
            case _:
                del broken[start:]
    return bytes(broken)


def mutated_words(rng: random.Random, data: bytes) -> bytes:
    """A few aligned numbers of 1, 2 or 4 bytes replaced, as offsets, lengths, types and options are."""
    broken = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        size = rng.choice((1, 2, 4, 4))
        start = rng.randrange(len(broken) // size) * size
        old = int.from_bytes(broken[start : start + size], "little")
        new = rng.choice((0, 1, 2, 4, old + 1, old - 1, old + 4, old - 4, old * 2, -1, 1 << 30, rng.getrandbits(32)))
        broken[start : start + size] = (new % (1 << 8 * size)).to_bytes(size, "little")
    return bytes(broken)


def mutated_model(rng: random.Random, model: ModelProto) -> bytes:
    """A model that still parses and says something else than it did."""
    broken = ModelProto()
    broken.CopyFrom(model)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        rng.choice(MODEL_MUTATIONS)(rng, broken)
    return broken.SerializeToString()


def _shape(rng: random.Random, model: ModelProto) -> None:
    infos = [*model.graph.input, *model.graph.output, *model.graph.value_info]
    dims = [dim for info in infos for dim in info.type.tensor_type.shape.dim]
    if dims:
        rng.choice(dims).dim_value = rng.choice(HUGE)


def _element_type(rng: random.Random, model: ModelProto) -> None:
    infos = [*model.graph.input, *model.graph.output]
    if infos:
        rng.choice(infos).type.tensor_type.elem_type = rng.choice((0, 1, 2, 7, 8, 9, 10, 14, 17, 23, 99))


def _edge(rng: random.Random, model: ModelProto) -> None:
    nodes = [node for node in model.graph.node if node.input or node.output]
    if nodes:
        node = rng.choice(nodes)
        ends = node.input if node.input and rng.random() < 0.7 else node.output
        names = [name for other in model.graph.node for name in (*other.input, *other.output)]
        if ends:
            ends[rng.randrange(len(ends))] = rng.choice([*names, "", "nothing", "x" * 300, "a\nb", "%0 = "])


def _count_of_operands(rng: random.Random, model: ModelProto) -> None:
    if model.graph.node:
        ends = rng.choice([end for node in model.graph.node for end in (node.input, node.output)])
        if ends and rng.random() < 0.5:
            del ends[-1]
        else:
            ends.append(rng.choice([*ends, "more"]))


def _attribute(rng: random.Random, model: ModelProto) -> None:
    attributes = [(node, a) for node in model.graph.node for a in node.attribute]
    if not attributes:
        return
    node, attribute = rng.choice(attributes)
    match rng.randrange(5):
        case 0:
            attribute.i, attribute.type = rng.choice(HUGE), AttributeProto.INT
        case 1 if attribute.ints:
            attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(HUGE)
        case 2:
            attribute.ints.append(rng.choice(HUGE))
        case 3:
            attribute.type = rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 14))
        case _:
            node.attribute.remove(attribute)


def _tensor(rng: random.Random, model: ModelProto) -> None:
    found = list(model.graph.initializer) + [a.t for n in model.graph.node for a in n.attribute if a.HasField("t")]
    if not found:
        return
    tensor: TensorProto = rng.choice(found)
    match rng.randrange(5):
        case 0:
            tensor.dims.append(rng.choice(HUGE))
        case 1 if tensor.dims:
            tensor.dims[rng.randrange(len(tensor.dims))] = rng.choice(HUGE)
        case 2:
            tensor.data_type = rng.choice((0, 1, 6, 7, 8, 9, 10, 16, 17, 22, 23, 99))
        case 3:
            tensor.raw_data = rng.randbytes(rng.choice((0, 1, 4, 16)))
        case _:
            _outside(rng, tensor)


def _outside(rng: random.Random, tensor: TensorProto) -> None:
    tensor.data_location = TensorProto.EXTERNAL
    del tensor.external_data[:]
    tensor.external_data.add(key="location", value=rng.choice(PATHS))
    tensor.external_data.add(key="offset", value=str(rng.choice(HUGE)))
    tensor.external_data.add(key="length", value=rng.choice((str(rng.choice(HUGE)), "many")))


def _operator(rng: random.Random, model: ModelProto) -> None:
    if model.graph.node:
        node: NodeProto = rng.choice(model.graph.node)
        others = [other.op_type for other in model.graph.node]
        node.op_type = rng.choice([*others, *COMMON, "NoSuchOperator", ""])


def _constant_operand(rng: random.Random, model: ModelProto) -> None:
    """An input becomes an initialiser of few and wild numbers, as shapes and axes are."""
    if model.graph.input:
        name = rng.choice(model.graph.input).name
        values = [rng.choice(HUGE) for _ in range(rng.randrange(5))]
        model.graph.initializer.append(
            TensorProto(name=name, data_type=TensorProto.INT64, dims=[len(values)], int64_data=values)
        )


def _order(rng: random.Random, model: ModelProto) -> None:
    nodes = list(model.graph.node)
    if nodes:
        rng.shuffle(nodes)
        del model.graph.node[:]
        model.graph.node.extend([*nodes, rng.choice(nodes)] if rng.random() < 0.5 else nodes[1:])


def _opset(rng: random.Random, model: ModelProto) -> None:
    for entry in model.opset_import:
        entry.version = rng.choice((0, 1, 7, 9, 11, 13, 18, 21, 24, 25, 99, -1))


def _function(rng: random.Random, model: ModelProto) -> None:
    """A local function, at times one that calls itself."""
    name = rng.choice(("Relu", "F"))
    function = model.functions.add(name="F", domain="d", input=["a"], output=["b"])
    function.opset_import.add(domain="", version=17)
    function.node.add(op_type=name, domain="d" if name == "F" else "", input=["a"], output=["b"])
    model.opset_import.add(domain="d", version=1)
    if model.graph.node:
        rng.choice(model.graph.node).MergeFrom(NodeProto(op_type="F", domain="d"))


MODEL_MUTATIONS: tuple[Callable[[random.Random, Any], None], ...] = (
    _shape, _element_type, _edge, _count_of_operands, _attribute, _attribute, _tensor, _operator, _constant_operand,
    _order, _opset, _function,
)  # fmt: skip

_TOKEN = re.compile(r"[A-Za-z_][\w.]*|-?\d+(?:\.\d+)?(?:e-?\d+)?|\s+|.", re.DOTALL)
_WILD = (
    "-1", "0", "999999999999", "1e400", "nan", "inf", "i8", "i17", "f32", "f33", "(", ")", "[", "]", "{", "}", ",", "=",
    "%", "@", "%x", '"', "input", "param", "module", "output", "ir.fused", "ir.scan", "nn.conv2d", "no.such", "//",
    "\n", "\0", "\u202e", "scale=", "f32[1000000,1000000,1000000]", "[" * 3000, "(" * 3000, "9" * 5000, "x" * 5000,
)  # fmt: skip


def mutated_text(rng: random.Random, text: str) -> str:
    """A few tokens or lines dropped, doubled, swapped or replaced."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        whole = text.split("\n") if rng.random() < 0.2 else _TOKEN.findall(text)
        glue = "\n" if rng.random() < 0.05 or len(whole) == text.count("\n") + 1 else ""
        if not whole:
            return text
        at, other = rng.randrange(len(whole)), rng.randrange(len(whole))
        match rng.randrange(6):
            case 0:
                del whole[at]
            case 1:
                whole.insert(at, whole[other])
            case 2:
                whole[at], whole[other] = whole[other], whole[at]
            case 3:
                whole[at] = rng.choice(_WILD)
            case 4:
                whole[at] = whole[at][:-1] + rng.choice("0123456789%@(){}[]\",= \n")
            case _:
                del whole[at:]
        text = glue.join(whole)
    return text
