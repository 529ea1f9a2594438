// Building the document. Text from models only ever goes through textContent and setAttribute: it cannot become markup.
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

function make(tag, attributes, ...children) {
  return filled(document.createElement(tag), attributes, children);
}
function draw(tag, attributes, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== "") element.append(child);
  }
  return element;
}
function button(text, attributes, onclick) {
  return make("button", { type: "button", ...attributes, onclick }, text);
}

const PREFIXES = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "\u00b5"], [1e-9, "n"], [1e-12, "p"]];
// `0.00123, "s"` -> `1.23 ms`; what is not known is a dash.
function quantity(value, unit) {
  if (value === null || value === undefined) return "\u2013";
  if (value === 0) return unit ? "0 " + unit : "0";
  const [factor, letter] = PREFIXES.find(([f]) => Math.abs(value) >= f * 0.9995) || PREFIXES[PREFIXES.length - 1];
  const tail = letter + unit;
  return String(Number((value / factor).toPrecision(3))) + (tail ? " " + tail : "");
}
const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;
// A long path by its end.
function ending(text, most) {
  return text.length <= most ? text : "\u2026" + text.slice(text.length - most + 1);
}
function starting(text, most) {
  return text.length <= most ? text : text.slice(0, most - 1) + "\u2026";
}
function say(text) { byId("said").textContent = text; }
