"""The text form of modules: what `print` shows, files hold, tests are written in. It parses back to an equal module.

    module resnet8 target=systolic(rows=16, cols=16, dataflow=ws)
    %x: f32[1,3,32,32] = input
    %w: f32[16,3,3,3] = ir.param "stem.weight"
    %2: f32[1,16,32,32] = nn.conv2d %x, %w pads=(1,1,1,1) @label "conv1"
        @schedule algorithm=winograd(m=4) tile=(oc:16, oh:8, ow:8) unroll=(kh, kw)
    return %2

    statement  =  results "=" ("input" | op) ["@label" string] ["@schedule" field*]    each starts a line
    results    =  %name ":" type, ...            a type may be left out where the op infers it
    type       =  f32[1,3]   or   i8[16,3]{axis=0, scale=(0.1, 0.2), zero_point=0}
    op         =  op.name %operands, ... attribute=value ...
    value      =  1 | 2.5 | inf | nan | true | none | "text" | (1,2) | (1,) | type | { statements }

* Optional operands after an absent one, and variadic ones that are not last, go by name: `bias=%b`, `rest=(%a, %b)`.
* The first attribute stands without its name if it is a string without default, as does the first such graph.
* Attributes equal to their default are not printed. Floats print with `repr`, so they come back exactly.
* A value name that is more than letters, digits, `_` and `.` is quoted: `%"conv/out:0"`.
* Scale and zero-point lists longer than four are aliases, defined anywhere in the text: `#s0 = (0.1, 0.2, ...)`.
* `// ...` is a comment.

Nested graphs have names of their own. Weights are not in the text: pass them to `parse_module`.
"""

from gossamer.ir.lexer import MAX_NESTING
from gossamer.ir.parse import parse_graph, parse_module
from gossamer.ir.print import print_graph, print_module

__all__ = ["MAX_NESTING", "parse_graph", "parse_module", "print_graph", "print_module"]
