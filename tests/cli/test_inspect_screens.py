"""The screens of `gossamer inspect`, whole, on a small network; only times and the CPU's numbers are left open."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

NET = """module small
%x: f32[1,4,8,8] = input
%w: f32[6,4,3,3] = input
%c = nn.conv2d %x, %w pads=(1,1,1,1) @label "stem/conv"
%r = nn.relu %c @label "stem/relu"
%m = math.reduce_mean %r axes=(2,3) keepdims=false @label "head/mean"
return %m
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "small.gir"
    path.write_text(NET)
    return path


def screen(cli, *arguments: object) -> str:
    """Stdout with times as T and the CPU's row without its numbers."""
    outcome = cli("inspect", *arguments)
    assert outcome.code == 0, outcome.err
    text = re.sub(r"[0-9.]+ ms;", "T ms;", outcome.out)
    return re.sub(r"(?m)^  (target|cpu) .*$", r"  \1", text)


def expected(text: str) -> str:
    return dedent(text).lstrip("\n")


def test_the_ir(cli, net: Path) -> None:
    assert screen(cli, net, "-p", "fuse") == expected("""
        // after fuse, T ms; 2 ops: 1 ir.fused, 1 math.reduce_mean; 13.8 k MACs; 0 parameters, 0 B
        module small
        %x: f32[1,4,8,8] = input
        %w: f32[6,4,3,3] = input
        %r: f32[1,6,8,8] = ir.fused %x, %w {
          %x: f32[1,4,8,8] = input
          %w: f32[6,4,3,3] = input
          %c: f32[1,6,8,8] = nn.conv2d %x, %w pads=(1,1,1,1) @label "stem/conv"
          %r: f32[1,6,8,8] = nn.relu %c @label "stem/relu"
          return %r
        } @label "stem/conv"
        %m: f32[1,6] = math.reduce_mean %r axes=(2,3) keepdims=false @label "head/mean"
        return %m
    """)


def test_the_difference(cli, net: Path) -> None:
    assert screen(cli, net, "-p", "fuse", "--diff", "import", "fuse") == expected("""
        1 op changed, 0 added, 1 removed
        --- import
        +++ fuse
        @@ -1,6 +1,11 @@ stem/conv
         %x: f32[1,4,8,8] = input
         %w: f32[6,4,3,3] = input
        -%c: f32[1,6,8,8] = nn.conv2d %x, %w pads=(1,1,1,1) @label "stem/conv"
        +%r: f32[1,6,8,8] = ir.fused %x, %w {
        +  %x: f32[1,4,8,8] = input
        +  %w: f32[6,4,3,3] = input
        +  %c: f32[1,6,8,8] = nn.conv2d %x, %w pads=(1,1,1,1) @label "stem/conv"
        +  %r: f32[1,6,8,8] = nn.relu %c @label "stem/relu"
        +  return %r
        +} @label "stem/conv"
        -%r: f32[1,6,8,8] = nn.relu %c @label "stem/relu"
         %m: f32[1,6] = math.reduce_mean %r axes=(2,3) keepdims=false @label "head/mean"
         return %m
    """)


def test_one_op(cli, net: Path) -> None:
    assert screen(cli, net, "-p", "fuse", "--op", "relu") == expected("""
        stem/conv  (ir.fused: nn.conv2d+nn.relu)  after fuse

        operands
          x       %x  f32[1,4,8,8]  1.02 kB  input
          weight  %w  f32[6,4,3,3]  864 B    input

        results
          out  %r  f32[1,6,8,8]  1.54 kB  read by head/mean

        loop nest
          for n in 0..1, oc in 0..6, oh in 0..8, ow in 0..8:
            acc = 0
            for ic in 0..4, kh in 0..3, kw in 0..3:
              acc += x[n, ic, oh + kh - 1, ow + kw - 1] * weight[oc, ic, kh, kw]  # x is 0 outside
            out[n, oc, oh, ow] = max(acc, 0)

        work
          13.8 k MACs, 3.42 kB moved (1.89 kB read, 1.54 kB written), 4.04 MACs/B

        schedule
          none: the target chooses

        predicted cost
          target
          cpu
          systolic: does not fit: needs multipliers for 32-bit weights by 32-bit activations, has 16-bit multipliers (pe_bits); quantize it (quantize{bits=16})

        text
          %r: f32[1,6,8,8] = ir.fused %x, %w {
            %x: f32[1,4,8,8] = input
            %w: f32[6,4,3,3] = input
            %c: f32[1,6,8,8] = nn.conv2d %x, %w pads=(1,1,1,1) @label "stem/conv"
            %r: f32[1,6,8,8] = nn.relu %c @label "stem/relu"
            return %r
          } @label "stem/conv"
    """)  # noqa: E501
