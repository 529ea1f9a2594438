// Layered layout: layers by longest path, order by barycentres, places by least squares. Long edges of one source share
// one chain of bends, so dense networks stay readable and fast.
const GAP_X = 30, GAP_Y = 34, BEND = 10, SWEEPS = 8, FRAME_TITLE = 19, GUTTER = 90;
const PULL = 0.95; // below 1: everything leans to the middle, or long graphs drift sideways

function layoutOf(picture) {
  const nodes = [...picture.nodes.values()];
  const index = new Map(nodes.map((node, i) => [node.id, i]));
  const edges = picture.edges.map((e) => ({ ...e, a: index.get(e.from), b: index.get(e.to) }));
  const level = layersOf(nodes.length, edges);
  const items = nodes.map((node, i) => ({ node, w: node.w, h: node.h, level: level[i], up: [], down: [] }));
  const forward = edges.filter((e) => level[e.a] < level[e.b]);
  const chains = chainsOf(forward, items);
  const layers = rowsOf(items);
  order(layers);
  place(layers);
  picture.frames.forEach((frame) => levelsOf(frame, index, level));
  const starts = state.columns ? columnStarts(layers, picture.frames) : [0];
  layers.forEach((row, i) => { row.column = starts.filter((s) => s <= i).length - 1; });
  nodes.forEach((node, i) => { node.level = level[i]; node.column = layers[level[i]].column; });
  picture.frames = piecesOf(picture);
  const height = settleHeights(layers, roomFor(picture));
  const gutters = sideBySide(layers);
  nodes.forEach((node, i) => { node.x = items[i].x; node.y = items[i].y; });
  edges.forEach((e, i) => { picture.edges[i].path = pathOf(e, items, chains, level, layers, gutters); });
  const left = spanOf(items, "x", "w", -1), right = spanOf(items, "x", "w", 1);
  picture.box = { x: left, y: 0, w: right - left, h: height };
  picture.rows = layers;
  picture.frames.forEach((frame) => frameBox(frame, picture.nodes));
}

// Longest path from the sources; an edge that would close a cycle (blocks can make one) is left out. Sources that are
// not needed at once move down to just above their first reader.
function layersOf(count, edges) {
  const out = Array.from({ length: count }, () => []), need = new Int32Array(count), level = new Int32Array(count);
  edges.forEach((e) => { out[e.a].push(e.b); need[e.b] += 1; });
  const sources = [...need.keys()].filter((i) => need[i] === 0);
  const done = new Uint8Array(count), ready = sources.slice();
  let next = 0, at = 0;
  for (let left = count; left > 0; left -= 1) {
    if (at === ready.length) {
      while (done[next]) next += 1;
      ready.push(next);
      need[next] = 0;
    }
    const i = ready[at];
    at += 1;
    done[i] = 1;
    for (const j of out[i]) {
      if (done[j]) continue;
      level[j] = Math.max(level[j], level[i] + 1);
      need[j] -= 1;
      if (need[j] === 0) ready.push(j);
    }
  }
  for (const i of sources) {
    const below = out[i].map((j) => level[j]).filter((l) => l > level[i]);
    if (below.length) level[i] = Math.min(...below) - 1;
  }
  return level;
}
// Bends for edges that cross layers: one chain a source, as far as its last reader.
function chainsOf(edges, items) {
  const last = new Map();
  edges.forEach((e) => last.set(e.a, Math.max(last.get(e.a) || 0, items[e.b].level)));
  const chains = new Map();
  for (const [a, end] of last) {
    const chain = [];
    for (let l = items[a].level + 1; l < end; l += 1) {
      const bend = { w: BEND, h: 0, level: l, up: [], down: [], bend: true };
      items.push(bend);
      link(chain.length ? chain[chain.length - 1] : items[a], bend);
      chain.push(bend);
    }
    chains.set(a, chain);
  }
  edges.forEach((e) => {
    const span = items[e.b].level - items[e.a].level;
    link(span > 1 ? chains.get(e.a)[span - 2] : items[e.a], items[e.b]);
  });
  return chains;
}
function link(from, to) { from.down.push(to); to.up.push(from); }
function rowsOf(items) {
  const layers = [];
  items.forEach((item) => { (layers[item.level] = layers[item.level] || []).push(item); });
  for (let i = 0; i < layers.length; i += 1) layers[i] = layers[i] || [];
  return layers;
}
function order(layers) {
  const number = (row) => row.forEach((item, i) => { item.pos = i - (row.length - 1) / 2; });
  layers.forEach(number);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const row of down ? layers : layers.slice().reverse()) {
      row.forEach((item) => { item.want = mean(down ? item.up : item.down, (it) => it.pos, item.pos); });
      row.sort((p, q) => p.want - q.want);
      number(row);
    }
  }
}
function mean(items, value, otherwise) {
  if (!items.length) return otherwise;
  let sum = 0;
  for (const item of items) sum += value(item);
  return sum / items.length;
}
function place(layers) {
  layers.forEach((row) => { let x = 0; row.forEach((item) => { item.x = x + item.w / 2; x += item.w + GAP_X; });
    row.forEach((item) => { item.x -= x / 2; }); });
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const down = sweep % 2 === 0;
    for (const row of down ? layers : layers.slice().reverse()) {
      row.forEach((item) => {
        const both = sweep >= SWEEPS - 2 ? item.up.concat(item.down) : down ? item.up : item.down;
        item.want = PULL * mean(both, (it) => it.x, item.x);
      });
      spread(row);
    }
  }
}
// The places nearest to those wanted (least squares) that keep the order and the gaps: neighbours that collide are
// pooled and move as one.
function spread(row) {
  const pools = [];
  let offset = 0;
  row.forEach((item, i) => {
    if (i) offset += (row[i - 1].w + item.w) / 2 + (item.bend || row[i - 1].bend ? BEND : GAP_X);
    item.offset = offset;
    let pool = { sum: item.want - offset, count: 1, from: i };
    while (pools.length && pools[pools.length - 1].sum / pools[pools.length - 1].count >= pool.sum / pool.count) {
      const left = pools.pop();
      pool = { sum: left.sum + pool.sum, count: left.count + pool.count, from: left.from };
    }
    pools.push(pool);
  });
  pools.forEach((pool) => {
    for (let i = pool.from; i < pool.from + pool.count; i += 1) row[i].x = row[i].offset + pool.sum / pool.count;
  });
}
// The outermost coordinate of items; a loop, since a spread argument list has a limit.
function spanOf(items, at, size, side) {
  let found = side * -Infinity;
  for (const item of items) found = side > 0 ? Math.max(found, item[at] + item[size] / 2) : Math.min(found, item[at] - item[size] / 2);
  return found;
}
// Layers at which a tall graph goes on in the next column, so that all of it has the shape of the screen: near equal
// heights, where few edges and blocks are cut.
function columnStarts(layers, frames) {
  const { width, height } = stageBox.getBoundingClientRect();
  const tops = [0];
  layers.forEach((row) => tops.push(tops[tops.length - 1] + row.reduce((h, item) => Math.max(h, item.h), 0) + GAP_Y + FRAME_TITLE / 2));
  const total = tops[tops.length - 1], items = layers.flat();
  const wide = spanOf(items, "x", "w", 1) - spanOf(items, "x", "w", -1) + GUTTER;
  const count = Math.min(40, Math.round(Math.sqrt((total * width) / (height * wide))));
  const starts = [0];
  for (let c = 1; c < count; c += 1) {
    const ideal = (c * total) / count, reach = (0.25 * total) / count;
    let best = -1, least = Infinity;
    for (let i = starts[starts.length - 1] + 1; i < layers.length; i += 1) {
      const away = Math.abs(tops[i] - ideal);
      if (away > reach) continue;
      const cut = frames.filter((frame) => cuts(frame, i)).length;
      const cost = layers[i].filter((item) => item.bend).length + 2 * cut + (3 * away) / reach;
      if (cost < least) { least = cost; best = i; }
    }
    if (best > 0) starts.push(best);
  }
  return starts;
}
function levelsOf(frame, index, level) {
  frame.lowest = Infinity;
  frame.highest = -Infinity;
  frame.nodes.forEach((id) => {
    const own = level[index.get(id)];
    frame.lowest = Math.min(frame.lowest, own);
    frame.highest = Math.max(frame.highest, own);
  });
}
function cuts(frame, level) { return frame.lowest < level && frame.highest >= level; }
// Frames cut where a column ends.
function piecesOf(picture) {
  return picture.frames.flatMap((frame) => {
    const columns = new Map();
    frame.nodes.forEach((id) => {
      const column = picture.nodes.get(id).column;
      if (!columns.has(column)) columns.set(column, new Set());
      columns.get(column).add(id);
    });
    return [...columns].sort((a, b) => a[0] - b[0]).map(([column, nodes], i) => ({ ...frame, nodes, column, name: i ? frame.name + " \u2026" : frame.name }));
  });
}
// Moves the columns next to each other; returns the middle of the gap to the left of each.
function sideBySide(layers) {
  const columns = [];
  layers.forEach((row) => { (columns[row.column] = columns[row.column] || []).push(...row); });
  let x = 0;
  return columns.map((items, c) => {
    const left = spanOf(items, "x", "w", -1), right = spanOf(items, "x", "w", 1);
    const shift = columns.length > 1 ? x - left : 0;
    items.forEach((item) => { item.x += shift; item.column = c; });
    x += right - left + GUTTER;
    return left + shift - GUTTER / 2;
  });
}
// Room above each layer for the titles of the frames that start there. A frame's `head` and `foot` count the frames
// inside of it, itself included, that start or end on the same layer.
function roomFor(picture) {
  const room = new Map();
  const inside = (inner, outer) => { const [first] = inner.nodes; return outer.nodes.has(first); };
  const done = [];
  for (const frame of picture.frames.slice().sort((a, b) => b.depth - a.depth)) {
    frame.first = Infinity;
    frame.last = -Infinity;
    frame.nodes.forEach((id) => {
      const own = picture.nodes.get(id).level;
      frame.first = Math.min(frame.first, own);
      frame.last = Math.max(frame.last, own);
    });
    const within = done.filter((other) => (other.first === frame.first || other.last === frame.last) && other.depth > frame.depth && inside(other, frame));
    frame.head = 1 + Math.max(0, ...within.filter((o) => o.first === frame.first).map((o) => o.head));
    frame.foot = 1 + Math.max(0, ...within.filter((o) => o.last === frame.last).map((o) => o.foot));
    done.push(frame);
    room.set(frame.first, Math.max(room.get(frame.first) || 0, frame.head));
  }
  return room;
}
function settleHeights(layers, room) {
  let y = 0, lowest = 0;
  layers.forEach((row, i) => {
    if (i && row.column !== layers[i - 1].column) y = 0;
    y += (room.get(i) || 0) * FRAME_TITLE;
    const h = Math.max(0, ...row.map((item) => item.h));
    row.forEach((item) => { item.y = y + h / 2; });
    y += h + GAP_Y;
    lowest = Math.max(lowest, y - GAP_Y);
  });
  return lowest;
}
function pathOf(edge, items, chains, level, layers, gutters) {
  const [a, b] = [items[edge.a], items[edge.b]];
  const start = [a.x, a.y + a.h / 2, a.column], end = [b.x, b.y - b.h / 2, b.column];
  if (level[edge.a] >= level[edge.b]) {
    const side = Math.max(a.x + a.w / 2, b.x + b.w / 2) + 40;
    return { d: `M${a.x + a.w / 2},${a.y} C${side},${a.y} ${side},${b.y} ${b.x + b.w / 2},${b.y}`, top: Math.min(a.y, b.y), bottom: Math.max(a.y, b.y), left: Math.min(a.x, b.x), right: side };
  }
  const bends = chains.get(edge.a).slice(0, level[edge.b] - level[edge.a] - 1).map((item) => [item.x, item.y, item.column]);
  const points = [start, ...straight(bends), end];
  const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
  return { d: curve(points, gutters), top: Math.min(...ys) - 50, bottom: Math.max(...ys) + 50, left: Math.min(...xs), right: Math.max(...xs) };
}
// Bends in one line need only their first and last.
function straight(points) {
  const bent = (p, q) => Math.abs(p[0] - q[0]) > 0.5 || p[2] !== q[2];
  return points.filter((p, i) => i === 0 || i === points.length - 1 || bent(points[i - 1], p) || bent(points[i + 1], p));
}
function curve(points, gutters) {
  const r = (v) => Math.round(v * 10) / 10;
  let d = `M${r(points[0][0])},${r(points[0][1])}`;
  for (let i = 1; i < points.length; i += 1) {
    const [x0, y0, from] = points[i - 1], [x1, y1, to] = points[i];
    if (from !== to) { // up through the gap between the columns
      const gap = r(gutters[to]);
      d += ` C${r(x0)},${r(y0 + 34)} ${gap},${r(y0 + 34)} ${gap},${r(y0 - 6)} L${gap},${r(y1 - 8)} C${gap},${r(y1 - 44)} ${r(x1)},${r(y1 - 44)} ${r(x1)},${r(y1)}`;
      continue;
    }
    if (Math.abs(x0 - x1) < 0.5) { d += ` L${r(x1)},${r(y1)}`; continue; }
    const reach = Math.min((y1 - y0) / 2, 40);
    d += ` C${r(x0)},${r(y0 + reach)} ${r(x1)},${r(y1 - reach)} ${r(x1)},${r(y1)}`;
  }
  return d;
}
function frameBox(frame, nodes) {
  const inner = [...frame.nodes].map((id) => nodes.get(id));
  const edgeOf = (at, size, side) => spanOf(inner, at, size, side);
  const pad = 14 - Math.min(frame.depth, 4) * 2.5;
  frame.x = edgeOf("x", "w", -1) - pad;
  frame.y = edgeOf("y", "h", -1) - 4 - frame.head * FRAME_TITLE;
  frame.w = edgeOf("x", "w", 1) + pad - frame.x;
  frame.h = edgeOf("y", "h", 1) + 2 + frame.foot * 4 - frame.y;
}
