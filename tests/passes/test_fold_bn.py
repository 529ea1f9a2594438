"""fold-bn: text in, text out, equal numbers; what it declines."""

import numpy as np
import pytest

NORM = """
%s: f32[4] = ir.param "scale"
%o: f32[4] = ir.param "offset"
%m: f32[4] = ir.param "mean"
%v: f32[4] = ir.param "var"
"""


def test_conv_with_bias(lab):
    lab.check(
        "fold-bn",
        '%x: f32[1,3,6,6] = input\n%w: f32[4,3,3,3] = ir.param "conv.weight"\n%b: f32[4] = ir.param "conv.bias"'
        + NORM
        + '%1: f32[1,4,6,6] = nn.conv2d %x, %w, %b pads=(1,1,1,1) @label "conv"\n'
        "%2: f32[1,4,6,6] = nn.batch_norm %1, %s, %o, %m, %v epsilon=0.001\nreturn %2",
        """
        %x: f32[1,3,6,6] = input
        %w: f32[4,3,3,3] = ir.param "conv.weight.bn"
        %b: f32[4] = ir.param "conv.bias.bn"
        %2: f32[1,4,6,6] = nn.conv2d %x, %w, %b pads=(1,1,1,1) @label "conv"
        return %2
        """,
    )


def test_conv_without_bias_takes_the_norms(lab):
    new = lab.check(
        "fold-bn",
        '%x: f32[1,4,6,6] = input\n%w: f32[4,1,3,3] = ir.param "dw"'
        + NORM
        + "%1: f32[1,4,4,4] = nn.conv2d %x, %w groups=4\n"
        "%2: f32[1,4,4,4] = nn.batch_norm %1, %s, %o, %m, %v\n%3: f32[1,4,4,4] = nn.relu %2\nreturn %3",
        """
        %x: f32[1,4,6,6] = input
        %w: f32[4,1,3,3] = ir.param "dw.bn"
        %o: f32[4] = ir.param "offset.bn"
        %2: f32[1,4,4,4] = nn.conv2d %x, %w, %o groups=4
        %3: f32[1,4,4,4] = nn.relu %2
        return %3
        """,
    )
    assert set(new.params) == {"dw.bn", "offset.bn"}


@pytest.mark.parametrize("weight, attribute", [("f32[5,4]", ""), ("f32[4,5]", " transpose_b=true")])
def test_gemm(lab, weight, attribute):
    lab.check(
        "fold-bn",
        f'%x: f32[2,5] = input\n%w: {weight} = ir.param "fc"{NORM}'
        f"%1: f32[2,4] = nn.gemm %x, %w{attribute}\n%2: f32[2,4] = nn.batch_norm %1, %s, %o, %m, %v\nreturn %2",
        f"""
        %x: f32[2,5] = input
        %w: {weight} = ir.param "fc.bn"
        %o: f32[4] = ir.param "offset.bn"
        %2: f32[2,4] = nn.gemm %x, %w, %o{attribute}
        return %2
        """,
    )


def test_one_weight_in_two_convolutions_is_folded_twice(lab):
    new = lab.check(
        "fold-bn",
        '%x: f32[1,4,4,4] = input\n%w: f32[4,4,1,1] = ir.param "w"'
        + NORM
        + "%1: f32[1,4,4,4] = nn.conv2d %x, %w\n%2: f32[1,4,4,4] = nn.batch_norm %1, %s, %o, %m, %v\n"
        "%3: f32[1,4,4,4] = nn.conv2d %2, %w\n%4: f32[1,4,4,4] = nn.batch_norm %3, %o, %s, %m, %v\n"
        "%5: f32[1,4,4,4] = nn.conv2d %4, %w\nreturn %5",
        """
        %x: f32[1,4,4,4] = input
        %w: f32[4,4,1,1] = ir.param "w"
        %w_1: f32[4,4,1,1] = ir.param "w.bn"
        %o: f32[4] = ir.param "offset.bn"
        %2: f32[1,4,4,4] = nn.conv2d %x, %w_1, %o
        %w_2: f32[4,4,1,1] = ir.param "w.bn'"
        %s: f32[4] = ir.param "scale.bn"
        %4: f32[1,4,4,4] = nn.conv2d %2, %w_2, %s
        %5: f32[1,4,4,4] = nn.conv2d %4, %w
        return %5
        """,
    )
    assert not np.allclose(new.params["w.bn"], new.params["w.bn'"])


DECLINED = {
    "the convolution's result has another reader": """
        %2: f32[1,4,4,4] = nn.batch_norm %1, %s, %o, %m, %v
        %3: f32[1,4,4,4] = math.add %1, %2
        return %3
    """,
    "the convolution's result is an output": """
        %2: f32[1,4,4,4] = nn.batch_norm %1, %s, %o, %m, %v
        return %1, %2
    """,
    "something stands between": """
        %2: f32[1,4,4,4] = nn.relu %1
        %3: f32[1,4,4,4] = nn.batch_norm %2, %s, %o, %m, %v
        return %3
    """,
    "the mean is computed": """
        %2: f32[4] = nn.relu %m
        %3: f32[1,4,4,4] = nn.batch_norm %1, %s, %o, %2, %v
        return %3
    """,
}


@pytest.mark.parametrize("tail", DECLINED.values(), ids=DECLINED)
def test_declines(lab, tail):
    head = '%x: f32[1,3,4,4] = input\n%w: f32[4,3,1,1] = ir.param "w"' + NORM + "%1: f32[1,4,4,4] = nn.conv2d %x, %w\n"
    lines = [line.strip() for line in tail.strip().splitlines()]
    lab.check("fold-bn", head + "\n".join(lines), None)


def test_a_batch_norm_of_a_batch_norm(lab):
    lab.check(
        "fold-bn",
        '%x: f32[1,4,4,4] = input\n%w: f32[4,4,1,1] = ir.param "w"'
        + NORM
        + "%1: f32[1,4,4,4] = nn.conv2d %x, %w\n%2: f32[1,4,4,4] = nn.batch_norm %1, %s, %o, %m, %v\n"
        "%3: f32[1,4,4,4] = nn.batch_norm %2, %o, %s, %m, %v\nreturn %3",
        """
        %x: f32[1,4,4,4] = input
        %w: f32[4,4,1,1] = ir.param "w.bn.bn"
        %o_1: f32[4] = ir.param "offset.bn.bn"
        %3: f32[1,4,4,4] = nn.conv2d %x, %w, %o_1
        return %3
        """,
    )


def test_a_weight_that_is_an_output_too_stays_as_it_is(lab):
    lab.check(
        "fold-bn",
        '%x: f32[1,4,4,4] = input\n%w: f32[4,4,1,1] = ir.param "w"'
        + NORM
        + "%1: f32[1,4,4,4] = nn.conv2d %x, %w\n%2: f32[1,4,4,4] = nn.batch_norm %1, %s, %o, %m, %v\nreturn %2, %w",
        """
        %x: f32[1,4,4,4] = input
        %w: f32[4,4,1,1] = ir.param "w"
        %w_1: f32[4,4,1,1] = ir.param "w.bn"
        %o: f32[4] = ir.param "offset.bn"
        %2: f32[1,4,4,4] = nn.conv2d %x, %w_1, %o
        return %2, %w
        """,
    )


def test_weights_stay_unread_until_they_are_asked_for(lab):
    module = lab.module(
        '%x: f32[1,3,6,6] = input\n%w: f32[4,3,3,3] = ir.param "w"'
        + NORM
        + "%1: f32[1,4,4,4] = nn.conv2d %x, %w\n%2: f32[1,4,4,4] = nn.batch_norm %1, %s, %o, %m, %v\nreturn %2"
    )
    read = []

    def load(name):
        return lambda: (read.append(name), module.params[name])[1]

    from gossamer.ir.graph import Params
    from gossamer.passes.pipeline import run_pipeline

    new = run_pipeline(module.with_graph(module.graph, Params({name: load(name) for name in module.params})), "fold-bn")
    assert read == []
    assert new.params["w.bn"].dtype == np.float32
    assert sorted(read) == ["scale", "var", "w"]
