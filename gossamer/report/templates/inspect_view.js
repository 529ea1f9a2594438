// The graph on the screen: only what is in view is in the document; zoom, drag, wheel.
const view = { x: 0, y: 0, k: 1, picture: null, shown: new Map(), scale: null };
const LEGEND = 50; // pixels that the legend may take at the bottom
const NEAR = 0.42; // below this zoom text cannot be read and is left out
const stageBox = byId("stage");
const svg = draw("svg", { role: "group", "aria-label": "Graph of the network; Tab moves through the ops in view" });
const world = draw("g", {});
const layersOfSvg = { frames: draw("g", { class: "frames" }), edges: draw("g", { class: "edges", fill: "none" }), nodes: draw("g", { class: "nodes" }) };
svg.append(draw("defs", {}, draw("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerUnits: "userSpaceOnUse", markerWidth: 9, markerHeight: 9, orient: "auto" },
  draw("path", { d: "M0,0.5 L8,4 L0,7.5 z", class: "tip" })), draw("pattern", { id: "hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
  draw("rect", { width: 7, height: 7, class: "hatch0" }), draw("rect", { width: 2.5, height: 7, class: "hatch1" }))), world);
world.append(layersOfSvg.frames, layersOfSvg.edges, layersOfSvg.nodes);
stageBox.append(svg);

// Draw the present state anew. `keep`: an op that should stay where it is on the screen.
function redraw(keep) {
  const before = keep && view.picture && nodeOf(view.picture, keep);
  const picture = pictureOf();
  layoutOf(picture);
  view.picture = picture;
  heatUp(picture);
  view.shown.clear();
  Object.values(layersOfSvg).forEach((g) => g.replaceChildren());
  const after = before && nodeOf(picture, keep);
  if (after) {
    view.x += (before.x - after.x) * view.k;
    view.y += (before.y - after.y) * view.k;
  }
  show();
}
// The node that shows an op, or in another pass what it became: of its result and label, else its label, else its result.
function nodeOf(picture, op) {
  const alike = [(o) => o.t === op.t && resultOf(o) === resultOf(op), (o) => o.t === op.t, (o) => resultOf(o) === resultOf(op)];
  for (const same of alike) {
    for (const node of picture.nodes.values()) {
      if (!(node.leaf && node.leaf.gone) && node.ops.some(same)) return node;
    }
  }
  return null;
}
// The op nearest to the middle of the screen, to hold on to when the picture changes.
function middle() {
  if (!view.picture) return null;
  const { width, height } = stageBox.getBoundingClientRect();
  const x = (width / 2 - view.x) / view.k, y = (height / 2 - view.y) / view.k;
  let best = null, least = Infinity;
  for (const node of view.picture.nodes.values()) {
    if (node.kind !== "op" || node.leaf.gone) continue;
    const d = Math.abs(node.y - y) * 2 + Math.abs(node.x - x);
    if (d < least) { least = d; best = node.op; }
  }
  return best;
}

function heatUp(picture) {
  const metric = metricNow();
  let most = 0, least = Infinity;
  picture.nodes.forEach((node) => {
    node.heat = heatOf(node.ops, metric);
    if (node.heat !== null && Number.isFinite(node.heat)) {
      most = Math.max(most, node.heat);
      if (node.heat > 0) least = Math.min(least, node.heat);
    }
  });
  view.scale = metric.key === "none" ? null : { most, least: Number.isFinite(least) ? least : 0, metric };
  legend();
}
const RAMP = [[255, 246, 214], [254, 217, 142], [253, 164, 86], [229, 90, 54], [158, 24, 44]];
const warmth = (value) => (view.scale && view.scale.most ? Math.sqrt(value / view.scale.most) : 0);
function colourOf(t) {
  const at = Math.min(t, 0.9999) * (RAMP.length - 1), i = Math.floor(at);
  return "rgb(" + RAMP[i].map((v, c) => Math.round(v + (RAMP[i + 1][c] - v) * (at - i))).join(",") + ")";
}
function legend() {
  const items = [];
  if (view.scale) {
    const stops = RAMP.map((c, i) => `rgb(${c.join(",")}) ${25 * i}%`).join(",");
    const ramp = make("span", { class: "ramp", role: "img", "aria-label": "from little to much" });
    ramp.style.background = `linear-gradient(90deg,${stops})`;
    items.push(make("span", {}, "0"), ramp, make("span", { id: "most" }, quantity(view.scale.most, view.scale.metric.unit)));
    if ([...view.picture.nodes.values()].some((n) => n.heat === Infinity)) items.push(make("span", { class: "key nofit" }, "does not fit"));
  } else {
    const here = new Set([...view.picture.nodes.values()].map((n) => n.family));
    FAMILIES.filter(([name]) => here.has(name)).forEach(([name, label]) => items.push(make("span", { class: "key f-" + name }, label)));
  }
  if (state.changes && state.pass > 0) ["added", "changed", "removed"].forEach((c) => items.push(make("span", { class: "key c-" + c }, c)));
  byId("legend").replaceChildren(...items);
}

function show() {
  const { width, height } = stageBox.getBoundingClientRect();
  world.setAttribute("transform", `translate(${view.x},${view.y}) scale(${view.k})`);
  svg.classList.toggle("far", view.k < NEAR);
  const margin = 80 / view.k;
  const box = { left: -view.x / view.k - margin, top: -view.y / view.k - margin, right: (width - view.x) / view.k + margin, bottom: (height - view.y) / view.k + margin };
  const wanted = new Set();
  const want = (key, group, build) => {
    wanted.add(key);
    if (view.shown.has(key)) return;
    const element = build();
    view.shown.set(key, element);
    layersOfSvg[group].append(element);
  };
  view.picture.frames.forEach((f) => {
    if (f.x < box.right && f.x + f.w > box.left && f.y < box.bottom && f.y + f.h > box.top) want("f " + f.key + " " + f.column, "frames", () => frameElement(f));
  });
  view.picture.edges.forEach((e, i) => {
    const p = e.path;
    if (p.top < box.bottom && p.bottom > box.top && p.left < box.right && p.right > box.left) want("e " + i, "edges", () => edgeElement(e));
  });
  view.picture.nodes.forEach((n) => {
    if (n.x - n.w / 2 < box.right && n.x + n.w / 2 > box.left && n.y - n.h / 2 < box.bottom && n.y + n.h / 2 > box.top) want("n " + n.id, "nodes", () => nodeElement(n));
  });
  for (const [key, element] of view.shown) {
    if (!wanted.has(key)) { element.remove(); view.shown.delete(key); }
  }
}
let pending = false;
function soon() {
  if (pending) return;
  pending = true;
  requestAnimationFrame(() => { pending = false; show(); });
}

function edgeElement(edge) {
  const element = draw("path", { d: edge.path.d, "data-from": edge.from, "data-to": edge.to, "marker-end": "url(#tip)" });
  paintEdge(element, edge);
  return element;
}
function paintEdge(element, edge) {
  const near = state.selected && (edge.from === state.selected || edge.to === state.selected);
  element.setAttribute("class", (edge.ghost ? "ghost " : "") + (near ? (edge.to === state.selected ? "into" : "from") : ""));
}
function frameElement(frame) {
  const shut = (event) => { event.stopPropagation(); if (frame.opened) closeBody(frame.opened); else toggle(frame.key, true); };
  const element = draw("g", { class: "frame d" + Math.min(frame.depth, 3) + (frame.opened ? " body" : ""), "data-frame": frame.key },
    draw("rect", { x: frame.x, y: frame.y, width: frame.w, height: frame.h, rx: 10 }),
    draw("text", { x: frame.x + 8, y: frame.y + 14, class: "framename", tabindex: 0, role: "button", "aria-label": "Collapse block " + frame.name },
      "\u2212 " + starting(frame.name, Math.max(8, Math.floor(frame.w / 7)))));
  element.querySelector("text").addEventListener("click", shut);
  element.querySelector("text").addEventListener("keydown", (event) => { if (event.key === "Enter") shut(event); });
  return element;
}
function nodeElement(node) {
  const [x, y] = [node.x - node.w / 2, node.y - node.h / 2];
  const plain = node.kind === "input" || node.kind === "output";
  const kids = [draw("title", {}, node.full),
    draw("rect", { class: "card", width: node.w, height: node.h, rx: plain ? 15 : 7 })];
  if (node.kind === "block") kids.push(draw("rect", { class: "double", x: 3, y: 3, width: node.w - 6, height: node.h - 6, rx: 5 }));
  if (node.family) kids.push(draw("rect", { class: "stripe f-" + node.family, width: 5, height: node.h - 10, x: 0, y: 5, rx: 2.5 }));
  kids.push(...labelsOf(node));
  const element = draw("g", { transform: `translate(${x},${y})`, tabindex: 0, role: "button", "aria-label": spoken(node), "data-node": node.id,
    "data-title": node.full, "data-kind": node.kind, "data-change": node.change }, kids);
  paintNode(element, node);
  element.addEventListener("click", (event) => { event.stopPropagation(); choose(node.id); });
  element.addEventListener("dblclick", (event) => { event.stopPropagation(); open(node); });
  element.addEventListener("keydown", (event) => { if (event.key === "Enter") { if (state.selected === node.id) open(node); else choose(node.id); } });
  return element;
}
function labelsOf(node) {
  if (node.kind === "input" || node.kind === "output") {
    return [draw("text", { x: node.w / 2, y: 19, class: "io" }, ending(node.title, 20))];
  }
  const heat = node.heat !== null && node.heat !== undefined ? (node.heat === Infinity ? "\u2717" : quantity(node.heat, metricNow().unit)) : "";
  if (node.kind === "block") {
    const macs = node.ops.reduce((sum, op) => sum + op.m, 0);
    return [draw("text", { x: 14, y: 23, class: "name" }, "+ " + (node.id.startsWith("r:") ? starting(node.title, 24) : ending(node.title, 24))),
      draw("text", { x: 14, y: 41, class: "sub" }, count(node.leaves.length, "op") + (macs ? `, ${quantity(macs, "")} MACs` : "")), draw("text", { x: node.w - 8, y: 41, class: "heat" }, heat)];
  }
  return [draw("text", { x: 13, y: 19, class: "name" }, starting(node.title, 27)),
    draw("text", { x: 13, y: 36, class: "sub" }, heat ? ending(node.sub, 22) : subtitle(node)), draw("text", { x: node.w - 8, y: 36, class: "heat" }, heat)];
}
// Type, and the end of the label where there is room.
function subtitle(node) {
  const label = node.full.split("/").slice(-1)[0], room = 28 - node.sub.length;
  return room >= 5 ? node.sub + " \u00b7 " + ending(label, room) : ending(node.sub, 31);
}
function spoken(node) {
  const parts = [node.kind === "block" ? "block " + node.title + ", " + count(node.leaves.length, "op") : node.kind === "op" ? node.title + ", " + node.full : node.kind + " " + node.title];
  if (node.sub) parts.push(node.sub);
  if (node.change) parts.push(node.change + " by this pass");
  if (node.heat === Infinity) parts.push("does not fit");
  else if (node.heat) parts.push(quantity(node.heat, metricNow().unit));
  return parts.join(", ");
}
function paintNode(element, node) {
  const hot = node.heat !== null && node.heat !== undefined;
  const t = hot && node.heat !== Infinity ? warmth(node.heat) : 0;
  const names = ["node", node.kind, node.family ? "f-" + node.family : ""];
  if (state.changes && node.change) names.push("c-" + node.change);
  if (state.selected === node.id) names.push("selected");
  if (isHit(node)) names.push("hit");
  if (node.leaf && node.leaf.gone) names.push("gone");
  if (hot) names.push(node.heat === Infinity ? "nofit" : t > 0.62 ? "hot deep" : "hot");
  element.setAttribute("class", names.join(" "));
  element.querySelector(".card").style.fill = hot && node.heat !== Infinity && !(node.leaf && node.leaf.gone) ? colourOf(t) : "";
}
const isHit = (node) => state.hits.has(node.id) || (node.leaves || []).some((leaf) => state.hits.has(leaf.id));
// Selection and matches change only how things look.
function repaint() {
  view.picture.nodes.forEach((n) => { const e = view.shown.get("n " + n.id); if (e) paintNode(e, n); });
  view.picture.edges.forEach((edge, i) => { const e = view.shown.get("e " + i); if (e) paintEdge(e, edge); });
}

function zoom(factor, cx, cy) {
  const { width, height } = stageBox.getBoundingClientRect();
  const [px, py] = cx === undefined ? [width / 2, height / 2] : [cx, cy];
  const k = Math.min(3, Math.max(Math.min(0.05, fitting()), view.k * factor));
  view.x = px - (px - view.x) * (k / view.k);
  view.y = py - (py - view.y) * (k / view.k);
  view.k = k;
  soon();
}
function fitting() {
  const { width, height } = stageBox.getBoundingClientRect(), { w, h } = view.picture.box;
  return Math.min(1.2, (width - 60) / w, (height - LEGEND - 40) / h);
}
function fit() {
  const { width, height } = stageBox.getBoundingClientRect(), box = view.picture.box;
  view.k = fitting();
  view.x = width / 2 - (box.x + box.w / 2) * view.k;
  view.y = (height - LEGEND) / 2 - (box.y + box.h / 2) * view.k;
  show();
}
// The first view: readable, from the top.
function home() {
  const { width } = stageBox.getBoundingClientRect(), box = view.picture.box;
  view.k = Math.max(fitting(), Math.min(1, Math.max(0.6, (width - 60) / box.w)));
  const first = [...view.picture.nodes.values()].reduce((a, b) => (b.y < a.y ? b : a));
  view.x = width / 2 - (box.w * view.k < width ? box.x + box.w / 2 : first.x) * view.k;
  view.y = 34;
  show();
}
function goTo(node) {
  const { width, height } = stageBox.getBoundingClientRect();
  view.k = Math.max(view.k, 0.75);
  view.x = width / 2 - node.x * view.k;
  view.y = height / 2 - node.y * view.k;
  show();
}
function inView(node) {
  const { width, height } = stageBox.getBoundingClientRect();
  const [x, y] = [node.x * view.k + view.x, node.y * view.k + view.y];
  return x > 20 && x < width - 20 && y > 20 && y < height - 20;
}

let drag = null;
stageBox.addEventListener("pointerdown", (event) => { if (event.button === 0) drag = { x: event.clientX, y: event.clientY, moved: false }; });
window.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
  if (!drag.moved && Math.abs(dx) + Math.abs(dy) < 4) return;
  drag = { x: event.clientX, y: event.clientY, moved: true };
  stageBox.classList.add("dragging");
  view.x += dx;
  view.y += dy;
  soon();
});
window.addEventListener("pointerup", () => { stageBox.classList.remove("dragging"); setTimeout(() => { drag = null; }, 0); });
stageBox.addEventListener("click", () => { if (!drag || !drag.moved) choose(null); });
stageBox.addEventListener("wheel", (event) => {
  event.preventDefault();
  const box = stageBox.getBoundingClientRect();
  if (event.ctrlKey || event.metaKey || !event.shiftKey) zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), event.clientX - box.left, event.clientY - box.top);
  else { view.x -= event.deltaY; soon(); }
}, { passive: false });
window.addEventListener("resize", soon);
