// One bubble: a message, or an album of several.

import { fetchBlobAddress } from "./api.js";
import { avatar, el, icon, iconButton, tint } from "./dom.js";
import { drawInlineKeyboard } from "./keyboards.js";
import { openHistory, openPicture, toast } from "./overlays.js";
import { senderName } from "./state.js";
import { renderText } from "./text.js";
import { renderClock, renderFull, renderSize } from "./times.js";

const MAX_PICTURE_PX = 420;

// What the message would be called in one line: in the list, a quote, the pin.
export function renderLine(message) {
  if (!message) return "";
  if (message.service) return message.service;
  const words = (message.text ?? message.caption ?? "").replace(/\s+/g, " ").trim();
  if (words) return message.photo ? `🖼 ${words}` : words;
  if (message.photo) return message.media_group ? "🖼 Album" : "🖼 Photo";
  if (message.document) return `📄 ${message.document.name}`;
  return "Message";
}

export const quotedId = (message) =>
  (typeof message.reply_to === "object" ? message.reply_to?.message_id : message.reply_to) ?? null;

/* `view` says how it stands among its neighbours: {mine, first, last, showsName, pending, quoted}. */
export function drawMessages(messages, view, on) {
  if (messages[0].service)
    return el(
      "div",
      { class: "service", data: { id: messages[0].message_id } },
      el("span", { dir: "auto" }, messages[0].service),
    );
  const head = messages[0];
  const worded = messages.find((message) => message.text ?? message.caption) ?? head;
  const side = view.mine ? "mine" : "theirs";
  const bubble = el(
    "div",
    { class: `bubble ${messages.some(({ photo }) => photo) ? "has-picture" : ""}` },
    view.showsName &&
      el("div", { class: `sender tint-${tint(head.from.id)}`, dir: "auto" }, senderName(head)),
    quotedId(head) && drawQuote(head, view, on),
    drawPictures(messages),
    messages.filter(({ document }) => document).map((message) => drawDocument(message)),
    el("div", { class: "last-line", dir: "auto" }, drawWords(worded, on), drawFoot(worded, head, on)),
  );
  const column = el(
    "div",
    { class: "column" },
    bubble,
    head.inline_keyboard?.length && drawInlineKeyboard(head, view.pending, on),
  );
  const actions = iconButton("more", "Message actions", (event) => on.menu(worded, event.currentTarget), {
    class: "icon-button actions",
    "aria-haspopup": "menu",
    "data-focus": "actions",
  });
  const article = el(
    "article",
    {
      class: `message ${side} ${view.first ? "first" : ""} ${view.last ? "last" : ""}`,
      tabindex: "-1",
      "aria-label": describe(head),
      data: { id: head.message_id, ids: messages.map(({ message_id: id }) => id).join(" ") },
    },
    view.showsAvatar &&
      (view.last
        ? avatar(senderName(head), head.from.id, { size: "small", isBot: head.from.is_bot })
        : el("span", { class: "avatar small blank" })),
    column,
    actions,
  );
  article.addEventListener("contextmenu", (event) => {
    if (event.target.closest("a, img") || String(getSelection())) return;
    event.preventDefault();
    on.menu(worded, actions);
  });
  return article;
}

function describe(message) {
  const ring = message.from?.is_bot ? (message.rings ? ", rings" : message.silent ? ", silent" : "") : "";
  return `${senderName(message)}, ${renderClock(message.at)}${ring}`;
}

function drawWords(message, on) {
  const words = message.text ?? message.caption;
  if (!words) return null;
  const entities =
    message.text === null || message.text === undefined ? message.caption_entities : message.entities;
  const emojiOnly =
    !entities?.length && /^(\p{Extended_Pictographic}[\u{FE0F}\u{1F3FB}-\u{1F3FF}]?){1,3}$/u.test(words);
  return el("span", { class: `words ${emojiOnly ? "jumbo" : ""}` }, renderText(words, entities, on));
}

function drawQuote(message, view, on) {
  const id = quotedId(message);
  const quoted = view.quoted;
  return el(
    "button",
    {
      type: "button",
      class: `quote tint-${tint(quoted?.from?.id ?? 0)}`,
      "aria-label": `In reply to: ${renderLine(quoted)}`,
      data: { focus: "quote" },
      on: { click: () => on.jump(id) },
    },
    el("span", { class: "quote-name", dir: "auto" }, quoted ? senderName(quoted) : "Reply"),
    el("span", { class: "quote-line", dir: "auto" }, quoted ? renderLine(quoted) : "An earlier message"),
  );
}

function drawPictures(messages) {
  const pictures = messages.filter(({ photo }) => photo);
  if (!pictures.length) return null;
  return el(
    "div",
    { class: `pictures ${pictures.length > 1 ? `album album-${Math.min(pictures.length, 4)}` : ""}` },
    pictures.map((message) => drawPicture(message, pictures.length > 1)),
  );
}

function drawPicture(message, inAlbum) {
  const { url, width, height } = message.photo;
  const about = message.caption ? `Photo: ${message.caption.slice(0, 120)}` : "Photo";
  const picture = el("img", { alt: about, decoding: "async", width, height });
  const frame = el(
    "button",
    {
      type: "button",
      class: "picture loading",
      "aria-label": `Enlarge. ${about}`,
      data: { focus: `picture-${message.message_id}` },
    },
    picture,
  );
  if (!inAlbum && width && height) {
    // Space is kept before the bytes come, so that the log does not jump.
    frame.style.aspectRatio = `${width} / ${height}`;
    frame.style.width = `${Math.min(MAX_PICTURE_PX, Math.max(width, 120), (MAX_PICTURE_PX * width) / height)}px`;
  }
  fetchBlobAddress(url).then(
    (address) => {
      picture.src = address;
      frame.classList.remove("loading");
      frame.addEventListener("click", () => openPicture(address, about));
    },
    () => {
      frame.classList.replace("loading", "broken");
      picture.alt = "This picture could not be loaded";
    },
  );
  return frame;
}

function drawDocument(message) {
  const { name, size, url } = message.document;
  const button = el(
    "button",
    {
      type: "button",
      class: "document",
      "aria-label": `Download ${name}, ${renderSize(size)}`,
      data: { focus: `document-${message.message_id}` },
    },
    el("span", { class: "document-mark" }, icon("file")),
    el(
      "span",
      { class: "document-words" },
      el("span", { class: "document-name", dir: "auto" }, name),
      el("span", { class: "document-size" }, renderSize(size)),
    ),
  );
  button.addEventListener("click", async () => {
    try {
      const address = await fetchBlobAddress(url);
      const link = el("a", { href: address, download: name });
      document.body.append(link);
      link.click();
      link.remove();
    } catch (error) {
      toast(error.message, { tone: "bad" });
    }
  });
  return button;
}

function drawFoot(message, head, on) {
  const edited = message.edited_at || message.edits > 0;
  return el(
    "div",
    { class: "foot", dir: "ltr" },
    head.reactions?.length ? drawReactions(head, on) : null,
    el(
      "span",
      { class: "meta" },
      edited &&
        el(
          "button",
          {
            type: "button",
            class: "edited",
            title: "Show earlier versions",
            data: { focus: "edited" },
            on: { click: () => openHistory(message) },
          },
          "edited ",
          el(
            "time",
            { datetime: message.edited_at ?? "" },
            message.edited_at ? renderClock(message.edited_at) : "",
          ),
        ),
      drawBell(head),
      el("time", { class: "at", datetime: head.at, title: renderFull(head.at) }, renderClock(head.at)),
    ),
  );
}

export function drawBell(message) {
  if (!message?.from?.is_bot || message.service || (!message.rings && !message.silent)) return null;
  const [name, title] = message.rings ? ["bell", "Rings"] : ["mute", "Silent: it did not ring"];
  return el("span", { class: `bell ${name}`, title, role: "img", "aria-label": title }, icon(name));
}

function drawReactions(message, on) {
  const counts = new Map();
  for (const { by, emoji } of message.reactions) counts.set(emoji, [...(counts.get(emoji) ?? []), by]);
  return el(
    "span",
    { class: "reactions" },
    [...counts].map(([emoji, by]) => {
      const mine = by.includes(on.me());
      return el(
        "button",
        {
          type: "button",
          class: `reaction ${mine ? "mine" : ""}`,
          "aria-pressed": String(mine),
          title: by.map(on.nameOf).join(", "),
          data: { focus: `reaction-${emoji}` },
          on: { click: () => on.react(message, mine ? null : emoji) },
        },
        emoji,
        by.length > 1 ? el("span", {}, String(by.length)) : null,
      );
    }),
  );
}
