"""`inspect`: the IR after any pass as text that parses, what a pass changed, one op, all as JSON, a page."""

from pathlib import Path

from gossamer.ir.text import parse_module


def test_after_each_shows_every_stage_as_text_that_parses(cli, tiny_onnx: Path) -> None:
    outcome = cli("inspect", tiny_onnx, "-p", "fold-constants,fuse", "--after-each")
    assert outcome.code == 0
    stages = outcome.out.split("\n// ")
    assert len(stages) == 3 and "after fuse" in stages[-1]
    last = parse_module(stages[-1].split("\n", 1)[1])
    assert "ir.fused" in {node.op.name for node in last.graph.nodes}


def test_without_passes_it_is_the_network_as_imported(cli, tiny_onnx: Path) -> None:
    document = cli("inspect", tiny_onnx, "--json").document
    assert [stage["pass"] for stage in document["stages"]] == [""]
    assert document["stages"][0]["ops"]["nn.conv2d"] == 1


def test_quantize_without_data_looks_with_random_inputs_and_says_so(cli, tiny_onnx: Path) -> None:
    outcome = cli("inspect", tiny_onnx, "-p", "quantize{bits=4}")
    assert outcome.code == 0 and "random inputs" in outcome.err
    assert "u4[" in outcome.out and "i4[" in outcome.out


def test_html(cli, tiny_onnx: Path, tmp_path: Path) -> None:
    page = tmp_path / "ir.html"
    outcome = cli("inspect", tiny_onnx, "-p", "fuse", "--html", page)
    assert outcome.code == 0 and outcome.out.startswith(f"wrote {page}")
    assert "gossamer inspect</title>" in page.read_text()
    refused = cli("inspect", tiny_onnx, "--html", page)
    assert refused.code == 2 and "exists" in refused.err


def test_what_a_pass_left_alone_is_said_with_the_reason(cli, tiny_onnx: Path) -> None:
    outcome = cli("inspect", str(tiny_onnx), "-p", "fold-bn,fuse,quantize{bits=8},winograd{m=4}")
    assert outcome.code == 0
    assert "// left alone: 1 x u8 input; quantized=true allows it\n" in outcome.out


def test_after_one_pass(cli, tiny_onnx: Path) -> None:
    outcome = cli("inspect", tiny_onnx, "-p", "fold-constants,fuse", "--after", "import")
    assert outcome.out.startswith("// as imported; 5 ops: ") and "ir.fused" not in outcome.out
    assert parse_module(outcome.out).graph.nodes
    assert "ir.fused" in cli("inspect", tiny_onnx, "-p", "fuse,dce", "--after", "fuse").out
    wrong = cli("inspect", tiny_onnx, "-p", "fuse", "--after", "fues")
    assert wrong.code == 2 and "did you mean 'fuse'" in wrong.err


def test_diff(cli, tiny_onnx: Path) -> None:
    outcome = cli("inspect", tiny_onnx, "-p", "fold-constants,fuse", "--diff", "import", "fuse")
    lines = outcome.out.splitlines()
    assert outcome.code == 0 and lines[1:3] == ["--- import", "+++ fuse"]
    assert lines[0] == "1 op changed, 0 added, 1 removed" and lines[3].startswith("@@ -")
    assert any(line.startswith("-%") and "nn.relu" in line for line in lines)
    assert any(line.startswith("+%") and "ir.fused" in line for line in lines)
    assert "\x1b" not in outcome.out
    assert cli("inspect", tiny_onnx, "--diff", "import", "import").out == "no difference between import and import\n"
    document = cli("inspect", tiny_onnx, "-p", "fuse", "--diff", "import", "fuse", "--json").document
    assert document["diff"]["from"] == "import" and document["diff"]["text"].startswith("1 op changed")


def test_op_shows_everything(cli, tiny_onnx: Path) -> None:
    outcome = cli("inspect", tiny_onnx, "-p", "fuse", "--op", "conv")
    assert outcome.code == 0
    sections = [line for line in outcome.out.splitlines() if line and not line.startswith(" ")]
    assert sections == [
        "conv  (ir.fused: nn.conv2d+nn.relu)  after fuse", "operands", "results", "loop nest", "work", "schedule",
        "predicted cost", "text",
    ]  # fmt: skip
    assert "  out[n, oc, oh, ow] = max(acc + bias[oc], 0)" in outcome.out
    assert "13.8 k MACs" in outcome.out and "\n  cpu " in outcome.out
    assert "systolic: does not fit: needs multipliers for 32-bit weights" in outcome.out


def test_op_as_data_and_after_a_pass(cli, tiny_onnx: Path) -> None:
    op = cli("inspect", tiny_onnx, "-p", "fuse", "--op", "conv", "--after", "import", "--json").document["op"]
    assert op["after"] == "import" and op["kind"] == "nn.conv2d" and op["macs"] == 13824
    assert [item["called"] for item in op["operands"]] == ["x", "weight", "bias"]
    assert op["prices"]["cpu"]["latency_s"] > 0 and "multipliers" in op["prices"]["systolic"]["problem"]


def test_an_unknown_op_names_the_nearest(cli, tiny_onnx: Path) -> None:
    outcome = cli("inspect", tiny_onnx, "--op", "cnv")
    assert outcome.code == 2 and "no op is called 'cnv'; did you mean 'conv'" in outcome.err


def test_one_screen_at_a_time(cli, tiny_onnx: Path) -> None:
    outcome = cli("inspect", tiny_onnx, "--op", "conv", "--after-each")
    assert outcome.code == 2 and "--after-each and --op are two screens" in outcome.err


def test_colours_only_on_a_terminal() -> None:
    from gossamer.cli.colour import paint_diff, paint_ir, paint_screen

    assert paint_screen("loop nest\n  for i in 0..2:\n").startswith("\x1b[1;34mloop nest\x1b[0m\n  \x1b[34mfor")
    assert paint_diff("--- a\n+x\n y\n") == "\x1b[31m--- a\x1b[0m\n\x1b[32m+x\x1b[0m\n y\n"
    painted = paint_ir('%y: f32[1,2] = nn.relu %x @label "a"\n')
    assert "\x1b[1mnn.relu\x1b[0m" in painted and "\x1b[36mf32[1,2]\x1b[0m" in painted
