//! Parts that several pages share: messages, dialogs, buttons that do one thing, tables, pagers, filters.

import { h, show } from "./dom.js";

/** Says something for a moment; an error stays until it is closed. */
export function toast(text, tone = "good") {
  const box = document.getElementById("toasts");
  const item = h("div", { class: `toast ${tone}` }, h("span", null, text),
    h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => item.remove() }, "×"));
  box.append(item);
  while (box.children.length > 4) box.firstChild.remove();
  if (tone !== "bad") setTimeout(() => item.remove(), 6000);
}

/** Says something to a screen reader only. */
export function announce(text) {
  document.getElementById("announce").textContent = text;
}

/** A button that does something, can't be pressed twice meanwhile, and says what went wrong. */
export function action(label, run, props = {}) {
  return h("button", {
    type: "button", ...props,
    onclick: async (event) => {
      const button = event.currentTarget;
      if (button.getAttribute("aria-disabled") === "true") return;
      button.setAttribute("aria-disabled", "true");
      try {
        await run(button);
      } catch (error) {
        if (error.name !== "AbortError") toast(error.message, "bad");
      } finally {
        button.removeAttribute("aria-disabled");
      }
    },
  }, label);
}

/** A modal form. `build(close)` gives its content; resolves to what `close` got, or null. The browser keeps the focus inside. */
export function dialog(title, build) {
  return new Promise((resolve) => {
    const opener = document.activeElement;
    const close = (value) => {
      box.close();
      box.remove();
      opener?.focus?.();
      resolve(value ?? null);
    };
    const box = h("dialog", { class: "dialog", "aria-label": title });
    box.addEventListener("cancel", (event) => {
      event.preventDefault();
      close(null);
    });
    box.append(h("h2", null, title), build(close));
    document.body.append(box);
    box.showModal();
  });
}

/** Asks before something that can't be undone. */
export function confirm(title, text, yes) {
  return dialog(title, (close) => h("form", { onsubmit: (event) => { event.preventDefault(); close(true); } },
    h("p", null, text),
    h("div", { class: "row end" },
      h("button", { type: "button", onclick: () => close(false) }, "Cancel"),
      h("button", { type: "submit", class: "danger" }, yes))));
}

/** A labelled field of a form; the control needs a `name` that no other field on the page has. */
export function field(label, control, hint) {
  const id = `field-${control.getAttribute("name")}`;
  control.setAttribute("id", id);
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, hint && h("small", { id: `${id}-hint` }, hint));
}

/** A `<select>`; `options` are words or `[value, text]`. */
export function select(name, options, chosen, props = {}) {
  return h("select", { name, ...props }, options.map((option) => {
    const [value, text] = Array.isArray(option) ? option : [option, option.replaceAll("_", " ")];
    return h("option", { value, selected: value === (chosen ?? "") }, text);
  }));
}

/** A table that becomes a list of cards on a phone. `given`: columns, each `[head, cell(item), class]` or false. */
export function table(label, given, items, keyOf, empty) {
  const columns = given.filter(Boolean);
  if (items.length === 0) return h("p", { class: "empty" }, empty ?? "Nothing here.");
  return h("div", { class: "scroll", role: "region", "aria-label": label, tabindex: "0" }, h("table", null,
    h("caption", { class: "hidden" }, label),
    h("thead", null, h("tr", null, columns.map(([head, , kind]) => h("th", { scope: "col", class: kind }, head)))),
    h("tbody", null, items.map((item) => h("tr", { "data-key": keyOf(item) },
      columns.map(([head, cell, kind]) => h("td", { class: kind, "data-head": head }, cell(item))))))));
}

/** First and next page of a list with cursors; the cursor lives in the address, so that Back works. */
export function pager(view, list) {
  const at = view.query.cursor;
  if (!at && !list.cursor) return null;
  return h("nav", { class: "row", "aria-label": "Pages of the list" },
    at && h("a", { class: "button", href: view.link({ cursor: null }) }, "First page"),
    list.cursor && h("a", { class: "button", href: view.link({ cursor: list.cursor }) }, "Next page"));
}

/** A form of filters that writes itself into the address. */
export function filters(view, ...controls) {
  let typing = 0;
  const apply = (form) => {
    const chosen = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim() || null]));
    view.replace({ ...chosen, cursor: null });
  };
  return h("form", {
    class: "filters", role: "search", "data-keep": view.name,
    onsubmit: (event) => { event.preventDefault(); clearTimeout(typing); apply(event.currentTarget); },
    onchange: (event) => { clearTimeout(typing); apply(event.currentTarget); },
    oninput: (event) => {
      const form = event.currentTarget;
      if (event.target.type !== "search") return;
      clearTimeout(typing);
      typing = setTimeout(() => apply(form), 250);
    },
  }, controls);
}

/** A figure with its name. */
export const tile = (name, value, hint) => h("div", { class: "tile" }, h("dt", null, name), h("dd", null, value), hint && h("dd", { class: "hint" }, hint));

/** What went wrong, in place of a page. */
export function failed(root, error) {
  show(root, h("div", { class: "notice bad", role: "alert" }, h("h1", { tabindex: "-1" }, error.status === 404 ? "Not found" : "Something went wrong"), h("p", null, error.message)));
}
