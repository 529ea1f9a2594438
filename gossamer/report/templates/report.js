"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const keys = data.objectives.map((o) => o.key);
  const font = { family: getComputedStyle(document.body).fontFamily, size: 13, color: "#1d2433" };
  const options = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d"] };
  let chosen = -1;

  const isShare = (key) => key.startsWith("accuracy");
  const prefixes = [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "\u00b5"], [1e-9, "n"], [1e-12, "p"]];
  function prefixOf(value) {
    const size = Math.abs(value);
    return size === 0 ? [1, ""] : prefixes.find((p) => size >= p[0] * 0.9995) || prefixes[prefixes.length - 1];
  }
  function show(value, unit, key) {
    if (value === null || value === undefined) return "\u2013";
    if (key && isShare(key)) return (100 * value).toFixed(1) + " %";
    if (unit === "mm2") return value.toPrecision(3) + " mm\u00b2";
    const [factor, letter] = prefixOf(value);
    return (value / factor).toPrecision(3) + " " + letter + unit;
  }
  // One scale for a whole axis, so that ticks read "0.5 ms" and not "5e-4".
  function axisOf(index) {
    const o = data.objectives[index];
    const values = data.designs.map((d) => d.objectives[o.key]).filter((v) => v !== null).sort((a, b) => a - b);
    if (isShare(o.key)) return { factor: 0.01, title: o.label + " (%)" };
    if (o.unit === "mm2") return { factor: 1, title: o.label + " (mm\u00b2)" };
    const [factor, letter] = prefixOf(values.length ? values[values.length >> 1] : 1);
    const unit = letter + o.unit;
    return { factor, title: unit ? o.label + " (" + unit + ")" : o.label };
  }
  // The designs nobody beats in these two objectives alone: the visible edge of the front.
  function edge(ix, iy) {
    const better = (o, a, b) => (o.higher_is_better ? a > b : a < b);
    const [ox, oy] = [data.objectives[ix], data.objectives[iy]];
    const at = (d, o) => d.objectives[o.key];
    return data.designs.filter((d) => !data.designs.some((e) => e !== d &&
      !better(ox, at(d, ox), at(e, ox)) && !better(oy, at(d, oy), at(e, oy)) &&
      (better(ox, at(e, ox), at(d, ox)) || better(oy, at(e, oy), at(d, oy)))))
      .sort((a, b) => at(a, ox) - at(b, ox));
  }
  function hover(d) {
    return "<b>" + escape(d.name) + "</b><br>" +
      data.objectives.map((o) => o.label + " " + show(d.objectives[o.key], o.unit, o.key)).join("<br>") + "<extra></extra>";
  }
  function escape(text) {
    return String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  }

  function drawFront() {
    const [ix, iy, ic] = ["pick-x", "pick-y", "pick-c"].map((id) => Number(byId(id).value));
    const [ax, ay, ac] = [axisOf(ix), axisOf(iy), axisOf(ic)];
    const of = (d, i, a) => d.objectives[keys[i]] === null ? null : d.objectives[keys[i]] / a.factor;
    const traces = [];
    if (byId("pick-all").checked && data.explored.length) {
      traces.push({ type: "scatter", mode: "markers", name: "evaluated (" + data.exploredOf + ")", hoverinfo: "skip",
        x: data.explored.map((p) => p[ix] / ax.factor), y: data.explored.map((p) => p[iy] / ay.factor),
        marker: { size: 4, color: "#c3cad9", opacity: 0.55 } });
    }
    const rim = edge(ix, iy);
    traces.push({ type: "scatter", mode: "lines", name: "edge", hoverinfo: "skip", showlegend: false,
      x: rim.map((d) => of(d, ix, ax)), y: rim.map((d) => of(d, iy, ay)),
      line: { color: "#3457d5", width: 1.5, dash: "dot", shape: data.objectives[iy].higher_is_better ? "hv" : "vh" } });
    traces.push({ type: "scatter", mode: "markers", name: "Pareto designs (" + data.designs.length + ")",
      x: data.designs.map((d) => of(d, ix, ax)), y: data.designs.map((d) => of(d, iy, ay)),
      hovertemplate: data.designs.map(hover),
      marker: { size: data.designs.map((d, i) => (i === chosen ? 17 : 11)), color: data.designs.map((d) => of(d, ic, ac)),
        colorscale: "Viridis", reversescale: !data.objectives[ic].higher_is_better, colorbar: { title: { text: ac.title, side: "right" }, thickness: 12, outlinewidth: 0 },
        line: { width: data.designs.map((d, i) => (i === chosen || rim.includes(d) ? 2 : 0.5)),
          color: data.designs.map((d, i) => (i === chosen ? "#e4572e" : rim.includes(d) ? "#1b2a5c" : "#ffffff")) } } });
    const log = byId("pick-log").checked && !isShare(keys[ix]);
    Plotly.react("front", traces, { font, margin: { l: 64, r: 20, t: 10, b: 52 }, hovermode: "closest", plot_bgcolor: "#fff",
      xaxis: { title: { text: ax.title }, type: log ? "log" : "linear", gridcolor: "#edf0f6", zeroline: false },
      yaxis: { title: { text: ay.title }, gridcolor: "#edf0f6", zeroline: false },
      legend: { orientation: "h", y: 1.06, x: 0 } }, options);
  }

  function drawParallel() {
    const axes = data.objectives.map((o, i) => axisOf(i));
    const usable = data.designs.filter((d) => keys.every((k) => d.objectives[k] !== null));
    const share = keys.findIndex(isShare);
    const by = share < 0 ? 0 : share;
    Plotly.react("parallel", [{ type: "parcoords", labelfont: { size: 13 }, tickfont: { size: 11 }, rangefont: { size: 1, color: "rgba(0,0,0,0)" },
      line: { color: usable.map((d) => d.objectives[keys[by]] / axes[by].factor), colorscale: "Viridis", reversescale: !data.objectives[by].higher_is_better },
      dimensions: data.objectives.map((o, i) => ({ label: axes[i].title, values: usable.map((d) => d.objectives[o.key] / axes[i].factor) })) }],
      { font, margin: { l: 70, r: 60, t: 44, b: 24 } }, { ...options, displayModeBar: false });
  }

  function pairs(id, values) {
    byId(id).innerHTML = Object.entries(values).map(([k, v]) => "<tr><th>" + escape(k) + "</th><td class='mono'>" + escape(v) + "</td></tr>").join("");
  }
  const columns = [["layer", "label", ""], ["kind", "kind", ""], ["shape", "shape", ""], ["w/a bits", null, ""], ["MACs", "macs", "n"], ["latency", "latency_s", "s"],
    ["stall cycles", "stall_cycles", "n"], ["energy", "energy_j", "J"], ["DRAM", "dram_bytes", "B"], ["utilization", "utilization", "%"], ["mapping", "mapping", ""]];
  function layerTable(layers) {
    const cell = (row, [, key, unit]) => key === null ? row.weight_bits + "/" + row.activation_bits
      : unit === "%" ? (100 * row[key]).toFixed(0) + " %" : unit === "n" ? show(row[key], "") : unit ? show(row[key], unit) : escape(row[key]);
    byId("detail-layers").innerHTML = "<thead><tr>" + columns.map((c) => "<th" + (c[2] ? " class='num'" : "") + ">" + c[0] + "</th>").join("") + "</tr></thead><tbody>" +
      layers.map((row) => "<tr>" + columns.map((c) => "<td" + (c[2] ? " class='num'" : "") + ">" + cell(row, c) + "</td>").join("") + "</tr>").join("") + "</tbody>";
  }
  function drawLayers(layers) {
    const total = (key) => layers.reduce((sum, row) => sum + (row[key] || 0), 0) || 1;
    const names = layers.map((row, i) => i + 1 + " " + row.label);
    const bar = (key, name, color) => ({ type: "bar", name, marker: { color }, x: names, y: layers.map((row) => 100 * (row[key] || 0) / total(key)),
      hovertemplate: layers.map((row) => "<b>" + escape(row.label) + "</b><br>" + escape(row.shape) + "<br>" + name + " " + show(row[key], key === "macs" ? "" : key.endsWith("_s") ? "s" : "J") + "<extra></extra>") });
    Plotly.react("layers-plot", [bar("latency_s", "latency", "#3457d5"), bar("energy_j", "energy", "#e4572e"), bar("macs", "MACs", "#aab4c8")],
      { font, barmode: "group", bargap: 0.25, margin: { l: 56, r: 10, t: 10, b: 110 }, yaxis: { title: { text: "share of the design (%)" }, gridcolor: "#edf0f6" },
        xaxis: { tickangle: -45, tickfont: { size: 10 } }, legend: { orientation: "h", y: 1.1 } }, options);
  }
  function paint(text) {
    return escape(text).replace(/(%[A-Za-z0-9_.]+)|(@schedule[^\n]*|#[a-z0-9]+)|(&quot;.*?&quot;)|\b((?:[a-z]+\d*)\[[0-9,]*\])|\b((?:ir|nn|math|tensor|quant)\.[a-z0-9_]+)|\b(module|input|return)\b/g,
      (all, v, s, q, t, o, k) => "<span class='" + (v ? "v" : s || q ? "s" : t ? "t" : o ? "o" : "k") + "'>" + all + "</span>");
  }
  function choose(index, scroll) {
    const d = data.designs[index];
    if (!d) return;
    chosen = index;
    byId("detail").hidden = false;
    byId("detail-name").textContent = "Design " + d.name;
    byId("detail-objectives").innerHTML = data.objectives.map((o) => "<span>" + escape(o.label) + " " + show(d.objectives[o.key], o.unit, o.key) + "</span>").join("");
    pairs("detail-network", d.network);
    pairs("detail-hardware", d.hardware);
    layerTable(d.layers);
    drawLayers(d.layers);
    byId("detail-ir").innerHTML = paint(d.ir);
    byId("detail-files").textContent = d.files.length ? "On disk: " + d.files.join(", ") : "";
    document.querySelectorAll("tr[data-design]").forEach((row) => row.classList.toggle("chosen", Number(row.dataset.design) === index));
    drawFront();
    if (scroll) byId("detail").scrollIntoView({ behavior: "smooth", block: "start" });
  }
  function sortBy(column, head) {
    const body = document.querySelector("#designs tbody");
    const up = head.dataset.up !== "1";
    head.dataset.up = up ? "1" : "0";
    const value = (row) => {
      const d = data.designs[Number(row.dataset.design)];
      return column >= 1 && column <= keys.length ? d.objectives[keys[column - 1]] : row.cells[column].textContent;
    };
    [...body.rows].sort((a, b) => (value(a) > value(b) ? 1 : -1) * (up ? 1 : -1)).forEach((row) => body.appendChild(row));
  }

  const share = Math.max(0, keys.findIndex(isShare));
  const rest = keys.map((k, i) => i).filter((i) => i !== share);
  [["pick-x", rest[0] ?? 0], ["pick-y", share], ["pick-c", rest[rest.length - 1] ?? 0]].forEach(([id, preset]) => {
    byId(id).innerHTML = data.objectives.map((o, i) => "<option value='" + i + "'>" + escape(o.label) + "</option>").join("");
    byId(id).value = String(preset);
    byId(id).addEventListener("change", drawFront);
  });
  ["pick-log", "pick-all"].forEach((id) => byId(id).addEventListener("change", drawFront));
  document.querySelectorAll("tr[data-design]").forEach((row) => {
    row.addEventListener("click", () => choose(Number(row.dataset.design), true));
    row.addEventListener("keydown", (event) => { if (event.key === "Enter") choose(Number(row.dataset.design), true); });
  });
  document.querySelectorAll("#designs th").forEach((head, column) => head.addEventListener("click", () => sortBy(column, head)));
  if (!data.designs.length) return;
  const best = data.designs.reduce((b, d, i) => (d.objectives[keys[share]] > data.designs[b].objectives[keys[share]] ? i : b), 0);
  choose(best, false);
  drawParallel();
  byId("front").on("plotly_click", (event) => {
    const point = event.points.find((p) => p.data.mode === "markers" && p.data.name.startsWith("Pareto"));
    if (point) choose(point.pointNumber, true);
  });
})();
