//! Builds and updates the page with DOM calls only: text is always text, so a prospect's name can never become markup.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "rect", "line", "text", "title", "path"]);
const HANDLERS = ["onclick", "onchange", "onsubmit", "oninput"];

/** One element. `props`: attributes, and `onclick` and its like as functions. `false`, `null` and `undefined` are left out. */
export function h(tag, props, ...children) {
  const node = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (HANDLERS.includes(name)) node[name] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children) {
    if (child === undefined || child === null || child === false) continue;
    if (Array.isArray(child)) append(node, child);
    else node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Makes the children of `node` look like `children`, keeping what is there: focus, scroll and typed text survive. */
export function show(node, ...children) {
  const next = document.createElement("div");
  append(next, children);
  morphChildren(node, next);
}

const keyOf = (node) => (node.nodeType === 1 ? node.getAttribute("data-key") : null);

const keepOf = (node) => (node.nodeType === 1 ? node.getAttribute("data-keep") : null);

const alike = (a, b) =>
  a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b) && keepOf(a) === keepOf(b);

function morphChildren(from, to) {
  const keyed = new Map();
  for (const child of from.children) {
    const key = keyOf(child);
    if (key !== null) keyed.set(key, child);
  }
  let at = from.firstChild;
  for (const want of [...to.childNodes]) {
    const key = keyOf(want);
    const kept = key === null ? null : keyed.get(key);
    if (kept && kept.parentNode === from && kept.nodeName === want.nodeName) {
      if (kept === at) at = at.nextSibling;
      else from.insertBefore(kept, at);
      morph(kept, want);
    } else if (at && alike(at, want)) {
      const here = at;
      at = at.nextSibling;
      morph(here, want);
    } else {
      from.insertBefore(want, at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

function morph(node, want) {
  if (node.nodeType !== 1) {
    if (node.nodeValue !== want.nodeValue) node.nodeValue = want.nodeValue;
    return;
  }
  // A part that looks after itself (a form that is being filled in) is left alone.
  if (keepOf(node) !== null) return;
  for (const { name } of [...node.attributes]) {
    if (!want.hasAttribute(name) && !(name === "open" && node.nodeName === "DETAILS")) node.removeAttribute(name);
  }
  for (const { name, value } of want.attributes) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  for (const name of HANDLERS) if (node[name] !== want[name]) node[name] = want[name];
  morphChildren(node, want);
}
