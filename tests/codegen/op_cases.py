"""One small network per op of the box, for every exporter: IR text on a few inputs, parameters by name.

%x: f32[1,4,7,6], %p (positive): f32[1,4,7,6], %m: f32[5,6], %i: i64[2,3] (0 or 1), %b: bool[5,6]; each case ends in
%y (and %z). `parameters` holds what `ir.param` names.
"""

import numpy as np

from gossamer.ir.build import renamed
from gossamer.ir.graph import Graph, Module, Params
from gossamer.ir.text import parse_module

HEAD = """module ops
%x: f32[1,4,7,6] = input
%p: f32[1,4,7,6] = input
%m: f32[5,6] = input
%i: i64[2,3] = input
%b: bool[5,6] = input
"""

POINTWISE = {
    name: f"%y = {name} %x"
    for name in (
        "nn.relu", "nn.sigmoid", "nn.tanh", "nn.hard_sigmoid", "nn.hard_swish", "nn.silu", "nn.leaky_relu", "nn.gelu",
        "nn.elu", "math.neg", "math.abs", "math.exp", "math.erf", "math.sin", "math.cos", "math.atan",
    )
} | {"math.log": "%y = math.log %p", "math.sqrt": "%y = math.sqrt %p"}  # fmt: skip
STEPS = {
    name: f"%a = math.mul %x, %p\n%y = {name} %a" for name in ("math.floor", "math.ceil", "math.round", "math.sign")
}
BINARY = {
    name: f"%s = tensor.slice %m starts=(0,0) stops=(1,6) steps=(1,1)\n%y = {name} %p, %s"
    for name in ("math.add", "math.sub", "math.mul", "math.div", "math.maximum", "math.minimum")
}
COMPARED = {
    name: f"%a = {name} %x, %p\n%y = math.where %a, %x, %p"
    for name in ("math.less", "math.less_equal", "math.equal")
}
REDUCED = {
    name: f"%a = {name} %x axes=(2,3)\n%c = {name} %m axes=(-1,) keepdims=false\n"
    "%y = math.mul %a, %a\n%z = math.add %c, %c"
    for name in ("math.reduce_mean", "math.reduce_sum", "math.reduce_max", "math.reduce_min", "math.reduce_prod")
}
OTHERS = {
    "nn.clip": "%y = nn.clip %x low=-0.5 high=0.75",
    "nn.gelu tanh": "%y = nn.gelu %x approximate=true",
    "math.pow": "%y = math.pow %p, %p",
    "nn.softmax": "%y = nn.softmax %x axis=1",
    "nn.max_pool2d": "%y = nn.max_pool2d %x kernel_shape=(3,2) strides=(2,2) pads=(1,1,1,1)",
    "nn.max_pool2d ceil": "%y = nn.max_pool2d %x kernel_shape=(3,3) strides=(2,2) pads=(2,0,1,0) ceil_mode=true",
    "nn.max_pool2d dilated": "%y = nn.max_pool2d %x kernel_shape=(2,2) dilations=(3,2)",
    "nn.avg_pool2d": "%y = nn.avg_pool2d %x kernel_shape=(2,3) strides=(2,2) pads=(1,1,0,1)",
    "nn.avg_pool2d ceil": "%y = nn.avg_pool2d %x kernel_shape=(3,3) strides=(2,2) pads=(1,1,1,1) ceil_mode=true "
                          "count_include_pad=true",
    "nn.conv2d": '%w: f32[6,2,3,3] = ir.param "w"\n%k: f32[6] = ir.param "k"\n'
                 "%y = nn.conv2d %x, %w, %k strides=(2,1) pads=(1,2,0,1) dilations=(1,2) groups=2",
    "nn.conv3d": '%w: f32[2,1,2,3,3] = ir.param "w3"\n%v = tensor.reshape %x shape=(1,1,4,7,6)\n'
                 "%y = nn.conv3d %v, %w strides=(1,2,1) pads=(1,1,0,0,1,2)",
    "nn.conv_transpose": '%w: f32[4,3,3,2] = ir.param "wt"\n%k: f32[6] = ir.param "k"\n'
                         "%y = nn.conv_transpose %x, %w, %k strides=(2,3) pads=(1,0,1,1) output_padding=(1,0) "
                         "groups=2",
    "nn.conv_transpose 1d": '%w: f32[6,3,4] = ir.param "wt1"\n%v = tensor.reshape %x shape=(1,6,28)\n'
                            "%y = nn.conv_transpose %v, %w strides=(2,) pads=(1,2) dilations=(1,) output_padding=(0,)",
    "nn.batch_norm": '%s: f32[4] = ir.param "s"\n%v: f32[4] = ir.param "v"\n%y = nn.batch_norm %x, %s, %s, %s, %v '
                     "epsilon=0.001",
    "nn.layer_norm": '%s: f32[7,6] = ir.param "ln"\n%y = nn.layer_norm %x, %s, %s axis=2',
    "nn.gemm": '%g: f32[3,6] = ir.param "g"\n%k: f32[3] = ir.param "k3"\n%y = nn.gemm %m, %g, %k transpose_b=true',
    "nn.matmul": '%t: f32[6,3] = ir.param "t"\n%y = nn.matmul %x, %t',
    "nn.channel_shuffle": "%y = nn.channel_shuffle %x groups=2",
    "nn.resize nearest": '%y = nn.resize %x sizes=(1,4,9,12) mode="nearest" coordinates="asymmetric" nearest="floor"',
    "nn.resize linear": '%y = nn.resize %x sizes=(1,4,14,12) mode="linear"',
    "nn.resize align": '%y = nn.resize %x sizes=(1,4,10,3) mode="linear" coordinates="align_corners"',
    "nn.resize cubic": '%y = nn.resize %x sizes=(1,4,11,9) mode="cubic"',
    "nn.lstm_cell": '%wi: f32[12,6] = ir.param "li"\n%wh: f32[12,3] = ir.param "lh"\n%wb: f32[12] = ir.param "lb"\n'
                    '%h: f32[5,3] = ir.param "h0"\n%y, %z = nn.lstm_cell %m, %h, %h, %wi, %wh, %wb',
    "nn.gru_cell": '%wi: f32[9,6] = ir.param "gi"\n%wh: f32[9,3] = ir.param "gh"\n%wb: f32[9] = ir.param "gb"\n'
                   '%h: f32[5,3] = ir.param "h0"\n%y = nn.gru_cell %m, %h, %wi, %wh, %wb, %wb '
                   "linear_before_reset=true\n%z = nn.gru_cell %m, %h, %wi, %wh, %wb, %wb",
    "ir.scan": """%s: f32[6] = ir.param "s6"
        %y, %z = ir.scan %s, %m, %s states=1 scanned=1 steps=5 reverse=true body={
            %c: f32[6] = input
            %r: f32[6] = input
            %k: f32[6] = input
            %a = math.mul %c, %k
            %n = math.add %a, %r
            %o = math.sub %n, %c
            return %n, %o
        }""",
    "tensor.reshape": "%a = tensor.reshape %x shape=(4,42)\n%c = tensor.reshape %a shape=(2,3,28)\n"
                      "%y = tensor.reshape %c shape=(8,7,3,1)",
    "tensor.transpose": "%y = tensor.transpose %x perm=(0,3,1,2)",
    "tensor.concat": "%y = tensor.concat %x, %p, %x axis=1",
    "tensor.slice": "%y = tensor.slice %x starts=(0,1,0,1) stops=(1,4,7,5) steps=(1,2,3,1)",
    "tensor.slice backwards": "%y = tensor.slice %x starts=(0,3,6,5) stops=(1,-1,0,-1) steps=(1,-1,-2,-3)",
    "tensor.split": "%y, %z = tensor.split %x sizes=(1,3) axis=1",
    "tensor.pad": "%y = tensor.pad %x pads=((0,0),(0,0),(1,2),(-1,3)) value=0.5",
    "tensor.pad reflect": '%y = tensor.pad %x pads=((0,0),(0,0),(1,2),(2,3)) mode="reflect"',
    "tensor.pad edge": '%y = tensor.pad %x pads=((0,0),(1,0),(1,2),(2,3)) mode="edge"',
    "tensor.pad wrap": '%y = tensor.pad %x pads=((0,0),(0,0),(1,2),(2,3)) mode="wrap"',
    "tensor.tile": "%y = tensor.tile %m repeats=(2,3)",
    "tensor.expand": "%a = tensor.slice %m starts=(0,0) stops=(5,1) steps=(1,1)\n%y = tensor.expand %a shape=(2,5,4)",
    "tensor.gather": "%y = tensor.gather %x, %i axis=1\n%z = tensor.gather %m, %i axis=0",
    "tensor.gather_elements": "%s = tensor.slice %m starts=(0,0) stops=(2,3) steps=(1,1)\n"
                              "%y = tensor.gather_elements %m, %i axis=1\n%z = tensor.gather_elements %s, %i axis=0",
    "tensor.gather_nd": "%v = tensor.reshape %x shape=(4,7,2,3)\n%y = tensor.gather_nd %v, %i",
    "tensor.scatter_elements": "%s = tensor.slice %m starts=(0,0) stops=(2,3) steps=(1,1)\n"
                               "%y = tensor.scatter_elements %m, %i, %s axis=1\n"
                               '%z = tensor.scatter_elements %m, %i, %s axis=0 reduction="add"',
    "tensor.scatter_nd": "%v = tensor.reshape %x shape=(4,7,2,3)\n%w = tensor.slice %v starts=(0,0,0,0) "
                         "stops=(2,1,1,1) steps=(1,1,1,1)\n%u = tensor.reshape %w shape=(2,)\n"
                         "%v3 = tensor.reshape %x shape=(4,7,6)\n"
                         '%y = tensor.scatter_nd %v3, %i, %u reduction="add"',
    "tensor.top_k": "%y, %j = tensor.top_k %m k=3 axis=1\n%z, %l = tensor.top_k %m k=2 axis=0 largest=false\n"
                    "%jf: f32[5,3] = quant.cast %j type=f32[5,3]\n%out = math.add %y, %jf",
    "math.arg_max": "%y = math.arg_max %m axis=1\n%z = math.arg_min %x axis=2 keepdims=false",
    "math.cum_sum": "%y = math.cum_sum %m axis=1\n%z = math.cum_sum %m axis=0 exclusive=true reverse=true",
    "math.cum_prod": "%y = math.cum_prod %m axis=1 reverse=true\n%z = math.cum_prod %m axis=0 exclusive=true",
    "math.and": "%c = math.less %m, %m\n%d = math.or %b, %c\n%e = math.not %b\n"
                "%y = math.and %d, %b\n%z = math.or %e, %c",
    "math.bitwise": '%y = math.bitwise %i, %i function="xor"\n%a = math.bitwise %i, %i function="shl"\n'
                    '%c = math.bitwise %a, %i function="or"\n%z = math.bitwise %c, %i function="shr"',
    "quant.cast": "%a: f16[1,4,7,6] = quant.cast %x type=f16[1,4,7,6]\n%y = quant.cast %a type=f32[1,4,7,6]\n"
                  "%z = quant.cast %x type=i32[1,4,7,6]",
    "integers": "%y = math.div %i, %i\n%a = math.mul %i, %i\n%c = math.neg %a\n%z = math.maximum %c, %i",
}  # fmt: skip
NARROW = {
    f"arithmetic {kind}": f"%f = math.mul %m, %m\n%q = quant.cast %f type={kind}[5,6]\n%a = math.add %q, %q\n"
    "%c = math.mul %a, %q\n%d = math.maximum %c, %q\n%e = math.sub %d, %a\n%g = nn.relu %e\n"
    f"%l = math.less %q, %a\n%o = math.where %l, %g, %q\n%r = math.reduce_sum %o axes=(1,)\n"
    "%u = math.reduce_max %o axes=(0,)\n%y = math.div %r, %u\n%s = tensor.pad %o pads=((1,0),(0,2)) value=3.0\n"
    "%t = tensor.transpose %s perm=(1,0)\n%z = tensor.concat %t, %t axis=0"
    for kind in ("i8", "u8", "i16", "u16", "i32", "i64")
}
TYPES = {
    "products of integers": "%q = quant.cast %m type=i8[5,6]\n%t = tensor.transpose %q perm=(1,0)\n"
                            "%y = nn.matmul %q, %t\n%z = nn.gemm %q, %t",
    "windows of integers": "%a = math.mul %x, %p\n%q = quant.cast %a type=i8[1,4,7,6]\n"
                           "%y = nn.max_pool2d %q kernel_shape=(2,2) pads=(1,0,0,1)\n"
                           "%j = quant.cast %a type=i32[1,4,7,6]\n%z = nn.max_pool2d %j kernel_shape=(3,3)",
    "bools": "%c = math.equal %b, %b\n%n = math.not %b\n%y = math.where %b, %c, %n\n"
             "%z = tensor.transpose %n perm=(1,0)",
    "bf16": "%a: bf16[5,6] = quant.cast %m type=bf16[5,6]\n%d = math.mul %a, %a\n%y = quant.cast %d type=f32[5,6]",
    "f64": "%a: f64[5,6] = quant.cast %m type=f64[5,6]\n%d = math.mul %a, %a\n%e = nn.softmax %d\n"
           "%g = math.exp %e\n%y = math.reduce_sum %g axes=(1,)",
    "rank 0": "%a = math.reduce_sum %m axes=() keepdims=false\n%c = nn.relu %a\n%d = math.add %c, %a\n"
              "%y = math.mul %m, %d\n"
              "%z = tensor.reshape %d shape=(1,1)",
    "empty": "%a = tensor.slice %m starts=(2,0) stops=(2,6) steps=(1,1)\n%c = nn.relu %a\n"
             "%y = tensor.concat %c, %m axis=0\n"
             "%z = math.reduce_sum %c axes=(0,)",
}  # fmt: skip
CASES = POINTWISE | STEPS | BINARY | COMPARED | REDUCED | OTHERS | NARROW | TYPES

QUANTISED = {
    "convolution": '%w: i8[6,4,3,3]{axis=0, scale=(0.01, 0.02, 0.03, 0.04, 0.05, 0.06)} = ir.param "qw"\n'
                   '%k: i32[6]{axis=0, scale=(0.001, 0.002, 0.003, 0.004, 0.005, 0.006)} = ir.param "qk"\n'
                   "%q = quant.cast %x type=u8[1,4,7,6]{scale=0.1, zero_point=100}\n"
                   "%c = nn.conv2d %q, %w, %k pads=(1,1,1,1)\n%f: f32[1,6,7,6] = quant.cast %c type=f32[1,6,7,6]\n"
                   "%r = nn.relu %f\n%y = quant.cast %r type=u8[1,6,7,6]{scale=0.03}",
    "four bits": "%q = quant.cast %x type=i4[1,4,7,6]{scale=0.4}\n%y = nn.max_pool2d %q kernel_shape=(2,2)\n"
                 "%z = quant.cast %q type=f32[1,4,7,6]",
    "moves": "%q = quant.cast %x type=u8[1,4,7,6]{scale=0.05, zero_point=7}\n"
             "%a = tensor.pad %q pads=((0,0),(0,0),(1,1),(1,1))\n%c = tensor.slice %a starts=(0,0,0,0) stops=(1,4,8,8) "
             "steps=(1,1,1,1)\n%d = tensor.concat %c, %c axis=1\n%y = tensor.reshape %d shape=(8,64)",
    "views": "%q = quant.cast %x type=i8[1,4,7,6]{scale=0.05}\n%v: i8[1,4,7,6] = quant.view %q type=i8[1,4,7,6]\n"
             "%w = quant.view %v type=i8[1,4,7,6]{scale=0.5, zero_point=3}\n%y: f32[1,4,7,6] = quant.cast %w "
             "type=f32[1,4,7,6]\n%z: i8[1,4,7,6] = quant.view %q type=i8[1,4,7,6]",
}  # fmt: skip


def parameters():
    """Arrays for every `ir.param` of the cases."""
    rng = np.random.default_rng(3)
    shapes = {
        "w": (6, 2, 3, 3), "k": (6,), "w3": (2, 1, 2, 3, 3), "wt": (4, 3, 3, 2), "wt1": (6, 3, 4), "s": (4,),
        "ln": (7, 6), "g": (3, 6), "k3": (3,), "t": (6, 3), "li": (12, 6), "lh": (12, 3), "lb": (12,), "gi": (9, 6),
        "gh": (9, 3), "gb": (9,), "h0": (5, 3), "s6": (6,),
    }  # fmt: skip
    made = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    made["v"] = np.abs(rng.standard_normal(4)).astype(np.float32) + np.float32(0.5)
    made["qw"] = rng.integers(-127, 128, (6, 4, 3, 3)).astype(np.int8)
    made["qk"] = rng.integers(-900, 900, 6).astype(np.int32)
    return made


def inputs():
    """Every input of the cases by name."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((1, 4, 7, 6)).astype(np.float32)
    return {
        "x": x, "p": np.abs(rng.standard_normal((1, 4, 7, 6))).astype(np.float32) + np.float32(0.2),
        "m": rng.standard_normal((5, 6)).astype(np.float32), "i": np.array([[1, 0, 1], [1, 1, 0]], np.int64),
        "b": rng.random((5, 6)) > 0.5,
    }  # fmt: skip


def case(name):
    """A case as a module."""
    body = (CASES | QUANTISED)[name]
    last = ", ".join(v for v in ("%y", "%z") if any(f"{v}{after}" in body for after in (" =", ", ", ":")))
    params = {n: a for n, a in parameters().items() if f'"{n}"' in body}
    return parse_module(f"{HEAD}{body}\nreturn {last}\n", params)


def together(names):
    """The cases as one module, whose outputs are called 0.y, 0.z, 1.y, ..."""
    graphs = [case(name).graph for name in names]
    nodes, outputs = [], []
    for n, graph in enumerate(graphs):
        own = renamed(graph, {v.name: f"{n}.{v.name}" for node in graph.nodes for v in node.results})
        nodes += own.nodes
        outputs += own.outputs
    return Module("ops", Graph(graphs[0].inputs, tuple(nodes), tuple(outputs)), Params(parameters()))
