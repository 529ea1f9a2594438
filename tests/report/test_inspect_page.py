"""The page of `gossamer inspect --html`, driven in headless Chromium: what a person does, read from the document."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gossamer as gs
from gossamer.ir.graph import Module
from gossamer.ir.text import parse_module
from gossamer.report.inspection.page import inspect_page

HOSTILE = '</script><img src=x onerror="window.pwned=1">'

SMALL = """module small
%x: f32[1,4,8,8] = input
%w: f32[6,4,3,3] = ir.param "w"
%b: f32[6] = ir.param "b"
%c = nn.conv2d %x, %w, %b pads=(1,1,1,1) @label "body.first.conv"
%r = nn.relu %c @label "body.first.relu"
%s = nn.sigmoid %r @label "body.second.sigmoid"
%p = nn.max_pool2d %s kernel_shape=(2,2) strides=(2,2) @label "body.second.pool"
%m = math.reduce_mean %p axes=(2,3) keepdims=false @label "head.mean"
return %m
"""

pytestmark = pytest.mark.slow  # a browser is started


def small(text: str = SMALL) -> Module:
    rng = np.random.default_rng(0)
    shapes = {"w": (6, 4, 3, 3), "b": (6,)}
    return parse_module(text, {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()})


def residual(blocks: int) -> Module:
    """Five ops a block."""
    lines = ["module big", "%x: f32[1,16,8,8] = input"]
    before = "%x"
    for i in range(blocks):
        place = f"net.stage{i // 50}.block{i % 50}"
        names = {kind: f'@label "{place}.{kind}"' for kind in ("relu", "gate", "mul", "pool", "add")}
        lines += [
            f"%r{i} = nn.relu {before} {names['relu']}",
            f"%s{i} = nn.sigmoid %r{i} {names['gate']}",
            f"%m{i} = math.mul %r{i}, %s{i} {names['mul']}",
            f"%c{i} = nn.max_pool2d %m{i} kernel_shape=(3,3) pads=(1,1,1,1) {names['pool']}",
            f"%a{i} = math.add %c{i}, {before} {names['add']}",
        ]
        before = f"%a{i}"
    return parse_module("\n".join([*lines, f"return {before}", ""]))


def embedded(page: str) -> dict[str, Any]:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


@pytest.fixture
def page(opened):
    return opened(small(), "simplify,fuse")


def test_the_file_holds_no_weights_and_asks_for_nothing() -> None:
    module = small()
    text = inspect_page("small", gs.inspect(module, "fuse"))
    assert "default-src 'none'" in text
    outside = [link for link in re.findall(r"https?://[^\s\"']+", text) if link != "http://www.w3.org/2000/svg"]
    assert outside == [] and not re.search(r"<(?:script|link|img|iframe)[^>]*\s(?:src|href)=", text)
    assert str(float(module.params["w"].ravel()[0]))[:8] not in text


def test_ops_that_stages_share_are_stored_once() -> None:
    data = embedded(inspect_page("small", gs.inspect(small(), "simplify,dce,fuse")))
    first, second = data["stages"][0]["ops"], data["stages"][1]["ops"]
    assert first == second and len(data["ops"]) < 2 * len(first) + 4
    assert len(set(data["texts"])) == len(data["texts"])


def test_a_person_looks_around(page) -> None:
    assert page.texts("#ticks button") == ["import", "simplify", "fuse"]
    assert "after fuse" in page.panel and "PREDICTED COST" in page.panel.upper()
    page.click('[data-title="body.first.conv"]')
    assert "acc += x[n, ic, oh + kh - 1, ow + kw - 1] * weight[oc, ic, kh, kw]" in page.panel
    assert "cpu" in page.panel and "systolic" in page.panel and "does not fit: needs" in page.panel
    assert page.count(".node.selected") == 1
    page.key("Escape")
    assert page.count(".node.selected") == 0 and page.errors() == []


def test_the_slider_shows_what_a_pass_did(page) -> None:
    assert page.js("return document.querySelector('[data-title=\"body.first.conv\"]').dataset.change") == "changed"
    assert "body.first.relu" in page.js("return [...document.querySelectorAll('.c-removed')].map(e => e.dataset.title)")
    page.key("ArrowLeft")
    page.key("ArrowLeft")
    assert "as imported" in page.panel and page.count('[data-change="changed"]') == 0
    page.js("const r = document.getElementById('pass'); r.value = 2; r.dispatchEvent(new Event('input'))")
    assert "after fuse" in page.panel
    page.click('[data-title="body.first.conv"]')
    assert "TEXT BEFORE FUSE" in page.panel.upper() and page.count("pre.now mark") > 0
    page.click("#changes")
    assert page.count(".c-removed") == 0


def test_blocks_collapse_and_expand(page) -> None:
    page.key("ArrowLeft")
    assert page.count('[data-title="body.first.conv"]') == 1
    page.click("#collapse")
    assert page.count('[data-title="body.first.conv"]') == 0
    assert "+ first" in page.texts(".node.block .name") and page.count(".node.block") == 2
    page.double_click(".node.block")
    assert page.count('[data-title="body.first.conv"]') == 1
    page.click("#expand")
    assert page.count(".node.block") == 0 and page.errors() == []


def test_a_fused_op_opens(page) -> None:
    assert page.count('[data-title="body.first.relu"]:not(.gone)') == 0
    page.double_click('[data-title="body.first.conv"]')
    assert page.count('[data-title="body.first.relu"]:not(.gone)') == 1
    assert page.count(".frame.body") == 1
    page.click(".frame.body text")
    assert page.count(".frame.body") == 0 and page.errors() == []


def test_heat_colours_by_a_number(page) -> None:
    page.choose("heat", "macs")
    hot = page.js("return document.querySelector('[data-title=\"body.first.conv\"] .card').style.fill")
    cold = page.js("return document.querySelector('[data-title=\"head.mean\"] .card').style.fill")
    assert hot.startswith("rgb(158") and cold.startswith("rgb(255")
    assert page.texts("#most") == ["13.8 k"]
    page.choose("heat", "latency:systolic")
    assert page.count(".node.nofit") == 1


def test_search_finds_and_steps_through(page) -> None:
    page.type("BODY second")
    assert page.texts("#count") == ["2 found"] and page.count(".node.hit") == 2, "what is inside of fused ops counts"
    page.enter()
    page.enter()
    assert page.texts("#count") == ["2 of 2"] and page.texts(".node.selected .name") == ["max_pool2d"]
    page.type("no such op")
    assert page.texts("#count") == ["nothing found"]


def test_names_stay_text(opened) -> None:
    hostile = json.dumps(HOSTILE)
    text = SMALL.replace("body.first.conv", HOSTILE.replace('"', '\\"')).replace("%p", f"%{hostile}")
    page = opened(parse_module(text.replace("module small", f"module {hostile}"), small().params), "fuse")
    assert page.count("img") == 0 and page.js("return window.pwned === undefined")
    assert page.texts("#net") == [HOSTILE]
    nodes = page.js("return [...document.querySelectorAll('.node')].map(e => e.dataset.title)")
    page.click(f".node:nth-child({nodes.index(HOSTILE) + 1})")
    assert HOSTILE in page.panel and page.count("img") == 0 and page.errors() == []


def test_zoom_drag_and_fit(page) -> None:
    where = "return document.querySelector('#stage svg > g').getAttribute('transform')"
    first = page.js(where)
    page.click("#in")
    page.frame()
    zoomed = page.js(where)
    assert zoomed != first
    for event, x in (("pointerdown", 300), ("pointermove", 420), ("pointerup", 420)):
        page.js("document.getElementById('stage').dispatchEvent(new PointerEvent(arguments[0], "
                "{bubbles: true, button: 0, clientX: arguments[1], clientY: 300}))", event, x)  # fmt: skip
    page.frame()
    assert page.js(where) != zoomed
    page.click("#fit")
    assert page.count(".node") == 7 and page.errors() == [], "input, three ops, two removed ones, output"


def test_it_can_be_used_without_eyes_or_mouse(page) -> None:
    named = "e.getAttribute('aria-label') || e.textContent.trim() || e.closest('label')"
    parts = "[...document.querySelectorAll('button, input, select, [role=button], [role=group]')]"
    assert page.js(f"return {parts}.filter(e => !({named})).map(e => e.outerHTML)") == []
    page.key("ArrowDown")
    page.key("ArrowDown")
    assert page.count(".node.selected") == 1
    page.key("?")
    assert "earlier, later pass" in page.js("return document.getElementById('keys').innerText")
    page.key("Escape")
    page.key("ArrowLeft")
    assert page.texts("#said")[0].startswith("after simplify: 5 ops")


def test_a_thousand_ops(opened) -> None:
    page = opened(residual(200))
    assert page.count(".node") < 200, "a large graph opens collapsed"
    before = page.js("return performance.now()")
    page.choose("blocks", "none")
    assert page.js("return performance.now()") - before < 3000
    assert 5 < page.count(".node") < 100, "only what is in view is in the document"
    page.type("stage3.block49.add")
    page.enter()
    assert page.count('[data-title="net.stage3.block49.add"].selected') == 1
    page.click("#fit")
    assert page.count(".node") == 1002 and page.errors() == []


def test_columns_show_all_of_a_deep_network(opened) -> None:
    page = opened(residual(40))
    page.choose("blocks", "none")
    page.click("#fit")
    transform = "document.querySelector('#stage svg > g').getAttribute('transform')"
    scale = f"return Number(/scale\\(([^)]*)/.exec({transform})[1])"
    before = page.js(scale)
    page.key("w")
    assert page.js(scale) > 3 * before and page.count(".node") == 202
    box = "document.getElementById('stage').getBoundingClientRect()"
    outside = f"n => {{ const a = n.getBoundingClientRect(), s = {box}; " \
              "return a.left < s.left || a.right > s.right || a.top < s.top || a.bottom > s.bottom }"  # fmt: skip
    assert page.js(f"return [...document.querySelectorAll('.node')].filter({outside}).length") == 0
    page.key("w")
    page.click("#fit")
    assert page.js(scale) == before
    page.js("window.dispatchEvent(new Event('beforeprint'))")
    assert page.js(scale) > 3 * before, "paper shows columns"
    page.js("window.dispatchEvent(new Event('afterprint'))")
    assert page.js(scale) == before and page.errors() == []


def test_a_scan_shows_its_steps(opened) -> None:
    text = """module scan
        %h: f32[2] = input
        %s: f32[3,2] = input
        %y, %z = ir.scan %h, %s states=1 scanned=1 steps=3 {
          %h: f32[2] = input
          %s: f32[2] = input
          %n = math.add %h, %s
          %o = math.neg %n
          return %n, %o
        } @label "loop"
        return %y, %z
    """
    page = opened(parse_module("\n".join(line.strip() for line in text.splitlines())))
    page.click('[data-title="loop"]')
    assert "for t in 0..3:" in page.panel
    page.double_click('[data-title="loop"]')
    assert page.count(".frame.body") == 1 and page.errors() == []


@pytest.mark.slow
def test_mobilenet_v2_opens_within_a_second(shown, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from gossamer.frontends import zoo

    path = tmp_path / "mobilenet_v2.onnx"
    zoo.save_onnx(zoo.build("mobilenet_v2"), path, zoo.input_shape("mobilenet_v2"))
    module = gs.load(path)
    stages = gs.inspect(module, "fold-constants,simplify,fold-bn,dce,fuse,winograd{m=4},tile{target=cpu}")
    text = inspect_page("mobilenet_v2.onnx", stages)
    assert len(text.encode()) < 2_000_000
    pages = [shown(text) for _ in range(3)]
    assert min(page.started_ms for page in pages) < 1000, pages
    page = pages[-1]
    page.type("features.17 conv")
    assert page.texts("#count") == ["3 found"]
    page.enter()
    assert "for n in 0..1, oc in 0..960" in page.panel
    page.choose("heat", "latency:cpu")
    assert page.count(".node.hot") > 0
    for _ in range(4):
        page.key("ArrowLeft")
    assert "changed by fold-bn" in page.panel and page.count(".c-removed") > 0
    page.click("#collapse")
    page.click("#fit")
    assert page.count(".node.block") > 10
    assert page.js("return performance.getEntriesByType('resource').length") == 0 and page.errors() == []
