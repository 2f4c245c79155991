// Inline keyboards under a message, and the keyboard that takes the place of typing.

import { el, icon } from "./dom.js";
import { copyText, safeAddress } from "./text.js";

const STYLES = new Set(["primary", "success", "danger"]);

export function drawInlineKeyboard(message, pending, on) {
  return el(
    "div",
    { class: "inline-keyboard", role: "group", "aria-label": "Buttons of this message" },
    message.inline_keyboard.map((row, rowIndex) =>
      el(
        "div",
        { class: "key-row" },
        row.map((button, column) =>
          drawButton({ button, message, pending, on, place: { row: rowIndex, column } }),
        ),
      ),
    ),
  );
}

function drawButton({ button, message, pending, on, place }) {
  const look = `inline-key ${STYLES.has(button.style) ? `key-${button.style}` : ""}`;
  const focus = `key-${place.row}-${place.column}`;
  if (button.url !== undefined) return drawLinkKey(button, look, focus, on);
  const waiting = pending?.row === place.row && pending?.column === place.column;
  const listener = button.copy_text ? () => copyFrom(button, on) : () => on.press(message, place);
  const key = el(
    "button",
    {
      type: "button",
      class: `${look} ${waiting ? "waiting" : ""}`,
      "aria-busy": waiting ? "true" : null,
      disabled: Boolean(button.disabled),
      data: { focus },
      on: { click: listener },
    },
    el("span", { class: "key-text", dir: "auto" }, button.text),
  );
  if (button.copy_text) key.append(icon("copy"));
  if (waiting)
    key.append(el("span", { class: "spinner", role: "img", "aria-label": "waiting for the answer" }));
  return key;
}

function drawLinkKey(button, look, focus, on) {
  const href = safeAddress(button.url);
  const text = el("span", { class: "key-text", dir: "auto" }, button.text);
  if (!href)
    return el(
      "button",
      { type: "button", class: look, disabled: true, title: `This address is not opened: ${button.url}` },
      text,
    );
  const link = el(
    "a",
    {
      class: look,
      href,
      target: "_blank",
      rel: "noopener noreferrer nofollow",
      title: href,
      data: { focus },
    },
    text,
    icon("link"),
  );
  link.addEventListener("click", (event) => on.botLink(href) && event.preventDefault());
  return link;
}

async function copyFrom(button, on) {
  const text = typeof button.copy_text === "string" ? button.copy_text : button.copy_text.text;
  on.notice((await copyText(text)) ? "Copied" : "The browser did not allow copying.");
}

function concerns(message, me, messages) {
  if (!message.reply_keyboard_options?.selective) return true;
  const target = typeof message.reply_to === "object" ? message.reply_to?.message_id : message.reply_to;
  const quoted = messages.find(({ message_id: id }) => id === target);
  return !quoted || quoted.from?.id === me;
}

/* The reply keyboard in force: the newest one that was not removed since. */
export function findReplyKeyboard(messages, me) {
  for (let index = messages.length - 1; index >= 0; index -= 1) {
    const message = messages[index];
    if (!message.from?.is_bot || !concerns(message, me, messages)) continue;
    if (message.remove_keyboard) return null;
    if (message.reply_keyboard)
      return { message, rows: message.reply_keyboard, options: message.reply_keyboard_options ?? {} };
  }
  return null;
}

// The newest message of the bot asks to be answered.
export function findForcedReply(messages, me) {
  const newest = messages.filter((message) => !message.service).at(-1);
  return newest?.from?.is_bot && newest.force_reply && concerns(newest, me, messages) ? newest : null;
}

export function drawReplyKeyboard({ rows, options }, press) {
  const board = el("div", {
    class: `reply-keyboard ${options.resize_keyboard ? "" : "tall"}`,
    role: "group",
    "aria-label": "Suggested answers",
  });
  for (const row of rows) {
    board.append(
      el(
        "div",
        { class: "key-row" },
        row.map((button) => {
          const { text, style } = typeof button === "string" ? { text: button } : button;
          const look = `reply-key ${STYLES.has(style) ? `key-${style}` : ""}`;
          return el(
            "button",
            { type: "button", class: look, dir: "auto", on: { click: () => press(text) } },
            text,
          );
        }),
      ),
    );
  }
  return board;
}
