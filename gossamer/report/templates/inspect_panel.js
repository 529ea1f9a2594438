// The details beside the graph: the pass as a whole, one op, or one block.
const panel = byId("panel");
function section(title, ...children) { return make("section", {}, make("h3", {}, title), ...children); }
function table(rows, head) {
  return make("table", {}, head ? make("thead", {}, make("tr", {}, head.map((h) => make("th", { scope: "col" }, h)))) : null,
    make("tbody", {}, rows.map((row) => make("tr", {}, row.map((cell, i) => (i || head ? make("td", {}, cell) : make("th", { scope: "row" }, cell)))))));
}
function link2(label, title, id) { return button(label, { class: "link", title }, () => jump(id)); }

function fillPanel() {
  const node = state.selected && view.picture.nodes.get(state.selected);
  panel.replaceChildren(...(node ? (node.kind === "block" ? blockPanel(node) : node.op ? opPanel(node) : valuePanel(node)) : passPanel()));
  panel.scrollTop = 0;
}

function passPanel() {
  const stage = stageNow(), shown = stage.ops.map((number) => data.ops[number]);
  const facts = [["ops", String(shown.length)], ["MACs", quantity(stage.macs, "")], ["parameters", `${quantity(stage.params, "")}, ${quantity(stage.bytes, "B")}`]];
  if (state.pass) facts.push(["time of the pass", quantity(stage.ms / 1e3, "s")]);
  return [make("h2", {}, state.pass ? "after " + stage.name : "as imported"), stage.title !== stage.name ? make("p", { class: "mono soft" }, stage.title) : null,
    table(facts), ...changesSection(stage), ...targetsSection(shown), heaviest(stage), kindsSection(shown), ...refusals(stage)].filter(Boolean);
}
function changesSection(stage) {
  if (!state.pass) return [];
  const leaves = stage.ops.map((number, place) => ({ op: data.ops[number], place, id: "op:" + place }));
  const of = (kind) => leaves.filter((leaf) => changeOf(stage, leaf) === kind);
  const before = data.stages[state.pass - 1];
  const gone = stage.gone.map(([old]) => ({ op: data.ops[before.ops[old]], id: "gone:" + old }));
  const groups = [["added", of("added")], ["changed", of("changed")], ["removed", gone]];
  if (!groups.some(([, list]) => list.length)) return [section("What it changed", make("p", {}, "nothing"))];
  return [section("What it changed", ...groups.filter(([, list]) => list.length).map(([kind, list]) =>
    make("details", { open: list.length <= 6 }, make("summary", {}, make("span", { class: "key c-" + kind }, `${list.length} ${kind}`)),
      make("ul", {}, list.slice(0, 60).map((item) => make("li", {}, link2(shortKinds(item.op), item.op.t, item.id), " ", make("span", { class: "soft" }, ending(item.op.t, 34))))),
      list.length > 60 ? make("p", { class: "soft" }, `and ${list.length - 60} more`) : null)))];
}
function targetsSection(shown) {
  const rows = data.targets.map((name, t) => {
    const prices = shown.map((op) => op.c[t]).filter((price) => price !== undefined);
    const good = prices.filter(Array.isArray), bad = prices.filter((price) => !Array.isArray(price));
    const total = (column) => (good.length && !bad.length && good.every((p) => p[column] !== null) ? good.reduce((sum, p) => sum + p[column], 0) : null);
    return [name, quantity(total(0), "s"), quantity(total(1), "J"), bad.length ? make("span", { title: bad[0] }, `${bad.length} do not fit`) : "fits"];
  });
  return rows.length ? [section("Predicted cost, op after op", table(rows, ["target", "latency", "energy", ""]))] : [];
}
function heaviest(stage) {
  const metric = state.heat === "none" ? METRICS[1] : metricNow();
  const ranked = stage.ops.map((number, place) => ({ op: data.ops[number], place, value: heatOf([data.ops[number]], metric) }))
    .filter((item) => Number.isFinite(item.value) && item.value > 0).sort((a, b) => b.value - a.value);
  if (!ranked.length) return null;
  const total = ranked.reduce((sum, item) => sum + item.value, 0);
  return section("Most " + metric.label, make("ol", { class: "ranked" }, ranked.slice(0, 10).map((item) => {
    const bar = make("span", { class: "meter" });
    bar.style.width = `${(100 * item.value) / ranked[0].value}%`;
    const share = metric.key === "intensity" ? "" : `, ${((100 * item.value) / total).toFixed(0)} %`;
    return make("li", {}, link2(shortKinds(item.op), item.op.t, "op:" + item.place), make("span", { class: "num" }, quantity(item.value, metric.unit) + share),
      make("span", { class: "soft path" }, ending(item.op.t, 46)), make("span", { class: "track2" }, bar));
  })));
}
function kindsSection(shown) {
  const kinds = new Map();
  shown.forEach((op) => kinds.set(op.s || op.k, (kinds.get(op.s || op.k) || 0) + 1));
  return section("Kinds", table([...kinds].sort((a, b) => b[1] - a[1]).map(([kind, count]) => [make("span", { class: "mono" }, kind), String(count)])));
}
function refusals(stage) {
  const reasons = new Map();
  Object.values(stage.refused).forEach((why) => reasons.set(why, (reasons.get(why) || 0) + 1));
  return reasons.size ? [section("Left alone", make("ul", {}, [...reasons].map(([why, times]) => make("li", {}, `${times} \u00d7 ${why}`))))] : [];
}

function opPanel(node) {
  const { op, leaf } = node, stage = stageNow(), why = stage.refused[op.t];
  const into = leaf.gone && leaf.into >= 0 ? "op:" + leaf.into : null;
  return [make("h2", {}, node.title), make("p", { class: "mono soft path" }, op.t), make("p", { class: "mono" }, op.s ? `${op.k}: ${op.s}` : op.k),
    node.change ? make("p", {}, make("span", { class: "key c-" + node.change }, node.change + " by " + stage.name), into ? [" ", link2("its work is here now", "", into)] : null) : null,
    op.b && !leaf.gone ? button("Open the body in the graph", {}, () => open(node)) : null,
    why ? make("p", { class: "note" }, "left alone: " + why) : null,
    section("Loop nest", code(text(op.n), "nest")), values("Operands", op.a, true), values("Results", op.o, false),
    section("Work", table(workOf([op]))), op.c && Object.keys(op.c).length ? section("Predicted cost", prices(op)) : null,
    section("Schedule", op.sc ? make("p", { class: "mono" }, op.sc) : make("p", { class: "soft" }, "none: the target chooses")), ...textSection(node)].filter(Boolean);
}
function workOf(ops) {
  const sum = (of) => ops.reduce((total, op) => total + of(op), 0), bytes = sum(bytesOf);
  return [["MACs", quantity(sum((op) => op.m), "")], ["bytes read", quantity(sum((op) => op.r), "B")], ["bytes written", quantity(sum((op) => op.w), "B")],
    ["MACs per byte", bytes ? String(Number((sum((op) => op.m) / bytes).toPrecision(3))) : "\u2013"]];
}
function prices(op) {
  return make("div", {}, data.targets.map((name, t) => {
    const price = op.c[t];
    if (price === undefined) return null;
    if (!Array.isArray(price)) return make("div", { class: "price" }, make("b", {}, name), make("p", { class: "nofit" }, "does not fit: " + price));
    const rows = [["latency", quantity(price[0], "s")], ["energy", quantity(price[1], "J")], ["used", price[2] === null ? "\u2013" : `${Math.round(100 * price[2])} % of peak`],
      ["DRAM", quantity(price[3], "B")], ["mapping", make("span", { class: "mono" }, price[4])]];
    return make("div", { class: "price" }, make("b", {}, name), table(rows));
  }));
}
function values(title, list, reads) {
  if (!list.length) return null;
  return section(title, make("ul", { class: "values" }, list.map(([name, type, bytes, called, param]) =>
    make("li", {}, make("b", { class: "mono" }, called), " ", make("span", { class: "mono type" }, text(type)), " ", make("span", { class: "soft" }, quantity(bytes, "B")),
      make("div", { class: "mono soft path" }, "%" + name, param ? make("span", { class: "tag" }, "parameter") : null), make("div", { class: "links" }, linksOf(name, reads))))));
}
function linksOf(name, reads) {
  const stage = stageNow(), links = [];
  stage.ops.forEach((number, place) => {
    const op = data.ops[number];
    if ((reads ? op.o : op.a).some(([other]) => other === name)) links.push(link2((reads ? "from " : "to ") + shortKinds(op), op.t, "op:" + place));
  });
  return links.slice(0, 12);
}
// The statement; where the pass changed it, the old one above with what differs marked.
function textSection(node) {
  const { op, leaf } = node;
  if (node.change !== "changed" || leaf.inside) return [section("Text", code(text(op.x), "ir"))];
  const before = data.stages[state.pass - 1];
  const old = data.ops[before.ops[stageNow().was[leaf.place]]];
  if (old.x === op.x) {
    const from = old.sc !== op.sc ? `schedule before: ${old.sc || "none"}` : old.t !== op.t ? "called before: " + old.t : "only its price changed";
    return [section("Text", make("p", { class: "note" }, from), code(text(op.x), "ir"))];
  }
  const [was, now] = marked(text(old.x), text(op.x));
  return [section("Text before " + stageNow().name, make("pre", { class: "ir was", tabindex: 0 }, was)), section("Text after", make("pre", { class: "ir now", tabindex: 0 }, now))];
}
function marked(before, after) {
  const [a, b] = [before, after].map((t) => t.match(/%"[^"]*"|[\w.%]+|\s+|./g) || []);
  const keep = common(a, b);
  const show2 = (parts, kept) => parts.map((part, i) => (kept.has(i) || !part.trim() ? part : make("mark", {}, part)));
  return [show2(a, keep[0]), show2(b, keep[1])];
}
// Longest common subsequence; texts too long for the square of their lengths are marked whole.
function common(a, b) {
  const kept = [new Set(), new Set()];
  if (a.length * b.length > 4e6) return kept;
  const w = b.length + 1, best = new Uint16Array((a.length + 1) * w);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) best[i * w + j] = a[i] === b[j] ? best[(i + 1) * w + j + 1] + 1 : Math.max(best[(i + 1) * w + j], best[i * w + j + 1]);
  }
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) { kept[0].add(i); kept[1].add(j); i += 1; j += 1; }
    else if (best[(i + 1) * w + j] >= best[i * w + j + 1]) i += 1;
    else j += 1;
  }
  return kept;
}
const SYNTAX = { nest: /(#.*$)|\b(for|in|and|or|not|where)\b|\b(acc|out\d*)\b/gm, ir: /(@\w+.*$)|\b((?:ir|nn|math|tensor|quant)\.\w+|input|return)\b|(\b[a-z]+\d*\[[\d,]*\])/gm };
function code(source, kind) {
  const parts = [];
  let at = 0;
  for (const match of source.matchAll(SYNTAX[kind])) {
    parts.push(source.slice(at, match.index), make("span", { class: match[1] ? "s1" : match[2] ? "s2" : "s3" }, match[0]));
    at = match.index + match[0].length;
  }
  return make("pre", { class: kind, tabindex: 0 }, parts, source.slice(at));
}

function blockPanel(node) {
  const kinds = new Map();
  node.ops.forEach((op) => kinds.set(op.s || op.k, (kinds.get(op.s || op.k) || 0) + 1));
  return [make("h2", {}, node.title), make("p", { class: "mono soft path" }, node.id.startsWith("n:") ? node.full : ""), button("Expand", {}, () => open(node)), section("Work", table([["ops", String(node.ops.length)], ...workOf(node.ops)])),
    ...targetsSection(node.ops), section("Kinds", table([...kinds].map(([kind, count]) => [make("span", { class: "mono" }, kind), String(count)]))),
    section("Ops", make("ul", {}, node.leaves.slice(0, 60).map((leaf) => make("li", {}, link2(shortKinds(leaf.op), leaf.op.t, leaf.id), " ", make("span", { class: "soft" }, ending(leaf.op.t, 34))))))];
}
function valuePanel(node) {
  return [make("h2", {}, `${node.kind} ${node.title}`), node.sub ? make("p", { class: "mono" }, node.sub) : null].filter(Boolean);
}
