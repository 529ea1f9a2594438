// What is to be drawn: the ops of a stage, with blocks collapsed or not, as nodes, edges and frames.
const data = JSON.parse(byId("data").textContent);
const text = (index) => data.texts[index];

const state = { pass: data.stages.length - 1, blocks: "names", collapsed: new Set(), opened: new Set(), heat: "none",
  changes: true, columns: false, selected: null, hits: new Set() };
const stageNow = () => data.stages[state.pass];

const FAMILIES = [["product", "convolutions, products", /conv|gemm|matmul|lstm|gru/], ["norm", "normalisation", /norm|softmax/],
  ["pool", "pooling, reductions", /pool|reduce|arg_|cum_|top_k/], ["quant", "quantisation", /^quant/],
  ["move", "data movement", /^tensor|shuffle|resize/], ["map", "element-wise", /^(math|nn)\./], ["other", "other", /./]];
function familyOf(op) {
  const kinds = (op.s || op.k).split(/[+ (]+/);
  return FAMILIES.find(([name]) => name === "product" && kinds.some((k) => FAMILIES[0][2].test(k)))?.[0]
    || FAMILIES.find(([, , pattern]) => pattern.test(kinds[0]))[0];
}
const shortKinds = (op) => (op.s || op.k).replace(/\b(nn|math|tensor|quant|ir)\./g, "").replace(/\+/g, " + ");
const bytesOf = (op) => op.r + op.w;

// Heat: a number for an op, or null. A block has the sum of its ops; intensity is a quotient of sums.
const METRICS = [{ key: "none", label: "off", unit: "", of: () => null }, { key: "macs", label: "MACs", unit: "", of: (op) => op.m },
  { key: "bytes", label: "bytes moved", unit: "B", of: bytesOf },
  { key: "intensity", label: "MACs per byte", unit: "", of: (op) => (bytesOf(op) ? op.m / bytesOf(op) : 0) }];
data.targets.forEach((name, t) => {
  const priced = (column) => (op) => (Array.isArray(op.c[t]) ? op.c[t][column] : op.c[t] ? Infinity : 0);
  METRICS.push({ key: "latency:" + name, label: "latency on " + name, unit: "s", of: priced(0) });
  if (data.ops.some((op) => Array.isArray(op.c[t]) && op.c[t][1] !== null)) {
    METRICS.push({ key: "energy:" + name, label: "energy on " + name, unit: "J", of: priced(1) });
  }
});
const metricNow = () => METRICS.find((m) => m.key === state.heat) || METRICS[0];
function heatOf(ops, metric) {
  if (!ops.length || metric.key === "none") return null;
  if (metric.key === "intensity") {
    const bytes = ops.reduce((sum, op) => sum + bytesOf(op), 0);
    return bytes ? ops.reduce((sum, op) => sum + op.m, 0) / bytes : 0;
  }
  return ops.reduce((sum, op) => sum + (metric.of(op) ?? 0), 0);
}

// Blocks that the op at a place lies in, outermost first: [{key, name}].
function blocksAt(stage, place) {
  if (state.blocks === "names") return namedBlocks(data.ops[stage.ops[place]]);
  if (state.blocks !== "repeats") return [];
  for (const [start, period, count] of stage.repeats) {
    if (place >= start && place < start + period * count) {
      const turn = Math.floor((place - start) / period);
      const kinds = [...new Set(stage.ops.slice(start, start + period).map((number) => shortKinds(data.ops[number])))].join(", ");
      return [{ key: "r:" + start, name: `${count} times ${kinds}` }, { key: "r:" + start + ":" + turn, name: `turn ${turn + 1} of ${count}: ${kinds}` }];
    }
  }
  return [];
}
function namedBlocks(op) {
  return (op.g || []).map((path, i) => ({ key: "n:" + path, name: shownPath(path, i ? op.g[i - 1] : "") }));
}
// What a level adds to the one above it; ONNX repeats whole paths in every part.
function shownPath(path, above) {
  const rest = above ? path.slice(above.length + 1) : path;
  const parts = rest.split("/");
  const last = parts[parts.length - 1];
  return parts.length > 1 && !last.startsWith(parts[parts.length - 2] + ".") && !above ? rest : last;
}

// Every op of the stage as leaves {id, op, place, blocks, reads: [leaf id or input id]}; opened bodies op by op.
function leavesOf(stage) {
  const made = new Map();
  const leaves = [];
  stage.in.forEach(([name, type]) => {
    made.set(name, "in:" + name);
    leaves.push({ id: "in:" + name, input: true, name, type, blocks: [], reads: [] });
  });
  stage.ops.forEach((number, place) => {
    const op = data.ops[number];
    const id = "op:" + place;
    if (isOpen(op)) {
      addBody(leaves, made, op, place, [...blocksAt(stage, place), { key: "f:" + resultOf(op), name: shortKinds(op), opened: op }], id);
      return;
    }
    leaves.push({ id, op, number, place, blocks: blocksAt(stage, place), reads: op.a.map(([name]) => made.get(name)) });
    op.o.forEach(([name]) => made.set(name, id));
  });
  stage.out.forEach((name) => leaves.push({ id: "out:" + name, output: true, name, blocks: [], reads: [made.get(name)] }));
  return { leaves, made };
}
// Labels may be shared by what an importer made of one operator; results are not.
const resultOf = (op) => (op.o.length ? op.o[0][0] : op.t);
const isOpen = (op) => !!op.b && (state.opened.has(resultOf(op)) || byId("fused").checked);
function addBody(leaves, made, op, place, blocks, id) {
  const inner = new Map(op.b.in.map((name, i) => [name, made.get(op.b.given[i])]));
  op.b.ops.forEach((number, i) => {
    const own = data.ops[number];
    const leaf = { id: id + "." + i, op: own, number, place, inside: op, blocks, reads: own.a.map(([name]) => inner.get(name)) };
    leaves.push(leaf);
    own.o.forEach(([name]) => inner.set(name, leaf.id));
  });
  op.o.forEach(([name], i) => made.set(name, inner.get(op.b.out[i])));
}

// Ops of the stage before that this pass removed, hung between what they read and what read them.
function ghostsOf(stage, before, made) {
  const now = new Map();
  stage.was.forEach((old, place) => { if (old >= 0) now.set(old, "op:" + place); });
  const ghost = new Set(stage.gone.map(([old]) => old));
  const makers = new Map(before.in.map(([name]) => [name, "in:" + name]));
  const readers = new Map();
  before.ops.forEach((number, old) => {
    const op = data.ops[number];
    op.a.forEach(([name]) => readers.set(name, [...(readers.get(name) || []), old]));
    op.o.forEach(([name]) => makers.set(name, ghost.has(old) ? "gone:" + old : now.get(old)));
  });
  // where the body is open that took its work, the op is seen there
  const seen = ([, into]) => into >= 0 && isOpen(data.ops[stage.ops[into]]);
  return stage.gone.filter((gone) => !seen(gone)).map(([old, into]) => {
    const op = data.ops[before.ops[old]];
    const after = op.o.flatMap(([name]) => readers.get(name) || []).filter((o) => !ghost.has(o)).map((o) => now.get(o));
    const near = into >= 0 ? into : Number((now.get(old - 1) || now.get(old + 1) || "op:0").slice(3));
    const blocks = state.blocks === "names" ? namedBlocks(op) : blocksAt(stage, near);
    return { id: "gone:" + old, op, number: before.ops[old], gone: true, into, blocks, reads: op.a.map(([name]) => makers.get(name)), readBy: after };
  });
}

function changeOf(stage, leaf) {
  if (leaf.gone) return "removed";
  if (!leaf.op || state.pass === 0 || leaf.place === undefined) return "";
  const old = stage.was[leaf.place];
  if (old < 0) return "added";
  return data.stages[state.pass - 1].ops[old] === stage.ops[leaf.place] ? "" : "changed";
}

// The picture: nodes {id, kind, title, sub, w, h, ops, change}, edges [{from, to, ghost}], frames [{key, name, nodes, depth}].
function pictureOf() {
  const stage = stageNow();
  const { leaves, made } = leavesOf(stage);
  if (state.changes && state.pass > 0) leaves.push(...ghostsOf(stage, data.stages[state.pass - 1], made));
  const nodes = new Map();
  const home = new Map();
  const frames = new Map();
  const sizes = new Map();
  leaves.forEach((leaf) => leaf.blocks.forEach((block) => sizes.set(block.key, (sizes.get(block.key) || 0) + 1)));
  for (const leaf of leaves) {
    // a block of one op is that op
    const shut = leaf.blocks.findIndex((block) => state.collapsed.has(block.key) && sizes.get(block.key) > 1);
    const block = shut < 0 ? null : leaf.blocks[shut];
    const node = block ? blockNode(nodes, block) : leafNode(stage, leaf);
    nodes.set(node.id, node);
    home.set(leaf.id, node.id);
    if (leaf.inside) home.set("op:" + leaf.place, node.id);
    if (block) addTo(node, stage, leaf);
    leaf.blocks.slice(0, shut < 0 ? undefined : shut).forEach((outer, depth) => {
      if (!frames.has(outer.key)) frames.set(outer.key, { ...outer, depth, nodes: new Set() });
      frames.get(outer.key).nodes.add(node.id);
    });
  }
  return { nodes, edges: edgesOf(leaves, home, nodes), frames: telling([...frames.values()]) };
}
// Frames that say something: not around one node, nor around just what the frame outside of them holds.
function telling(frames) {
  const sizes = new Set();
  return frames.sort((a, b) => a.depth - b.depth).filter((frame) => {
    const [first] = frame.nodes;
    const same = frame.nodes.size + " " + first;
    if (!frame.opened && (frame.nodes.size < 2 || sizes.has(same))) return false;
    sizes.add(same);
    return true;
  });
}
function leafNode(stage, leaf) {
  if (leaf.input || leaf.output) {
    return { id: leaf.id, kind: leaf.input ? "input" : "output", title: leaf.name, full: leaf.name, sub: leaf.input ? text2type(leaf.type) : "", ops: [], w: 150, h: 30, change: "" };
  }
  const type = leaf.op.o.length ? text(leaf.op.o[0][1]) : "";
  return { id: leaf.id, kind: "op", title: shortKinds(leaf.op), full: leaf.op.t, sub: text2type(type), op: leaf.op, leaf,
    family: familyOf(leaf.op), ops: leaf.gone ? [] : [leaf.op], w: 216, h: 46, change: changeOf(stage, leaf) };
}
function text2type(type) { return type.replace(/\{.*\}$/, "").replace(/,/g, "\u00d7").replace("[", " ").replace("]", ""); }
function blockNode(nodes, block) {
  return nodes.get(block.key) || { id: block.key, kind: "block", block, title: block.name, full: block.key.slice(2), sub: "", ops: [], leaves: [],
    family: "block", w: 216, h: 54, change: "" };
}
function addTo(node, stage, leaf) {
  if (!leaf.gone) {
    node.leaves.push(leaf);
    node.ops.push(leaf.op);
  }
  const change = changeOf(stage, leaf);
  if (change) node.change = "changed";
}
function edgesOf(leaves, home, nodes) {
  const seen = new Map();
  const add = (from, to, ghost) => {
    const [a, b] = [home.get(from), home.get(to)];
    if (!a || !b || a === b) return;
    const key = a + "\u0000" + b;
    if (!seen.has(key) || (seen.get(key).ghost && !ghost)) seen.set(key, { from: a, to: b, ghost });
  };
  for (const leaf of leaves) {
    leaf.reads.forEach((from) => { if (from) add(from, leaf.id, !!leaf.gone); });
    (leaf.readBy || []).forEach((to) => { if (to) add(leaf.id, to, true); });
  }
  return [...seen.values()];
}
