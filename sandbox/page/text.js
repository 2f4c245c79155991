// A message's text and entities as nodes. Offsets are UTF-16, which is how strings count here.

import { el, icon } from "./dom.js";
import { renderDateTime, renderFull } from "./times.js";

const SAFE_SCHEMES = new Set(["http:", "https:", "tg:", "mailto:"]);
const BLOCKS = new Set(["pre", "blockquote", "expandable_blockquote"]);
const PLAIN = {
  bold: "strong",
  italic: "em",
  underline: "u",
  strikethrough: "s",
  code: "code",
  custom_emoji: "span",
  cashtag: "span",
  phone_number: "span",
  bank_card: "span",
};

// An address that may be opened, or null: javascript:, data: and relative ones never become links.
export function safeAddress(address) {
  try {
    const url = new URL(address);
    return SAFE_SCHEMES.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/* `on` holds what a tap does: command(text), mention(text), botLink(url) → true when it was ours. */
export function renderText(text, entities, on) {
  const valid = (entities ?? [])
    .filter((entity) => entity.length > 0 && entity.offset >= 0 && entity.offset < text.length)
    .sort((a, b) => a.offset - b.offset || b.length - a.length);
  const fragment = document.createDocumentFragment();
  fill(fragment, { text, entities: valid, on }, 0, text.length);
  return fragment;
}

function fill(parent, source, from, to) {
  let at = from;
  while (source.entities.length) {
    const entity = source.entities[0];
    if (entity.offset >= to) break;
    source.entities.shift();
    const start = Math.max(entity.offset, at);
    const end = Math.min(entity.offset + entity.length, to);
    if (end <= start) continue;
    if (start > at) parent.append(source.text.slice(at, start));
    const inner = document.createDocumentFragment();
    fill(inner, source, start, end);
    parent.append(wrap(entity, inner, source.text.slice(start, end), source.on));
    at = end;
    // The block ends the line already; its own line end would show as an empty line.
    if (BLOCKS.has(entity.type) && source.text[at] === "\n" && at < to) at += 1;
  }
  if (at < to) parent.append(source.text.slice(at, to));
}

function wrap(entity, inner, covered, on) {
  if (entity.type in PLAIN) return el(PLAIN[entity.type], { class: `e-${entity.type}` }, inner);
  const make = WRAPPERS[entity.type];
  return make ? make(entity, inner, covered, on) : inner;
}

const WRAPPERS = {
  spoiler: (_entity, inner) => drawSpoiler(inner),
  pre: (entity, inner, covered) => drawPre(entity.language, inner, covered),
  blockquote: (_entity, inner) => el("blockquote", {}, inner),
  expandable_blockquote: (_entity, inner) => drawExpandable(inner),
  url: (_entity, inner, covered, on) =>
    drawLink(/^[a-z][a-z0-9+.-]*:/i.test(covered) ? covered : `https://${covered}`, inner, on),
  text_link: (entity, inner, _covered, on) => drawLink(entity.url ?? "", inner, on),
  email: (_entity, inner, covered, on) => drawLink(`mailto:${covered}`, inner, on),
  mention: (_entity, inner, covered, on) => tappable("mention", inner, () => on.mention(covered)),
  text_mention: (_entity, inner) => el("span", { class: "mention" }, inner),
  hashtag: (_entity, inner) => el("span", { class: "hashtag" }, inner),
  bot_command: (_entity, inner, covered, on) => tappable("command", inner, () => on.command(covered)),
  date_time: (entity, inner) => drawDateTime(entity, inner),
};

function tappable(kind, inner, listener) {
  return el("button", { type: "button", class: `inline-button ${kind}`, on: { click: listener } }, inner);
}

function drawLink(address, inner, on) {
  const href = safeAddress(address);
  if (!href)
    return el("span", { class: "dead-link", title: `This address is not opened: ${address}` }, inner);
  const link = el("a", { href, target: "_blank", rel: "noopener noreferrer nofollow", title: href }, inner);
  link.addEventListener("click", (event) => on.botLink(href) && event.preventDefault());
  return link;
}

function drawSpoiler(inner) {
  const hidden = el("span", { class: "spoiler-text", "aria-hidden": "true", inert: true }, inner);
  const spoiler = el(
    "span",
    { class: "spoiler", role: "button", tabindex: "0", "aria-label": "Hidden text, tap to show" },
    hidden,
  );
  const show = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    for (const name of ["role", "tabindex", "aria-label"]) spoiler.removeAttribute(name);
    hidden.removeAttribute("aria-hidden");
    hidden.removeAttribute("inert");
    spoiler.classList.add("shown");
    spoiler.removeEventListener("click", show);
    spoiler.removeEventListener("keydown", show);
  };
  spoiler.addEventListener("click", show);
  spoiler.addEventListener("keydown", show);
  return spoiler;
}

function drawPre(language, inner, covered) {
  const copy = el(
    "button",
    { type: "button", class: "pre-copy", "aria-label": "Copy this code", title: "Copy" },
    icon("copy"),
  );
  copy.addEventListener("click", async () => {
    if (!(await copyText(covered))) return;
    copy.replaceChildren(icon("check"));
    setTimeout(() => copy.replaceChildren(icon("copy")), 1500);
  });
  return el(
    "span",
    { class: "pre" },
    el("span", { class: "pre-head" }, el("span", { class: "pre-language" }, language || "code"), copy),
    el("pre", { tabindex: "0", dir: "ltr" }, el("code", {}, inner)),
  );
}

function drawExpandable(inner) {
  const quote = el("blockquote", { class: "expandable" }, el("span", { class: "quote-text" }, inner));
  const toggle = el(
    "button",
    { type: "button", class: "quote-toggle", "aria-expanded": "false" },
    "Show more",
  );
  toggle.addEventListener("click", () => {
    const open = quote.classList.toggle("open");
    toggle.setAttribute("aria-expanded", String(open));
    toggle.textContent = open ? "Show less" : "Show more";
  });
  quote.append(toggle);
  return quote;
}

function drawDateTime(entity, inner) {
  const shown = Number.isFinite(entity.unix_time)
    ? renderDateTime(entity.unix_time, entity.date_time_format)
    : null;
  const at = new Date((entity.unix_time ?? NaN) * 1000);
  if (Number.isNaN(at.getTime())) return el("span", {}, inner);
  return el(
    "time",
    { class: "date-time", datetime: at.toISOString(), title: renderFull(at) },
    shown ?? inner,
  );
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
