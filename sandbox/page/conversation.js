// The right side: head, topics, pin, and the log of messages.

import { avatar, clear, el, icon, iconButton, reconcile } from "./dom.js";
import { drawMessages, quotedId, renderLine } from "./message.js";
import { toast } from "./overlays.js";
import { dayKey, renderDay } from "./times.js";

const NEAR_PX = 80;
const OLDER_PX = 600;
const SAME_BREATH_MS = 5 * 60_000; // messages closer than this share a name and an avatar

const ACTIONS = {
  typing: "is typing",
  upload_photo: "is sending a photo",
  upload_document: "is sending a file",
  upload_video: "is sending a video",
  record_voice: "is recording",
  find_location: "is finding a place",
  choose_sticker: "is choosing a sticker",
};

export class Conversation {
  constructor(store, on) {
    this.store = store;
    this.on = on;
    this.quotes = new Map();
    this.place = "";
    this.sticky = true;
    this.fresh = 0;
    this.head = el("header", { class: "head" });
    this.tabs = el("div", { class: "tabs", role: "tablist", "aria-label": "Topics", hidden: true });
    this.pin = el("button", { type: "button", class: "pin", hidden: true });
    this.log = el("div", {
      class: "log",
      role: "log",
      "aria-live": "polite",
      "aria-label": "Messages",
      "aria-relevant": "additions",
      tabindex: "-1",
    });
    this.scroller = el("div", { class: "scroller" }, this.log);
    this.jump = el("button", {
      type: "button",
      class: "to-newest",
      hidden: true,
      on: { click: () => this.toNewest(true) },
    });
    this.empty = el("div", { class: "empty" });
    this.body = el("div", { class: "log-box", id: "topic-panel" }, this.scroller, this.empty, this.jump);
    this.root = el(
      "section",
      { class: "conversation", "aria-label": "Conversation" },
      this.head,
      this.tabs,
      this.pin,
      this.body,
    );
    this.scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    // Pictures and keyboards change heights; somebody at the bottom stays there.
    const watch = new ResizeObserver(() => this.sticky && this.toNewest());
    watch.observe(this.log);
    watch.observe(this.scroller);
  }

  render() {
    const { store } = this;
    const { chat } = store;
    this.root.classList.toggle("no-chat", !chat);
    const place = `${store.chatId}/${store.threadId}`;
    const moved = place !== this.place;
    if (moved) this.arrive(place);
    if (!chat) {
      for (const part of [this.head, this.log]) clear(part);
      this.tabs.hidden = this.pin.hidden = this.jump.hidden = true;
      return this.renderEmpty([]);
    }
    this.renderHead(chat);
    this.renderTabs(chat);
    this.renderPin(chat);
    const messages = store.shown();
    this.renderLog(chat, messages, moved);
    this.renderEmpty(messages);
  }

  arrive(place) {
    this.place = place;
    this.sticky = true;
    this.fresh = 0;
    clear(this.log);
  }

  renderHead(chat) {
    const { store, on } = this;
    const title = store.titleOf(chat);
    const action = store.typingIn(chat.id, chat.is_forum ? store.threadId : null);
    const key = JSON.stringify([chat.id, title, action, this.subtitle(chat), store.me]);
    if (this.headKey === key && this.head.childElementCount) return;
    this.headKey = key;
    clear(this.head).append(
      iconButton("back", "Back to the chats", () => on.close(), { class: "icon-button back" }),
      avatar(title, chat.id, { isBot: chat.kind === "private" }),
      el(
        "div",
        { class: "head-words" },
        el("h2", { dir: "auto" }, title),
        el(
          "p",
          { class: `subtitle ${action ? "typing" : ""}`, "aria-live": "polite" },
          action
            ? [
                `${store.bot.first_name} ${ACTIONS[action] ?? "is busy"}`,
                el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")),
              ]
            : this.subtitle(chat),
        ),
      ),
      iconButton("more", "What may happen to this chat", (event) => on.chatMenu(event.currentTarget), {
        "aria-haspopup": "menu",
      }),
    );
  }

  subtitle(chat) {
    if (chat.kind === "private") return chat.blocked ? "you blocked this bot" : "bot";
    const members = `${chat.members.length} member${chat.members.length === 1 ? "" : "s"}`;
    return chat.bot_place && chat.bot_place !== "member" ? `${members} · the bot is not here` : members;
  }

  renderTabs(chat) {
    this.tabs.hidden = !chat.is_forum;
    if (!chat.is_forum) return clear(this.tabs);
    reconcile(
      this.tabs,
      chat.topics.map((topic) => {
        const thread = topic.thread_id ?? null;
        const open = thread === this.store.threadId;
        const unread = this.store.unreadIn(chat.id, thread);
        return {
          key: `${chat.id}/${thread}`,
          parts: [topic.name, topic.closed, open, unread],
          build: () => this.drawTab(topic, { thread, open, unread }),
        };
      }),
    );
  }

  drawTab(topic, { thread, open, unread }) {
    return el(
      "button",
      {
        type: "button",
        class: `tab ${open ? "open" : ""}`,
        role: "tab",
        "aria-selected": String(open),
        "aria-controls": "topic-panel",
        tabindex: open ? "0" : "-1",
        data: { focus: "tab", thread: thread ?? "general" },
        on: { click: () => this.on.openTopic(thread), keydown: (event) => this.steerTabs(event) },
      },
      el("span", { dir: "auto" }, topic.closed ? `🔒 ${topic.name}` : topic.name),
      unread ? el("span", { class: "badge" }, String(unread)) : null,
    );
  }

  steerTabs(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = [...this.tabs.children];
    const next = all.at((all.indexOf(event.currentTarget) + step) % all.length);
    next.focus();
    next.click();
  }

  renderPin(chat) {
    const id = chat.pinned?.at(-1);
    const pinned = id ? this.lookUp(chat.id, id) : null;
    this.pin.hidden = !pinned;
    if (!pinned) return;
    clear(this.pin).append(
      icon("pin"),
      el(
        "span",
        { class: "pin-words" },
        el("span", { class: "pin-label" }, "Pinned message"),
        el("span", { class: "pin-line", dir: "auto" }, renderLine(pinned)),
      ),
    );
    this.pin.onclick = () => this.jumpTo(id);
  }

  // A message we may not hold: known, or null now and rendered again once it came.
  lookUp(chatId, id) {
    const known = this.store.message(chatId, id);
    if (known) return known;
    const key = `${chatId}/${id}`;
    if (!this.quotes.has(key)) {
      this.quotes.set(key, null);
      this.store.fetchOne(chatId, id).then(
        (found) => {
          this.quotes.set(key, found);
          if (found) this.store.changed();
        },
        () => this.quotes.delete(key),
      );
    }
    return this.quotes.get(key);
  }

  renderLog(chat, messages, moved) {
    const height = this.scroller.scrollHeight;
    const top = this.scroller.scrollTop;
    const older = this.oldest && messages[0]?.message_id < this.oldest;
    this.oldest = messages[0]?.message_id;
    this.log.setAttribute("aria-busy", String(moved || Boolean(older)));
    reconcile(this.log, this.items(chat, messages));
    if (this.sticky) this.toNewest();
    else if (older) this.scroller.scrollTop = top + this.scroller.scrollHeight - height;
    setTimeout(() => this.log.setAttribute("aria-busy", "false"), 0);
    this.renderJump();
    if (moved || this.scroller.scrollHeight <= this.scroller.clientHeight + OLDER_PX) this.loadOlder();
  }

  items(chat, messages) {
    const items = [];
    const clusters = gather(messages);
    const group = chat.kind !== "private";
    clusters.forEach((cluster, index) => {
      const [head] = cluster;
      const before = clusters[index - 1]?.at(-1);
      const after = clusters[index + 1]?.[0];
      if (!before || dayKey(before.at) !== dayKey(head.at)) {
        const day = renderDay(head.at);
        items.push({
          key: `day-${dayKey(head.at)}`,
          parts: [day],
          build: () => el("div", { class: "day", role: "separator", "aria-label": day }, el("span", {}, day)),
        });
      }
      const mine = head.from?.id === this.store.me;
      const first = !sameBreath(before, head);
      const last = !sameBreath(head, after);
      const quoted = quotedId(head) ? this.lookUp(chat.id, quotedId(head)) : null;
      const pending = this.store.pending.get(`${chat.id}/${head.message_id}`);
      const view = {
        mine,
        first,
        last,
        quoted,
        pending,
        showsName: group && first && !mine,
        showsAvatar: group && !mine,
      };
      items.push({
        key: `m-${head.message_id}`,
        parts: [...cluster, mine, first, last, quoted, pending],
        build: () => drawMessages(cluster, view, this.on),
      });
    });
    return items;
  }

  renderEmpty(messages) {
    const { chat } = this.store;
    const log = chat && this.store.log(chat.id);
    this.empty.hidden = Boolean(chat) && (messages.some(({ service }) => !service) || !log.loaded);
    if (this.empty.hidden) return;
    clear(this.empty);
    if (!chat)
      this.empty.append(
        el("img", { src: "icon.svg", alt: "", width: "64", height: "64" }),
        el("p", {}, "Choose a chat to begin."),
      );
    else this.empty.append(el("p", { class: "empty-title" }, "Nothing has been said here yet."));
    if (chat && !chat.started)
      this.empty.append(el("p", {}, "The bot may not write here before it was greeted: press Start."));
    else
      this.empty.append(
        el(
          "p",
          {},
          "Stop an exporter with ",
          el("code", {}, "./start.sh stop node_exporter"),
          chat ? " and watch this chat." : " and watch what comes.",
        ),
      );
  }

  scrolled() {
    // A keyboard that opens below is no scrolling by the reader.
    if (this.sticky && this.size !== this.measure()) return this.toNewest();
    const distance = this.scroller.scrollHeight - this.scroller.clientHeight - this.scroller.scrollTop;
    this.sticky = distance < NEAR_PX;
    if (this.sticky && this.fresh) {
      this.fresh = 0;
      this.on.seen();
    }
    this.renderJump();
    if (this.scroller.scrollTop < OLDER_PX) this.loadOlder();
    return undefined;
  }

  measure() {
    return `${this.scroller.clientHeight}/${this.scroller.scrollHeight}`;
  }

  loadOlder() {
    const { chatId } = this.store;
    const log = this.store.log(chatId);
    if (!log.loaded || !log.more || log.loading) return;
    this.store.loadOlder(chatId).then(
      (some) => some && this.store.changed(),
      (error) => toast(error.message, { tone: "bad" }),
    );
  }

  // A new message came while somebody reads further up.
  noteFresh() {
    if (!this.sticky) this.fresh += 1;
    this.renderJump();
  }

  renderJump() {
    this.jump.hidden = this.sticky;
    const words = this.fresh ? `${this.fresh} new message${this.fresh === 1 ? "" : "s"}` : "To the newest";
    if (this.jump.dataset.words === words) return;
    this.jump.dataset.words = words;
    this.jump.classList.toggle("fresh", this.fresh > 0);
    clear(this.jump).append(el("span", {}, words), icon("down"));
  }

  toNewest(smoothly = false) {
    this.sticky = true;
    this.fresh = 0;
    this.size = this.measure();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.scroller.scrollTo({
      top: this.scroller.scrollHeight,
      behavior: smoothly && !calm ? "smooth" : "instant",
    });
    if (smoothly) this.on.seen();
  }

  async jumpTo(id) {
    const { store } = this;
    const target = await store.fetchOne(store.chatId, id).catch(() => null);
    if (!target) return toast("That message is no longer here.");
    if (store.chat.is_forum && (target.thread_id ?? null) !== store.threadId)
      this.on.openTopic(target.thread_id ?? null);
    while ((store.sorted(store.chatId)[0]?.message_id ?? 0) > id && (await store.loadOlder(store.chatId)));
    this.sticky = false;
    this.render();
    const node = [...this.log.children].find(
      (item) => item.dataset.ids?.split(" ").includes(String(id)) || item.dataset.id === String(id),
    );
    if (!node) return undefined;
    node.scrollIntoView({ block: "center" });
    node.focus({ preventScroll: true });
    node.classList.add("flash");
    setTimeout(() => node.classList.remove("flash"), 1800);
    return undefined;
  }
}

// Messages of one album stand together.
function gather(messages) {
  const clusters = [];
  for (const message of messages) {
    const before = clusters.at(-1);
    if (message.media_group && before?.[0].media_group === message.media_group) before.push(message);
    else clusters.push([message]);
  }
  return clusters;
}

function sameBreath(a, b) {
  if (!a || !b || a.service || b.service) return false;
  return (
    a.from?.id === b.from?.id &&
    dayKey(a.at) === dayKey(b.at) &&
    Math.abs(Date.parse(b.at) - Date.parse(a.at)) < SAME_BREATH_MS
  );
}
