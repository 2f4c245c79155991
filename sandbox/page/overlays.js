// Things that lie above the page: toasts, dialogs, menus, the enlarged picture.

import { clear, el, icon, iconButton } from "./dom.js";
import { renderFull } from "./times.js";
import { copyText, renderText } from "./text.js";

const TOAST_MS = 4_500;
const PADDING = 8;
const SILENT = { command() {}, mention() {}, botLink: () => false };

export function toast(text, { tap = null, tone = "plain" } = {}) {
  const box = document.getElementById("toasts");
  const note = el(
    tap ? "button" : "div",
    { class: `toast ${tone}`, type: tap ? "button" : null, dir: "auto" },
    text,
  );
  const close = () => note.remove();
  if (tap)
    note.addEventListener("click", () => {
      close();
      tap();
    });
  box.append(note);
  while (box.children.length > 4) box.firstElementChild.remove();
  setTimeout(close, TOAST_MS);
}

export function openDialog(title, content, { wide = false, closeLabel = "Close" } = {}) {
  const id = `dialog-${Math.random().toString(36).slice(2)}`;
  const close = el(
    "button",
    { type: "button", class: "button primary", on: { click: () => dialog.close() } },
    closeLabel,
  );
  const dialog = el(
    "dialog",
    { class: `dialog ${wide ? "wide" : ""}`, "aria-labelledby": id },
    el("h2", { id }, title),
    el("div", { class: "dialog-content" }, content),
    el("div", { class: "dialog-foot" }, close),
  );
  return show(dialog);
}

function show(dialog) {
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export function openAlert(title, text) {
  openDialog(title, el("p", { class: "alert-text", dir: "auto" }, text), { closeLabel: "OK" });
}

// Answers true only when the person agreed.
export function askFor(title, sentence, agree) {
  return new Promise((resolve) => {
    const choose = (value) => () => {
      resolve(value);
      dialog.close();
    };
    const dialog = el(
      "dialog",
      { class: "dialog", "aria-label": title },
      el("h2", {}, title),
      el("p", {}, sentence),
      el(
        "div",
        { class: "dialog-foot" },
        el("button", { type: "button", class: "button", on: { click: choose(false) } }, "Cancel"),
        el("button", { type: "button", class: "button danger", on: { click: choose(true) } }, agree),
      ),
    );
    dialog.addEventListener("close", () => resolve(false));
    show(dialog);
  });
}

export function openJson(message) {
  const text = JSON.stringify(message, null, 2);
  const copy = el("button", { type: "button", class: "button" }, icon("copy"), "Copy");
  copy.addEventListener("click", async () => (await copyText(text)) && toast("Copied"));
  openDialog("Raw JSON", [el("pre", { class: "raw", tabindex: "0", dir: "ltr" }, text), copy], {
    wide: true,
  });
}

export function openHistory(message) {
  const versions = [
    ...(message.history ?? []),
    {
      at: message.edited_at ?? message.at,
      text: message.text,
      caption: message.caption,
      entities: message.text ? message.entities : message.caption_entities,
      current: true,
    },
  ];
  const list = el(
    "ol",
    { class: "versions" },
    versions.map((version, index) => {
      const words = version.text ?? version.caption ?? "";
      return el(
        "li",
        {},
        el(
          "p",
          { class: "version-head" },
          `${version.current ? "Now" : `Version ${index + 1}`} · ${renderFull(version.at)}`,
        ),
        el(
          "div",
          { class: "version-text", dir: "auto" },
          words ? renderText(words, version.entities ?? [], SILENT) : "(no text)",
        ),
      );
    }),
  );
  openDialog("Versions of this message", list, { wide: true });
}

export function openPicture(address, description) {
  const dialog = el("dialog", { class: "lightbox", "aria-label": "Picture" });
  const close = iconButton("close", "Close the picture", () => dialog.close());
  const picture = el("img", { src: address, alt: description });
  const save = el("a", { class: "button", href: address, download: "picture" }, icon("down"), "Save");
  picture.addEventListener("click", () => dialog.close());
  dialog.append(picture, el("div", { class: "lightbox-bar" }, save, close));
  show(dialog);
}

/* A menu beside `anchor`. Entries: {label, icon?, run, checked?, badge?, danger?}, or {faces, run} for a row of reactions. */
export function openMenu(anchor, entries, label) {
  closeMenu();
  const menu = el("div", { class: "menu", role: "menu", "aria-label": label, tabindex: "-1" });
  for (const entry of entries) menu.append(entry.faces ? drawFaces(entry) : drawEntry(entry));
  menu.addEventListener("keydown", (event) => steer(menu, event, anchor));
  const shade = el("div", {
    class: "menu-shade",
    on: {
      click: closeMenu,
      contextmenu: (event) => {
        event.preventDefault();
        closeMenu();
      },
    },
  });
  document.body.append(shade, menu);
  anchor.setAttribute("aria-expanded", "true");
  menu.returnTo = anchor;
  place(menu, anchor);
  choices(menu)[0]?.focus();
}

function drawEntry(entry) {
  const role = entry.checked === undefined ? "menuitem" : "menuitemradio";
  const run = () => {
    closeMenu();
    entry.run();
  };
  return el(
    "button",
    {
      type: "button",
      role,
      class: `menu-entry ${entry.danger ? "danger" : ""}`,
      "aria-checked": entry.checked === undefined ? null : String(entry.checked),
      on: { click: run },
    },
    entry.lead ?? (entry.icon ? icon(entry.icon) : null),
    el(
      "span",
      { class: "menu-words" },
      el("span", { class: "menu-label" }, entry.label),
      entry.detail ? el("span", { class: "menu-detail" }, entry.detail) : null,
    ),
    entry.badge ? el("span", { class: "badge" }, String(entry.badge)) : null,
    entry.checked ? icon("check") : null,
  );
}

function drawFaces({ faces, chosen, run }) {
  return el(
    "div",
    { class: "faces", role: "group", "aria-label": "React" },
    faces.map((face) =>
      el(
        "button",
        {
          type: "button",
          role: "menuitem",
          class: `face ${face === chosen ? "chosen" : ""}`,
          "aria-label": `React with ${face}`,
          on: {
            click: () => {
              closeMenu();
              run(face === chosen ? null : face);
            },
          },
        },
        face,
      ),
    ),
  );
}

const choices = (menu) => [...menu.querySelectorAll("button")];

function steer(menu, event, anchor) {
  const all = choices(menu);
  const at = all.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: -1 }[
    event.key
  ];
  if (to !== undefined) all.at(to % all.length).focus();
  else if (event.key === "Escape" || event.key === "Tab") closeMenu(anchor);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

export function closeMenu() {
  for (const shade of document.querySelectorAll(".menu-shade")) shade.remove();
  for (const menu of document.querySelectorAll(".menu")) {
    menu.returnTo.setAttribute("aria-expanded", "false");
    const held = menu.contains(document.activeElement);
    menu.remove();
    if (held) menu.returnTo.focus({ preventScroll: true });
  }
}

function place(menu, anchor) {
  const from = anchor.getBoundingClientRect();
  const size = menu.getBoundingClientRect();
  const left = Math.min(Math.max(PADDING, from.left), innerWidth - size.width - PADDING);
  const below = from.bottom + 4;
  const top =
    below + size.height <= innerHeight - PADDING ? below : Math.max(PADDING, from.top - size.height - 4);
  menu.style.left = `${Math.max(PADDING, left)}px`;
  menu.style.top = `${top}px`;
}

export function openWelcome(sentence) {
  const box = clear(document.getElementById("welcome"));
  box.append(
    el("img", { src: "icon.svg", alt: "", width: "72", height: "72" }),
    el("h1", {}, "A small Telegram of your own"),
    el("p", {}, sentence),
    el(
      "p",
      { class: "hint" },
      "It looks like ",
      el("code", {}, `${location.origin}/#token=…`),
      ". You can paste it here:",
    ),
  );
  const input = el("input", {
    type: "text",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": "The address that was printed",
    placeholder: `${location.origin}/#token=…`,
  });
  const form = el(
    "form",
    { class: "welcome-form" },
    input,
    el("button", { class: "button primary", type: "submit" }, "Open"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const token = input.value.split("token=").at(-1).trim();
    if (!token) return;
    location.hash = `token=${encodeURIComponent(token)}`;
  });
  box.append(form);
  box.hidden = false;
  document.getElementById("app").hidden = true;
}
