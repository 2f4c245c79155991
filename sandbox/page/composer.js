// Where a person writes: text, commands, files, answers and corrections.

import { avatar, clear, el, icon, iconButton } from "./dom.js";
import { Completion } from "./completion.js";
import { drawReplyKeyboard, findForcedReply, findReplyKeyboard } from "./keyboards.js";
import { renderLine } from "./message.js";
import { senderName } from "./state.js";
import { renderSize } from "./times.js";

const MAX_TEXT = 4096; // Bot API: length of a message

export class Composer {
  constructor(store, on) {
    this.store = store;
    this.on = on;
    this.drafts = new Map();
    this.mode = null; // {kind: "reply" | "edit", message}
    this.files = [];
    this.hiddenKeyboard = null;
    this.input = el("textarea", {
      class: "input",
      rows: "1",
      maxlength: MAX_TEXT,
      dir: "auto",
      "aria-label": "Message",
      autocomplete: "off",
      enterkeyhint: "send",
      on: {
        input: () => this.typed(),
        keydown: (event) => this.pressed(event),
        paste: (event) => this.pasted(event),
      },
    });
    this.completion = new Completion(this.input, (command) => this.insertCommand(command));
    this.picker = el("input", {
      type: "file",
      multiple: true,
      hidden: true,
      "aria-label": "Files",
      on: {
        change: () => {
          this.attach(this.picker.files);
          this.picker.value = "";
        },
      },
    });
    this.context = el("div", { class: "context", hidden: true });
    this.attached = el("div", { class: "attached", hidden: true });
    this.board = el("div", { class: "board", hidden: true });
    this.start = el(
      "button",
      { type: "button", class: "start-button", hidden: true, on: { click: () => this.on.say("/start") } },
      "Start",
    );
    this.speaker = el("button", {
      type: "button",
      class: "icon-button mini-speaker",
      "aria-haspopup": "menu",
      on: { click: (event) => this.on.chooseSpeaker(event.currentTarget) },
    });
    this.boardKey = iconButton("keys", "Suggested answers", () => this.turnBoard(), { hidden: true });
    this.slash = iconButton("slash", "Commands", () => this.openCommands(), { class: "icon-button slash" });
    this.send = iconButton("send", "Send", () => this.submit(), { class: "icon-button send" });
    this.row = el(
      "div",
      { class: "write-row" },
      this.speaker,
      el(
        "div",
        { class: "write-box" },
        this.slash,
        this.input,
        this.boardKey,
        iconButton("clip", "Send a file", () => this.picker.click()),
        this.picker,
      ),
      this.send,
      this.completion.root,
    );
    this.root = el(
      "footer",
      { class: "composer", hidden: true },
      this.context,
      this.attached,
      this.row,
      this.start,
      this.board,
    );
  }

  render() {
    const { store } = this;
    this.root.hidden = !store.chat;
    if (!store.chat) return;
    const place = `${store.chatId}/${store.threadId}/${store.me}`;
    if (place !== this.place) this.arrive(place);
    const messages = store.shown();
    const isNew =
      store.chat.kind === "private" &&
      store.log(store.chatId).loaded &&
      !messages.some(({ service }) => !service) &&
      !store.chat.started;
    this.start.hidden = !isNew;
    this.row.hidden = isNew;
    if (this.face !== store.me) this.renderFace();
    this.renderForced(findForcedReply(messages, store.me));
    this.renderBoard(findReplyKeyboard(messages, store.me));
  }

  renderFace() {
    this.face = this.store.me;
    const name = this.store.nameOf(this.store.me);
    clear(this.speaker).append(avatar(name, this.store.me, { size: "tiny" }));
    for (const attribute of ["title", "aria-label"])
      this.speaker.setAttribute(attribute, `You speak as ${name}. Tap to change.`);
  }

  arrive(place) {
    if (this.place && !(this.mode?.kind === "edit")) this.drafts.set(this.place, this.input.value);
    this.place = place;
    this.setMode(null);
    this.input.value = this.drafts.get(place) ?? "";
    this.completion.close();
    this.forcedId = null;
  }

  renderForced(forced) {
    if (forced && forced.message_id !== this.forcedId) {
      this.forcedId = forced.message_id;
      this.setMode({ kind: "reply", message: forced });
    }
  }

  renderBoard(keyboard) {
    const id = keyboard ? `${keyboard.message.chat_id}/${keyboard.message.message_id}` : null;
    this.boardKey.hidden = !keyboard;
    this.board.hidden = !keyboard || (this.hiddenKeyboard === id && !keyboard.options.is_persistent);
    this.boardKey.setAttribute("aria-expanded", String(!this.board.hidden));
    this.boardId = id;
    this.placeholder =
      (this.mode?.kind === "reply" && this.mode.message.reply_keyboard_options?.input_field_placeholder) ||
      (!this.board.hidden && keyboard?.options.input_field_placeholder) ||
      "Message";
    this.input.placeholder = this.placeholder;
    if (this.drawn === keyboard?.message) return;
    this.drawn = keyboard?.message;
    clear(this.board);
    if (keyboard) this.board.append(drawReplyKeyboard(keyboard, (text) => this.answer(text, keyboard, id)));
  }

  answer(text, keyboard, id) {
    if (keyboard.options.one_time_keyboard) this.hiddenKeyboard = id;
    this.on.say(text, this.store.chat.kind === "private" ? null : keyboard.message.message_id);
    this.render();
  }

  turnBoard() {
    this.hiddenKeyboard = this.hiddenKeyboard === this.boardId ? null : this.boardId;
    this.render();
  }

  openCommands() {
    if (this.completion.isOpen) return this.completion.close();
    if (!this.store.commands.length) return this.on.notice("The bot has set no commands here.");
    this.completion.showAll(this.store.commands);
    return this.input.focus();
  }

  insertCommand(command) {
    this.input.value = `/${command} `;
    this.input.focus();
    this.typed();
  }

  mention(text) {
    this.input.value = `${this.input.value}${this.input.value && !this.input.value.endsWith(" ") ? " " : ""}${text} `;
    this.input.focus();
  }

  typed() {
    this.grow();
    this.completion.update(this.store.commands);
  }

  // For browsers whose fields do not grow by themselves.
  grow() {
    if (CSS.supports("field-sizing", "content")) return;
    this.input.style.height = "auto";
    this.input.style.height = `${this.input.scrollHeight}px`;
  }

  pressed(event) {
    if (event.isComposing || this.completion.steer(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Escape" && this.mode) this.setMode(null);
    else if (event.key === "ArrowUp" && !this.input.value) this.editLast(event);
  }

  editLast(event) {
    const own = this.store
      .shown()
      .findLast((message) => message.from?.id === this.store.me && message.text && !message.service);
    if (!own) return;
    event.preventDefault();
    this.setMode({ kind: "edit", message: own });
  }

  setMode(mode) {
    if (this.mode?.kind === "edit" && mode?.kind !== "edit") this.input.value = "";
    this.mode = mode;
    this.context.hidden = !mode;
    clear(this.context);
    if (!mode) return;
    const { kind, message } = mode;
    if (kind === "edit") this.input.value = message.text ?? "";
    this.context.append(
      icon(kind),
      el(
        "span",
        { class: "context-words" },
        el(
          "span",
          { class: "context-title", dir: "auto" },
          kind === "edit" ? "Edit your message" : `Reply to ${senderName(message)}`,
        ),
        el("span", { class: "context-line", dir: "auto" }, renderLine(message)),
      ),
      iconButton("close", "Cancel", () => this.setMode(null)),
    );
    this.input.focus({ preventScroll: true });
  }

  pasted(event) {
    if (!event.clipboardData?.files.length) return;
    event.preventDefault();
    this.attach(event.clipboardData.files);
  }

  attach(files) {
    this.files.push(...files);
    this.renderFiles();
    this.input.focus();
  }

  renderFiles() {
    this.attached.hidden = !this.files.length;
    clear(this.attached).append(
      ...this.files.map((file, index) =>
        el(
          "span",
          { class: "chip" },
          icon("file"),
          el("span", { class: "chip-name", dir: "auto" }, file.name),
          el("span", { class: "chip-size" }, renderSize(file.size)),
          iconButton("close", `Do not send ${file.name}`, () => {
            this.files.splice(index, 1);
            this.renderFiles();
          }),
        ),
      ),
    );
  }

  // The text leaves the field only when the server took it.
  async submit() {
    const text = this.input.value.trim();
    if (this.sending || (!text && !this.files.length)) return;
    this.sending = true;
    this.completion.close();
    const { mode, files } = this;
    try {
      if (mode?.kind === "edit") await this.on.edit(mode.message, text);
      else if (files.length) await this.on.upload(files, text);
      else await this.on.say(text, mode?.message.message_id ?? null, true);
      this.setMode(null);
      this.input.value = "";
      this.grow();
      this.files = [];
      this.renderFiles();
      this.render();
    } catch (error) {
      this.on.notice(error.message, "bad");
    } finally {
      this.sending = false;
    }
  }
}
