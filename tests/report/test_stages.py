"""The page of `inspect`: what a pass changed is marked, and nothing in the IR becomes markup."""

from gossamer.report.stages import changed_lines, stages_page


def stage(name: str, text: str) -> dict:
    return {"pass": name, "seconds": 0.001, "ops": {"nn.relu": 1}, "text": text}


def test_changed_lines() -> None:
    assert changed_lines(["a", "b", "c"], ["a", "x", "c", "d"]) == {1, 3}
    assert changed_lines(["a"] * 300, ["a"] * 300) == set()


def test_page() -> None:
    page = stages_page(
        "net", [stage("", 'module n\n%w = ir.param "<b>"\n'), stage("fold-bn", "module n\n%y = nn.relu %x\n")]
    )
    assert "&lt;b&gt;" in page and 'ir.param "<b>"' not in page
    assert '<span class="new">%y = nn.relu %x</span>' in page
    assert "fold-bn" in page
