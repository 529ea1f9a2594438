"""Pipelines as text: they parse, print, parse back, and every mistake is one clear sentence."""

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gossamer.ir.errors import GossamerError, PassError
from gossamer.ir.registry import PASSES
from gossamer.passes.base import Pass
from gossamer.passes.options import options
from gossamer.passes.pipeline import parse_pipeline, pass_class, print_pipeline, run_pipeline, standard
from gossamer.passes.quantize import Quantize
from gossamer.passes.tile import ChooseSchedules
from gossamer.passes.winograd import Winograd


def test_options_are_typed_by_their_fields():
    text = 'quantize{bits=4, weight_bits=none, layers=(stem:w4a8, "a b/c":float), percentile=99, method=minmax}'
    (item,) = parse_pipeline(text)
    assert item == Quantize(bits=4, layers=(("stem", "w4a8"), ("a b/c", "float")), percentile=99.0, method="minmax")
    assert parse_pipeline("winograd{m=2,quantized=true} , tile{target=systolic}") == (
        Winograd(m=2, quantized=True), ChooseSchedules("systolic"),
    )  # fmt: skip
    assert parse_pipeline(" ") == ()


def test_prints_what_differs_from_the_defaults():
    passes = (Quantize(bits=4, layers=(("a,b", "8"),), calibration="my data/x.npz"), Winograd())
    assert print_pipeline(passes) == 'quantize{bits=4, layers=("a,b":8), calibration="my data/x.npz"},winograd'


words = st.text(min_size=1).filter(lambda t: t != "none")


@settings(suppress_health_check=[HealthCheck.too_slow])  # letters are made when they are first asked for
@given(
    st.builds(
        Quantize,
        bits=st.integers(2, 16),
        weight_bits=st.none() | st.integers(2, 16),
        layers=st.lists(st.tuples(words, st.sampled_from(["8", "w4a8", "float"]))).map(tuple),
        percentile=st.floats(51, 100),
        method=st.sampled_from(["minmax", "percentile", "mse"]),
        calibration=words,
    ),
    st.builds(Winograd, m=st.integers(2, 15), max_error=st.floats(allow_nan=False), quantized=st.booleans()),
)
def test_parses_back(quantize, winograd):
    assert parse_pipeline(print_pipeline((quantize, winograd))) == (quantize, winograd)


MISTAKES = {
    "fuze": "unknown pass 'fuze'; did you mean 'fuse'? (known: ",
    "winograd{n=4}": "winograd: no option 'n' (known: m, max_error, quantized)",
    "quantize{bit=4}": "quantize: no option 'bit'; did you mean 'bits'?",
    "quantize{bits=four}": "quantize: bits=four needs to be a whole number",
    "quantize{bits=(4, 8)}": "quantize: bits=(4, 8) needs to be a whole number",
    "quantize{weight_bits=x}": "quantize: weight_bits=x needs to be a whole number or none",
    "quantize{method=best}": "quantize: method=best needs to be one of minmax, percentile, mse",
    "quantize{layers=conv1}": "quantize: layers=conv1 needs to be a list like (name:value, ...), value: a word",
    "quantize{layers=(a:b:c)}": "quantize: layers=(a:b:c) needs to be a list like (name:value, ...)",
    "winograd{quantized=yes}": "winograd: quantized=yes needs to be true or false",
    "winograd{m=2,m=4}": "winograd: option 'm' is given twice",
    "winograd{m=4": "pipeline: expected '}' at the end of the options of winograd, found the end in 'winograd{m=4'",
    "winograd{m}": "pipeline: expected '=' after option 'm', found '}' in",
    "winograd{m=}": "pipeline: expected a value, found '}' in",
    "fuse dce": "pipeline: expected ',' between two passes, found 'dce' in",
    "fuse,": "pipeline: expected the name of a pass, found the end in 'fuse,'",
    ",fuse": "pipeline: expected the name of a pass, found ',fuse' in",
    "quantize{layers=(a:4": "pipeline: expected ')' at the end of a list, found the end in",
    'quantize{calibration="x}': "pipeline: expected a value, found '\"x}' in",
}


@pytest.mark.parametrize("text, message", MISTAKES.items())
def test_mistakes(text, message):
    with pytest.raises(GossamerError) as error:
        parse_pipeline(text)
    assert str(error.value).startswith(message)


def test_after_each_sees_every_module(lab):
    module = lab.module("%x: f32[2] = input\n%1 = nn.relu %x\n%2 = nn.relu %1\nreturn %2")
    seen = []
    note = lambda item, after: seen.append((item.name, len(after.graph.nodes)))  # noqa: E731
    new = run_pipeline(module, "simplify,fuse,dce", note)
    assert seen == [("simplify", 1), ("fuse", 1), ("dce", 1)]
    assert new.graph.nodes[0].result.name == "2"


def test_an_ir_error_says_which_pass(lab):
    from gossamer.ir.errors import IRError

    @dataclass(frozen=True)
    class Broken(Pass, name="broken"):
        def run(self, module):
            raise IRError("conv1: no")

    with pytest.raises(PassError, match="^broken: conv1: no$"):
        run_pipeline(lab.module("%x: f32[2] = input\n%1 = nn.relu %x\nreturn %1"), (Broken(),))


def test_every_registered_pass_is_documented_and_its_options_print():
    for name in PASSES.names():
        cls = pass_class(name)
        assert cls.name == name and cls.__doc__
        assert all(option.needed for option in options(cls).values())


def test_standard_pipelines():
    text = "fold-qdq,fold-constants{dequantise=true},recognise,simplify,fold-bn,dce,fuse,unsigned,tile,layout"
    assert print_pipeline(standard("cpu")) == text
    text = "fold-qdq,fold-constants{dequantise=true},recognise,simplify,fold-bn,dce,fuse,quantize,tile{target=systolic}"
    assert print_pipeline(standard("systolic", quantized=True)) == text
