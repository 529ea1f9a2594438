"""`inspect`: the IR before and after every pass, as text that parses, as JSON, as a page."""

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
