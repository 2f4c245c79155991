// The left side: who speaks, and the chats this person sees.

import { avatar, clear, el, icon, iconButton, reconcile } from "./dom.js";
import { drawBell, renderLine } from "./message.js";
import { openMenu } from "./overlays.js";
import { isSoundOn, theme, turnSound, turnTheme } from "./preferences.js";
import { senderName } from "./state.js";
import { renderListTime } from "./times.js";

const THEME_ICONS = { auto: "auto", light: "sun", dark: "moon" };

export class ChatList {
  constructor(store, on) {
    this.store = store;
    this.on = on;
    this.list = el("nav", { class: "chat-list", "aria-label": "Chats" });
    this.speaker = el("button", {
      type: "button",
      class: "speaker",
      "aria-haspopup": "menu",
      on: { click: (event) => this.chooseSpeaker(event.currentTarget) },
    });
    this.status = el("span", { class: "status", role: "status", "aria-live": "polite" });
    this.root = el(
      "aside",
      { class: "side", "aria-label": "Chats and people" },
      el(
        "header",
        { class: "side-head" },
        el("img", { src: "icon.svg", alt: "", width: "34", height: "34" }),
        el("div", { class: "brand" }, el("h1", {}, "Opswire"), this.status),
        this.drawSoundButton(),
        this.drawThemeButton(),
      ),
      this.speaker,
      this.list,
    );
  }

  drawThemeButton() {
    const button = iconButton("auto", "", () => {
      turnTheme();
      label();
    });
    const label = () => {
      clear(button).append(icon(THEME_ICONS[theme()]));
      for (const name of ["title", "aria-label"])
        button.setAttribute(name, `Colours: ${theme()}. Tap to change.`);
    };
    label();
    return button;
  }

  drawSoundButton() {
    const button = iconButton("quiet", "", () => {
      turnSound();
      label();
    });
    const label = () => {
      clear(button).append(icon(isSoundOn() ? "sound" : "quiet"));
      button.setAttribute("aria-pressed", String(isSoundOn()));
      button.setAttribute("aria-label", "Sound");
      button.title = isSoundOn() ? "Sound is on" : "Sound is off";
    };
    label();
    return button;
  }

  chooseSpeaker(anchor) {
    const { store } = this;
    openMenu(
      anchor,
      store.people
        .filter((person) => person.id !== store.bot?.id)
        .map((person) => ({
          label: store.nameOf(person.id),
          detail: person.username ? `@${person.username}` : `id ${person.id}`,
          lead: avatar(person.first_name, person.id, { size: "small" }),
          checked: person.id === store.me,
          badge: person.id === store.me ? 0 : store.unreadOf(person.id),
          run: () => this.on.become(person.id),
        })),
      "Speak as",
    );
  }

  render() {
    const { store } = this;
    const status = store.connected ? "connected" : "reconnecting…";
    if (this.status.textContent !== status) this.status.textContent = status; // else it would be read out again
    this.root.classList.toggle("lost", !store.connected);
    this.renderSpeaker();
    reconcile(
      this.list,
      store.visibleChats().map((chat) => {
        const unread = store.unreadIn(chat.id);
        const open = chat.id === store.chatId;
        const typing = store.typingIn(chat.id, null);
        return {
          key: chat.id,
          parts: [chat, chat.last, unread, open, typing, store.bot],
          build: () => this.drawRow(chat, { unread, open, typing }),
        };
      }),
    );
  }

  renderSpeaker() {
    const { store } = this;
    if (!store.person) return;
    const elsewhere = store.people
      .filter(({ id }) => id !== store.me)
      .reduce((sum, { id }) => sum + this.privateUnread(id), 0);
    clear(this.speaker).append(
      avatar(store.person.first_name, store.me, { size: "small" }),
      el(
        "span",
        { class: "speaker-words" },
        el("span", { class: "speaker-label" }, "You speak as"),
        el("span", { class: "speaker-name", dir: "auto" }, store.nameOf(store.me)),
      ),
    );
    if (elsewhere)
      this.speaker.append(
        el("span", {
          class: "dot",
          role: "img",
          "aria-label": "Others have unread messages",
          title: "Others have unread messages",
        }),
      );
    this.speaker.append(icon("down"));
  }

  privateUnread(personId) {
    const own = [...this.store.chats.values()].find((chat) => chat.person_id === personId);
    return own ? this.store.unreadIn(own.id) : 0;
  }

  drawRow(chat, { unread, open, typing }) {
    const { store, on } = this;
    const title = store.titleOf(chat);
    const last = chat.last;
    const who =
      last && !last.service && chat.kind !== "private"
        ? `${last.from.id === store.me ? "You" : senderName(last).split(" ")[0]}: `
        : "";
    const line = typing ? "typing…" : last ? renderLine(last) : "No messages yet";
    const mark =
      chat.kind === "private"
        ? null
        : el("span", { class: "kind", title: chat.is_forum ? "Group with topics" : "Group" }, icon("group"));
    return el(
      "button",
      {
        type: "button",
        class: `chat-row ${open ? "open" : ""} ${unread ? "has-unread" : ""}`,
        "aria-current": open ? "true" : null,
        data: { chat: chat.id, focus: "row" },
        on: { click: () => on.open(chat.id) },
      },
      avatar(title, chat.id, { isBot: chat.kind === "private" }),
      el(
        "span",
        { class: "row-words" },
        el(
          "span",
          { class: "row-top" },
          mark,
          el("span", { class: "row-title", dir: "auto" }, title),
          last &&
            el(
              "span",
              { class: "row-meta" },
              drawBell(last),
              el("time", { datetime: last.at }, renderListTime(last.at)),
            ),
        ),
        el(
          "span",
          { class: "row-bottom" },
          el(
            "span",
            { class: `row-line ${typing ? "typing" : ""}`, dir: "auto" },
            who && el("span", { class: "row-who" }, who),
            line.slice(0, 160),
          ),
          unread
            ? el(
                "span",
                { class: "badge", "aria-label": `${unread} unread` },
                unread > 99 ? "99+" : String(unread),
              )
            : null,
        ),
      ),
    );
  }
}
