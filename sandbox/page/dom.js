// Building of elements. Text only ever enters the page as text nodes.

const SVG = "http://www.w3.org/2000/svg";

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on")
      for (const [kind, listener] of Object.entries(value)) node.addEventListener(kind, listener);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name.startsWith("on") || name === "style" || name === "srcdoc")
      throw new Error(`refused attribute ${name}`);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// Drawn on a grid of 24, as strokes.
const PATHS = {
  back: "M15 5l-7 7 7 7",
  send: "M5 12h13M12 5l7 7-7 7",
  clip: "M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.4 3.4 0 0 1 5 5l-8.6 8.5a1.7 1.7 0 0 1-2.4-2.4L15 7",
  slash: "M15 5L9 19M4 4h16v16H4z",
  keys: "M3 7h18v11H3zM7 11h.01M11 11h.01M15 11h.01M8 15h8",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 20.5a2.2 2.2 0 0 0 4 0",
  mute: "M6 16V11a6 6 0 0 1 .6-2.6M9.5 5.6A6 6 0 0 1 18 11v4.5M16 18H4.5L6 16M10 20.5a2.2 2.2 0 0 0 4 0M4 4l16 16",
  more: "M12 6h.01M12 12h.01M12 18h.01",
  down: "M6 9l6 6 6-6",
  close: "M6 6l12 12M18 6L6 18",
  reply: "M10 7L4 12l6 5v-3.5c5 0 8 1.5 10 5-.5-6-4-9-10-9z",
  edit: "M5 19l1-4L16 5l3 3L9 18zM14 7l3 3",
  copy: "M9 9h10v11H9zM5 15V4h10",
  link: "M9 15l9-9M11 6h7v7",
  file: "M7 3h7l4 4v14H7zM14 3v4h4",
  pin: "M9 4h6l-1 6 3 3H7l3-3zM12 13v7",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
  auto: "M12 3.5a8.5 8.5 0 1 0 0 17zM12 3.5a8.5 8.5 0 0 1 0 17",
  sound: "M5 10v4h3l4 4V6L8 10zM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  quiet: "M5 10v4h3l4 4V6L8 10zM16 10l4 4M20 10l-4 4",
  group:
    "M9 11a3.2 3.2 0 1 0 0-6.4A3.2 3.2 0 0 0 9 11zM3 19c0-3.4 2.7-5.5 6-5.5s6 2.1 6 5.5M16 5a3 3 0 0 1 0 6M17 13.7c2.4.5 4 2.4 4 5.3",
  history: "M4 12a8 8 0 1 0 2.6-5.9L4 8.5M4 4v4.5h4.5M12 8v4.5l3 1.8",
  code: "M8 7l-5 5 5 5M16 7l5 5-5 5",
  check: "M5 12.5l4.5 4.5L19 7.5",
  plus: "M12 5v14M5 12h14",
};

export function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("class", `icon icon-${name}`);
  drawing.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  drawing.append(path);
  return drawing;
}

export function iconButton(name, label, listener, extra = {}) {
  return el(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": label,
      title: label,
      on: { click: listener },
      ...extra,
    },
    icon(name),
  );
}

export function clear(node) {
  node.replaceChildren();
  return node;
}

// A colour of the palette that stays the same for the same chat or person.
export function tint(id) {
  return Math.abs(Number(id)) % 7;
}

export function avatar(name, id, { size = "", isBot = false } = {}) {
  if (isBot) return el("img", { class: `avatar ${size}`, src: "icon.svg", alt: "" });
  const letter = [...String(name).trim()][0] ?? "?";
  return el(
    "span",
    { class: `avatar tint-${tint(id)} ${size}`, "aria-hidden": "true" },
    letter.toUpperCase(),
  );
}

/* Make the children of `box` those of `items`, keeping every node whose ingredients are the same.
   An item is {key, parts, build}: `build` is called only when the key is new or a part changed. */
export function reconcile(box, items) {
  const wanted = new Set(items.map(({ key }) => key));
  const kept = new Map();
  const focus = focusWithin(box);
  for (const node of [...box.children]) {
    if (wanted.has(node.itemKey) && !kept.has(node.itemKey)) kept.set(node.itemKey, node);
    else node.remove();
  }
  let place = box.firstElementChild;
  for (const { key, parts, build } of items) {
    let node = kept.get(key);
    kept.delete(key);
    if (!node || !same(node.itemParts, parts)) {
      const fresh = Object.assign(build(), { itemKey: key, itemParts: parts });
      if (node) {
        if (node === place) place = fresh;
        node.replaceWith(fresh);
      }
      node = fresh;
    }
    if (node === place) place = place.nextElementSibling;
    else box.insertBefore(node, place);
  }
  restoreFocus(box, focus);
}

function same(before, after) {
  return before.length === after.length && before.every((part, index) => Object.is(part, after[index]));
}

function focusWithin(box) {
  const active = document.activeElement;
  if (!active || active === box || !box.contains(active)) return null;
  let item = active;
  while (item.parentNode !== box) item = item.parentNode;
  return { active, key: item.itemKey, name: active.dataset.focus };
}

// A bubble rebuilt by an edit must not throw a keyboard user out of it.
function restoreFocus(box, focus) {
  if (!focus || document.activeElement === focus.active) return undefined;
  if (focus.active.isConnected) return focus.active.focus({ preventScroll: true });
  const item = [...box.children].find((node) => node.itemKey === focus.key);
  const again = focus.name && item?.querySelector(`[data-focus="${CSS.escape(focus.name)}"]`);
  return (again || item || box).focus({ preventScroll: true });
}
