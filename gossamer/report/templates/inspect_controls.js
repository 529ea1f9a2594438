// What the user does: passes, search, blocks, heat, keys.
const LARGE = 160; // with more nodes than this the innermost blocks start collapsed

function setPass(pass) {
  const to = Math.min(Math.max(pass, 0), data.stages.length - 1);
  if (to === state.pass && view.picture) return;
  const held = state.selected && view.picture.nodes.get(state.selected);
  const keep = (held && held.op) || middle();
  state.pass = to;
  redraw(keep);
  if (held && held.op) {
    const same = nodeOf(view.picture, held.op);
    state.selected = same && same.op ? same.id : null;
    repaint();
  } else if (state.selected && !view.picture.nodes.has(state.selected)) state.selected = null;
  find(false);
  passBar();
  fillPanel();
  const stage = stageNow();
  say(`${to ? "after " + stage.name : "as imported"}: ${stage.ops.length} ops, ${stage.was.filter((w) => w < 0).length * (to ? 1 : 0)} added, ${stage.gone.length} removed`);
}
function passBar() {
  byId("pass").value = String(state.pass);
  byId("pass").setAttribute("aria-valuetext", state.pass ? "after " + stageNow().name : "as imported");
  [...byId("ticks").children].forEach((tick, i) => { tick.classList.toggle("now", i === state.pass); tick.setAttribute("aria-pressed", i === state.pass); });
}
function choose(id) {
  state.selected = id && view.picture.nodes.has(id) ? id : null;
  repaint();
  fillPanel();
}
// Shows an op wherever it is: blocks around it open.
function jump(id) {
  if (id.startsWith("gone:") && !state.changes) { state.changes = true; byId("changes").checked = true; redraw(); }
  if (!view.picture.nodes.has(id)) {
    const place = Number(id.split(":")[1].split(".")[0]);
    if (id.startsWith("op:")) {
      blocksAt(stageNow(), place).forEach((block) => state.collapsed.delete(block.key));
      const op = data.ops[stageNow().ops[place]];
      if (id.includes(".")) state.opened.add(resultOf(op));
      redraw();
    }
  }
  const node = view.picture.nodes.get(id) || [...view.picture.nodes.values()].find((n) => n.id.startsWith(id + "."));
  if (!node) return;
  choose(node.id);
  goTo(node);
}
function toggle(key, shut) {
  const node = view.picture.nodes.get(key);
  const keep = node ? node.leaves.map((leaf) => leaf.op).find(Boolean) : opIn(key);
  if (shut) state.collapsed.add(key);
  else state.collapsed.delete(key);
  state.selected = null;
  redraw(keep);
  find(false);
  fillPanel();
  const there = keep && nodeOf(view.picture, keep);
  if (there && !inView(there)) goTo(there);
}
function opIn(key) {
  const frame = view.picture.frames.find((f) => f.key === key);
  const first = frame && view.picture.nodes.get([...frame.nodes][0]);
  return first ? first.op || first.ops[0] : null;
}
function closeBody(op) {
  state.opened.delete(resultOf(op));
  byId("fused").checked = false;
  state.selected = null;
  redraw(op);
  fillPanel();
}
function open(node) {
  if (node.kind === "block") toggle(node.id, false);
  else if (node.op && node.op.b && !node.leaf.gone) {
    state.opened.add(resultOf(node.op));
    state.selected = null;
    redraw(node.op);
    fillPanel();
  }
}
// One level at a time: the innermost frames close, or every closed block opens.
function collapseLevel() {
  const frames = innermost(view.picture.frames);
  frames.forEach((frame) => state.collapsed.add(frame.key));
  state.opened.clear();
  byId("fused").checked = false;
  levelDone(frames.length > 0);
}
// Frames that no other block lies in.
function innermost(frames) {
  const blocks = frames.filter((frame) => !frame.opened);
  const outer = new Set();
  blocks.forEach((inner) => blocks.forEach((frame) => {
    if (frame.depth < inner.depth && frame.nodes.has(inner.nodes.values().next().value)) outer.add(frame);
  }));
  return blocks.filter((frame) => !outer.has(frame));
}
function expandLevel() {
  const blocks = [...view.picture.nodes.values()].filter((node) => node.kind === "block");
  blocks.forEach((node) => state.collapsed.delete(node.id));
  levelDone(blocks.length > 0);
}
function levelDone(changed) {
  const keep = middle();
  state.selected = null;
  redraw(keep);
  if (changed && !anyInView()) home();
  find(false);
  fillPanel();
  say(`${view.picture.nodes.size} nodes shown`);
}
const anyInView = () => [...view.picture.nodes.values()].some(inView);

// Search: every word must be in the op's label, kind, results or types.
let hits = [];
function find(list) {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const stage = stageNow();
  hits = [];
  if (words.length) {
    stage.ops.forEach((number, place) => {
      const op = data.ops[number];
      if (words.every((word) => haystack(op).includes(word))) hits.push({ id: "op:" + place, op });
    });
  }
  state.hits = new Set(hits.map((hit) => hit.id));
  byId("count").textContent = words.length ? (hits.length ? `${hits.length} found` : "nothing found") : "";
  repaint();
  if (list !== false) listHits();
}
const stacks = new Map();
function haystack(op) {
  if (!stacks.has(op)) {
    const inner = op.b ? op.b.ops.map((n) => data.ops[n].t).join("\n") : "";
    stacks.set(op, [op.t, op.k, op.s || "", ...op.o.map(([name, type]) => name + " " + text(type)), inner].join("\n").toLowerCase());
  }
  return stacks.get(op);
}
let marked2 = -1;
function listHits() {
  const box = byId("hits");
  marked2 = -1;
  box.replaceChildren(...hits.slice(0, 40).map((hit, i) => {
    const item = make("div", { role: "option", id: "hit" + i, class: "option" }, make("b", {}, shortKinds(hit.op)), " ", make("span", { class: "soft" }, ending(hit.op.t, 52)));
    item.addEventListener("pointerdown", (event) => { event.preventDefault(); pick(i); });
    return item;
  }));
  box.hidden = !hits.length;
  byId("search").setAttribute("aria-expanded", String(!box.hidden));
}
function pick(i) {
  if (!hits.length) return;
  marked2 = (i + hits.length) % hits.length;
  [...byId("hits").children].forEach((item, n) => item.classList.toggle("now", n === marked2));
  byId("search").setAttribute("aria-activedescendant", "hit" + marked2);
  jump(hits[marked2].id);
  byId("count").textContent = `${marked2 + 1} of ${hits.length}`;
}

function setHeat(key) {
  state.heat = key;
  redraw(middle());
  fillPanel();
}
const KEYS = [["\u2190 \u2192", "earlier, later pass"], ["\u2191 \u2193", "op above, below the chosen one"], ["/", "search; Enter goes to the next match"], ["Enter", "open the chosen block or fused op"],
  ["c  e", "collapse, expand blocks by a level"], ["h", "next heat"], ["+  \u2212  f  0", "zoom in, out, whole graph, first view"], ["w", "in columns, to see all of a deep network"], ["wheel, drag", "zoom, move"], ["Esc", "let go"]];
function help() {
  const box = byId("keys");
  box.hidden = !box.hidden;
  box.replaceChildren(make("h2", {}, "Keys"), table(KEYS), button("Close", {}, help));
  if (!box.hidden) box.querySelector("button").focus();
}
function step(down) {
  const now = state.selected;
  const edges = view.picture.edges.filter((e) => (down ? e.from : e.to) === now);
  const id = now ? edges.length && (down ? edges[0].to : edges[0].from) : [...view.picture.nodes.keys()][0];
  if (!id) return;
  choose(id);
  const node = view.picture.nodes.get(id);
  if (!inView(node)) goTo(node);
}
function columns() {
  state.columns = !state.columns;
  byId("columns").setAttribute("aria-pressed", String(state.columns));
  redraw();
  if (state.columns) fit();
  else home();
  const chosen = state.selected && view.picture.nodes.get(state.selected);
  if (chosen && !state.columns) goTo(chosen);
}
function theme() {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "light" : "dark";
}
const ACTIONS = { ArrowLeft: () => setPass(state.pass - 1), ArrowRight: () => setPass(state.pass + 1), ArrowUp: () => step(false), ArrowDown: () => step(true),
  "/": () => byId("search").focus(), f: () => fit(), 0: () => home(), "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), c: collapseLevel, e: expandLevel, w: columns,
  h: () => { const i = METRICS.findIndex((m) => m.key === state.heat); byId("heat").value = METRICS[(i + 1) % METRICS.length].key; setHeat(byId("heat").value); },
  "?": help, Escape: () => { byId("keys").hidden = true; choose(null); } };
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input[type=search], select, input[type=range], textarea");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !ACTIONS[event.key]) return;
  event.preventDefault();
  ACTIONS[event.key]();
});

function wire() {
  const range = byId("pass");
  range.max = String(data.stages.length - 1);
  range.addEventListener("input", () => setPass(Number(range.value)));
  byId("ticks").replaceChildren(...data.stages.map((stage, i) => button(stage.name, { class: "tick", title: stage.title, tabindex: -1 }, () => setPass(i))));
  byId("earlier").addEventListener("click", () => setPass(state.pass - 1));
  byId("later").addEventListener("click", () => setPass(state.pass + 1));
  byId("heat").replaceChildren(...METRICS.map((m) => make("option", { value: m.key }, m.label)));
  byId("heat").addEventListener("change", (event) => setHeat(event.target.value));
  byId("blocks").addEventListener("change", (event) => { state.blocks = event.target.value; state.selected = null; redraw(middle()); find(false); fillPanel(); });
  byId("collapse").addEventListener("click", collapseLevel);
  byId("expand").addEventListener("click", expandLevel);
  byId("fused").addEventListener("change", () => { state.selected = null; state.opened.clear(); redraw(middle()); fillPanel(); });
  byId("changes").addEventListener("change", (event) => { state.changes = event.target.checked; redraw(middle()); fillPanel(); });
  [["in", () => zoom(1.25)], ["out", () => zoom(0.8)], ["fit", fit], ["columns", columns], ["theme", theme], ["help", help]].forEach(([id, run]) => byId(id).addEventListener("click", run));
  const search = byId("search");
  search.addEventListener("input", () => find());
  search.addEventListener("focus", () => { if (hits.length) listHits(); });
  search.addEventListener("blur", () => { byId("hits").hidden = true; search.setAttribute("aria-expanded", "false"); });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") pick(event.shiftKey ? marked2 - 1 : marked2 + 1);
    else if (event.key === "ArrowDown") pick(marked2 + 1);
    else if (event.key === "ArrowUp") pick(marked2 - 1);
    else if (event.key === "Escape") { search.value = ""; find(); search.blur(); stageBox.focus(); }
    else return;
    event.preventDefault();
  });
  // paper shows all of the graph, in columns
  const screen = { columns: false, x: 0, y: 0, k: 1 };
  const turn = (to) => { state.columns = to; redraw(); };
  window.addEventListener("beforeprint", () => { Object.assign(screen, { columns: state.columns, x: view.x, y: view.y, k: view.k }); turn(true); fit(); });
  window.addEventListener("afterprint", () => { turn(screen.columns); Object.assign(view, { x: screen.x, y: screen.y, k: screen.k }); show(); });
}

// A large graph opens with as many inner blocks collapsed as it takes to overlook it.
function shrink() {
  for (let turn = 0; turn < 6; turn += 1) {
    const picture = pictureOf();
    const frames = innermost(picture.frames);
    if (picture.nodes.size <= LARGE || !frames.length) return;
    frames.forEach((frame) => state.collapsed.add(frame.key));
  }
}
function start() {
  wire();
  if (!data.ops.some((op) => op.g) && data.stages.some((stage) => stage.repeats.length)) { state.blocks = "repeats"; byId("blocks").value = "repeats"; }
  shrink();
  redraw();
  home();
  passBar();
  fillPanel();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}
start();
