"""What inspection says in text: stages by name, ops matched between passes, diffs, blocks, prices, an op's screen."""

from textwrap import dedent

import pytest

import gossamer as gs
from gossamer.ir.errors import DataError
from gossamer.ir.graph import Module
from gossamer.ir.text import parse_module
from gossamer.report.inspection.details import Describer, Details, Operand, namesakes, node_called
from gossamer.report.inspection.difference import unified
from gossamer.report.inspection.groups import kept, path_of, paths, repeats, worth_showing
from gossamer.report.inspection.match import absorbed, matched
from gossamer.report.inspection.prices import Price, Pricer, targets_for
from gossamer.report.inspection.screen import op_screen
from gossamer.report.inspection.stages import stage_called, stage_names
from gossamer.report.inspection.titles import heading, short_name, summary_of

TEXT = """module net
%x: f32[1,4,8,8] = input
%a = nn.relu %x @label "one"
%b = nn.sigmoid %a @label "two"
%c = math.add %b, %x @label "three"
return %c
"""


def module(text: str = TEXT) -> Module:
    return parse_module(text)


def test_stages_have_short_names_that_differ() -> None:
    stages = gs.inspect(module(), "simplify,fuse,simplify,tile{target=systolic}")
    assert stage_names(stages) == ("import", "simplify", "fuse", "simplify#2", "tile")
    assert stage_called(stages, "tile{target=systolic}")[0] == "tile"
    assert stage_called(stages, "simplify#1")[1] is stages[1]
    with pytest.raises(DataError, match="'fus' is no pass of this pipeline; did you mean 'fuse'"):
        stage_called(stages, "fus")


def test_ops_are_matched_by_label_then_by_result() -> None:
    before = module()
    after = module(TEXT.replace("%b = nn.sigmoid %a", "%z = nn.tanh %a").replace("%b, %x", "%z, %x"))
    assert matched(before.graph, after.graph) == (0, 1, 2)
    fused = gs.inspect(before, "fuse")[-1].module
    places = matched(before.graph, fused.graph)
    gone = [i for i in range(3) if i not in places]
    assert [absorbed(before.graph.nodes[i], fused.graph) for i in gone] == [0] * len(gone) and gone


def test_ops_of_one_label_are_told_apart() -> None:
    """Importers make several ops of one operator."""
    text = TEXT.replace('"one"', '"two"').replace('"three"', '"two"')
    before = module(text)
    after = module("\n".join(line for line in text.splitlines() if "relu" not in line).replace("%a ", "%x ") + "\n")
    assert matched(before.graph, after.graph) == (1, 2)
    assert "1 op changed, 0 added, 1 removed" in unified(before, after, ("a", "b"))
    heavy = "module m\n%x: f32[2,3] = input\n%w: f32[3,3] = input\n"
    heavy += '%a = nn.relu %x @label "l"\n%y = nn.matmul %a, %w @label "l"\nreturn %y\n'
    two = module(heavy)
    found = node_called(two, "l")
    assert found.op.name == "nn.matmul" and namesakes(two, found) == ("%a (nn.relu)",)


def test_a_diff_puts_an_op_under_its_old_self() -> None:
    after = module(TEXT.replace("nn.sigmoid", "nn.tanh"))
    assert unified(module(), after, ("import", "mine")) == dedent("""\
        1 op changed, 0 added, 0 removed
        --- import
        +++ mine
        @@ -1,5 +1,5 @@ two
         %x: f32[1,4,8,8] = input
         %a: f32[1,4,8,8] = nn.relu %x @label "one"
        -%b: f32[1,4,8,8] = nn.sigmoid %a @label "two"
        +%b: f32[1,4,8,8] = nn.tanh %a @label "two"
         %c: f32[1,4,8,8] = math.add %b, %x @label "three"
         return %c
    """)
    assert unified(module(), module(), ("a", "b")) == ""


def test_a_diff_of_a_fusion_applies_as_a_patch_would() -> None:
    """The lines without a plus are the old text, those without a minus the new."""
    before, after = module(), gs.inspect(module(), "fuse")[-1].module
    text = unified(before, after, ("a", "b")).splitlines()[4:]
    old = [line[1:] for line in text if line[0] != "+"]
    assert old == str(before).splitlines()[1:]
    assert [line[1:] for line in text if line[0] != "-"] == str(after).splitlines()[1:]


def test_an_op_is_found_by_label_result_or_the_end_of_either() -> None:
    found = module(TEXT.replace('"two"', '"/net/block.1/Sigmoid"'))
    for name in ("/net/block.1/Sigmoid", "%b", "b", "block.1/Sigmoid"):
        assert node_called(found, name).op.name == "nn.sigmoid"
    with pytest.raises(DataError, match="no op is called 'block.1/Sigmod'; did you mean '/net/block.1/Sigmoid'"):
        node_called(found, "block.1/Sigmod")
    twice = module(TEXT.replace('"one"', '"/Sigmoid"').replace('"two"', '"/net/Sigmoid"'))
    assert node_called(twice, "Sigmoid").label == "/Sigmoid", "of several ends the whole path"
    with pytest.raises(DataError, match="2 names end in 'moid': .*; give more of the one you mean"):
        node_called(twice, "moid")
    fused = gs.inspect(module(), "fuse")[-1].module
    assert node_called(fused, "two").op.name == "ir.fused", "a fused op answers to what it holds"


def test_names_cannot_steer_a_terminal() -> None:
    text = TEXT.replace('"two"', '"\\u{1b}[31mred\\n"')
    before, after = module(text), module(text.replace("nn.sigmoid", "nn.tanh"))
    screen = op_screen(Describer(before).details(before.graph.nodes[1]), "import")
    for shown in (screen, unified(before, after, ("a", "b"))):
        assert "\x1b" not in shown and "\\u{1b}[31mred\\n" in shown


def test_titles() -> None:
    fused = gs.inspect(module(), "fuse")[-1].module
    assert summary_of(fused.graph.nodes[0]) == "nn.relu+nn.sigmoid+math.add"
    assert heading(module()).startswith("3 ops: 1 math.add, 1 nn.relu, 1 nn.sigmoid; 0 MACs; 0 parameters")
    assert short_name("/features/features.1/block/block.0/Conv", 24) == ".../block/block.0/Conv"
    assert short_name("conv1") == "conv1"


def test_blocks_come_from_labels() -> None:
    assert path_of("/a/a.1/Conv") == ("a", "a.1") and path_of("layer1.0.conv") == ("layer1", "0")
    lines = ["module m", "%x: f32[2] = input"]
    labels = ("s.a.p", "s.a.q", "s.b.p", "s.b.q", "", "head")
    names = ["x", *(f"v{i}" for i in range(len(labels)))]
    for i, label in enumerate(labels):
        lines.append(f"%v{i} = nn.relu %{names[i]}" + (f' @label "{label}"' if label else ""))
    found = paths(module("\n".join([*lines, "return %v5", ""])).graph)
    assert found[4] == ("s", "b"), "an op without a label lies with what it reads"
    levels = worth_showing([found])
    assert [kept(path, levels) for path in found][2:] == [("s", "s/b")] * 3 + [()]


def test_blocks_come_from_repetition() -> None:
    assert repeats("xababab") == ((1, 2, 3),)
    assert repeats("ababcdede") == ((0, 2, 2), (5, 2, 2))
    assert repeats("aaaa") == () and repeats("") == ()


def test_prices_say_why_not() -> None:
    text = "module m\n%x: f32[1,3,8,8] = input\n%w: f32[4,3,3,3] = input\n%y = nn.conv2d %x, %w\nreturn %y\n"
    found = module(text)
    targets = {target.name: Pricer(target) for target in targets_for(found)}
    details = Describer(found, tuple(targets.values())).details(found.graph.nodes[0])
    assert (details.prices["cpu"].latency_s or 0) > 0 and details.prices["cpu"].problem == ""
    assert details.prices["systolic"].problem.startswith("needs multipliers for 32-bit weights")
    assert details.macs == 4 * 6 * 6 * 27 and details.bytes_read == 4 * (192 + 108)


def test_too_small_a_chip_is_asked_what_it_lacks() -> None:
    srams = "ifmap_sram_bytes=1024, filter_sram_bytes=1024, ofmap_sram_bytes=1024"
    text = f"module m target=systolic({srams}, rows=64, cols=64)" + """
%x: i8[1,64,8,8]{scale=0.1} = input
%w: i8[64,64,3,3]{scale=0.1} = input
%y = nn.conv2d %x, %w
return %y
"""
    found = module(text)
    pricers = [Pricer(target) for target in targets_for(found) if target.name == "systolic"]
    price = Describer(found, pricers).details(found.graph.nodes[0]).prices["systolic"]
    assert "sram_bytes" in price.problem and "raise it" in price.problem


def test_the_screen_of_an_op() -> None:
    op = Details(
        title="conv1", kind="ir.fused", summary="nn.conv2d+nn.relu", text="%y: f32[1,8,4,4] = ir.fused %x, %w {\n}",
        operands=(
            Operand("x", "f32[1,3,4,4]", 192, "x", "input"), Operand("w", "f32[8,3,1,1]", 96, "weight", "parameter"),
        ),
        results=(Operand("y", "f32[1,8,4,4]", 512, "out", "read by pool"),),
        nest="for n in 0..1:\n  out[n] = 0", macs=384, bytes_read=288, bytes_written=512, intensity=0.48,
        schedule="unroll=(kh, kw)",
        prices={
            "cpu": Price(1e-5, 2e-4, 0.5, 0.0, "direct"), "systolic": Price(problem="needs more, has less; raise it"),
        },
    )  # fmt: skip
    assert op_screen(op, "fuse") == dedent("""\
        conv1  (ir.fused: nn.conv2d+nn.relu)  after fuse

        operands
          x       %x  f32[1,3,4,4]  192 B  input
          weight  %w  f32[8,3,1,1]  96 B   parameter

        results
          out  %y  f32[1,8,4,4]  512 B  read by pool

        loop nest
          for n in 0..1:
            out[n] = 0

        work
          384 MACs, 800 B moved (288 B read, 512 B written), 0.48 MACs/B

        schedule
          unroll=(kh, kw)

        predicted cost
          target  latency  energy  DRAM  busy  mapping
          cpu     10 us    200 uJ  0 B   50 %  direct
          systolic: does not fit: needs more, has less; raise it

        text
          %y: f32[1,8,4,4] = ir.fused %x, %w {
          }
    """)
