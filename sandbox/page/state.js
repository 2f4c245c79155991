// What this page knows: people, chats, messages, what is unread. It draws nothing.

import { fetchJson } from "./api.js";

const READ_KEY = "opswire.read";
const ME_KEY = "opswire.person";
const PAGE = 100;
const TYPING_MS = 5_000; // Bot API: an action is shown for 5 s or until a message comes

export const senderName = (message) => message.from?.name ?? "Telegram";

export class Store {
  constructor(changed) {
    this.changed = changed;
    this.bot = null;
    this.people = [];
    this.chats = new Map();
    this.logs = new Map();
    this.unread = new Map();
    this.pending = new Map();
    this.typing = new Map();
    this.commands = [];
    this.me = Number(localStorage.getItem(ME_KEY)) || null;
    this.chatId = null;
    this.threadId = null;
    this.connected = false;
    this.early = null;
    this.read = JSON.parse(localStorage.getItem(READ_KEY) ?? "{}");
  }

  async load() {
    this.early = [];
    const state = await fetchJson("/control/state");
    this.bot = state.bot;
    this.people = state.people;
    this.chats = new Map(state.chats.map((chat) => [chat.id, chat]));
    this.takeEarly(state.last_event);
    if (!this.person) this.me = this.people[0]?.id ?? null;
    this.dropStaleMarks();
    if (this.chatId !== null && !this.chats.has(this.chatId)) this.chatId = null;
    await Promise.all([...this.chats.values()].map((chat) => this.catchUp(chat)));
    this.changed();
  }

  // Fetch the newest messages of a chat that has some we do not hold.
  async catchUp(chat) {
    const log = this.log(chat.id);
    const read = Math.max(
      0,
      ...Object.entries(this.read)
        .filter(([key]) => key.startsWith(`${chat.id}/`))
        .map(([, id]) => id),
    );
    const seen = chat.last && chat.last.message_id <= read;
    if (!chat.last || (seen && !log.loaded)) return;
    await this.loadNewest(chat.id);
    for (const message of this.sorted(chat.id)) this.countUnread(message);
  }

  // The server says that what we hold may be of another world.
  forget() {
    for (const kept of [this.logs, this.unread, this.pending, this.typing]) kept.clear();
  }

  // Ids count again from the start after a reset; a mark beyond the last message is of the world before.
  dropStaleMarks() {
    for (const [key, id] of Object.entries(this.read)) {
      if (id > (this.chats.get(Number(key.split("/")[0]))?.last?.message_id ?? 0)) delete this.read[key];
    }
  }

  get person() {
    return this.people.find((person) => person.id === this.me) ?? null;
  }
  get chat() {
    return this.chats.get(this.chatId) ?? null;
  }

  become(personId) {
    this.me = personId;
    localStorage.setItem(ME_KEY, String(personId));
  }

  isVisible(chat, personId = this.me) {
    if (chat.deleted || (chat.migrated_to && this.chats.has(chat.migrated_to))) return false;
    return chat.kind === "private" ? chat.person_id === personId : chat.members.includes(personId);
  }

  visibleChats() {
    const rank = (chat) => (chat.last ? Date.parse(chat.last.at) : 0);
    return [...this.chats.values()]
      .filter((chat) => this.isVisible(chat))
      .sort((a, b) => rank(b) - rank(a) || a.id - b.id);
  }

  titleOf(chat) {
    return chat.kind === "private" ? (this.bot?.first_name ?? chat.title ?? "Bot") : chat.title;
  }

  nameOf(personId) {
    if (personId === this.bot?.id) return this.bot.first_name;
    const person = this.people.find(({ id }) => id === personId);
    return person ? [person.first_name, person.last_name].filter(Boolean).join(" ") : `User ${personId}`;
  }

  log(chatId) {
    if (!this.logs.has(chatId))
      this.logs.set(chatId, { byId: new Map(), order: null, more: true, loaded: false, loading: null });
    return this.logs.get(chatId);
  }

  sorted(chatId) {
    const log = this.log(chatId);
    log.order ??= [...log.byId.values()].sort((a, b) => a.message_id - b.message_id);
    return log.order;
  }

  // Messages of the open conversation, or of its open topic.
  shown() {
    if (!this.chat) return [];
    const all = this.sorted(this.chatId);
    return this.chat.is_forum ? all.filter((message) => (message.thread_id ?? null) === this.threadId) : all;
  }

  message(chatId, messageId) {
    return this.log(chatId).byId.get(messageId) ?? null;
  }

  async loadNewest(chatId) {
    const log = this.log(chatId);
    const held = [...log.byId.keys()]; // what events bring from now on is newer than the answer
    const { messages, more } = await fetchJson(`/control/chats/${chatId}/messages?limit=${PAGE}`);
    const first = messages[0]?.message_id ?? 0;
    const hasHole = !log.loaded || (more && first > Math.max(0, ...held));
    const listed = new Set(messages.map(({ message_id: id }) => id));
    // A log with a hole is begun again; else what is no longer listed was deleted while we were away.
    for (const id of held) if (hasHole || (id >= first && !listed.has(id))) log.byId.delete(id);
    if (hasHole) log.more = more;
    log.loaded = true;
    log.order = null;
    for (const message of messages) this.put(message);
  }

  loadOlder(chatId) {
    const log = this.log(chatId);
    if (!log.more) return Promise.resolve(false);
    log.loading ??= this.fetchOlder(chatId, log).finally(() => {
      log.loading = null;
    });
    return log.loading;
  }

  async fetchOlder(chatId, log) {
    const before = this.sorted(chatId)[0]?.message_id;
    const { messages, more } = await fetchJson(
      `/control/chats/${chatId}/messages?limit=${PAGE}${before ? `&before=${before}` : ""}`,
    );
    log.more = more && messages.length > 0;
    for (const message of messages) this.put(message);
    return messages.length > 0;
  }

  // One message that may lie outside what is loaded: a pinned or quoted one.
  async fetchOne(chatId, messageId) {
    const known = this.message(chatId, messageId);
    if (known) return known;
    const { messages } = await fetchJson(`/control/chats/${chatId}/messages?limit=1&before=${messageId + 1}`);
    const found = messages.at(-1);
    return found?.message_id === messageId && !found.deleted ? found : null;
  }

  put(message) {
    const log = this.log(message.chat_id);
    if ((log.byId.get(message.message_id)?.edits ?? 0) > message.edits) return; // an older answer
    if (message.deleted) log.byId.delete(message.message_id);
    else log.byId.set(message.message_id, message);
    log.order = null;
  }

  readKey(message) {
    return `${message.chat_id}/${message.thread_id ?? 0}`;
  }

  countUnread(message) {
    if (message.deleted || message.service || message.from?.id === this.me) return;
    if (message.message_id <= (this.read[this.readKey(message)] ?? 0)) return;
    if (!this.unread.has(message.chat_id)) this.unread.set(message.chat_id, new Map());
    this.unread.get(message.chat_id).set(message.message_id, message.thread_id ?? null);
  }

  unreadIn(chatId, threadId = undefined) {
    const ids = [...(this.unread.get(chatId)?.values() ?? [])];
    return threadId === undefined ? ids.length : ids.filter((thread) => thread === threadId).length;
  }

  unreadOf(personId) {
    return [...this.chats.values()]
      .filter((chat) => this.isVisible(chat, personId))
      .reduce((sum, chat) => sum + this.unreadIn(chat.id), 0);
  }

  // Everything in the open conversation has been seen.
  markRead() {
    const newest = this.shown().at(-1);
    if (!newest) return;
    const key = this.readKey(newest);
    const unread = this.unread.get(this.chatId);
    const before = unread?.size;
    for (const [id, thread] of unread ?? [])
      if (!this.chat.is_forum || thread === this.threadId) unread.delete(id);
    if (unread?.size !== before) this.changed();
    if (this.read[key] === newest.message_id) return;
    this.read[key] = newest.message_id;
    localStorage.setItem(READ_KEY, JSON.stringify(this.read));
  }

  /* Take in one event of the stream. Returns the message when it is a new one. */
  take(kind, content, id) {
    this.early?.push({ kind, content, id });
    return EVENTS[kind]?.(this, content) ?? null;
  }

  // The state was written before these events and came after them: they are taken once more.
  takeEarly(last) {
    for (const { kind, content, id } of this.early) if (id > last) EVENTS[kind]?.(this, content);
    this.early = null;
  }

  async loadCommands() {
    if (!this.chat || !this.me) return;
    const { chatId, me } = this;
    const answer = await fetchJson(`/control/chats/${chatId}/commands?person_id=${me}`);
    if (chatId === this.chatId && me === this.me)
      this.commands = Array.isArray(answer) ? answer : answer.commands;
  }

  typingIn(chatId, threadId) {
    return this.typing.get(`${chatId}/${threadId ?? 0}`)?.action ?? null;
  }

  setTyping(chatId, threadId, action) {
    const key = `${chatId}/${threadId ?? 0}`;
    clearTimeout(this.typing.get(key)?.timer);
    this.typing.delete(key);
    if (!action) return;
    const timer = setTimeout(() => {
      this.typing.delete(key);
      this.changed();
    }, TYPING_MS);
    this.typing.set(key, { action, timer });
  }
}

const EVENTS = {
  message(store, { message }) {
    const chat = store.chats.get(message.chat_id);
    const isNew =
      message.message_id > (chat?.last?.message_id ?? 0) &&
      !store.message(message.chat_id, message.message_id);
    store.put(message);
    if (chat && message.message_id >= (chat.last?.message_id ?? 0)) chat.last = message;
    if (message.from?.is_bot) store.setTyping(message.chat_id, message.thread_id, null);
    if (!isNew) return null;
    store.countUnread(message);
    return message;
  },
  edit(store, { message }) {
    const chat = store.chats.get(message.chat_id);
    if (store.message(message.chat_id, message.message_id)) store.put(message);
    if (chat?.last?.message_id === message.message_id) chat.last = message;
  },
  delete(store, { chat_id: chatId, message_id: messageId }) {
    const log = store.log(chatId);
    log.byId.delete(messageId);
    log.order = null;
    store.unread.get(chatId)?.delete(messageId);
    const chat = store.chats.get(chatId);
    if (chat?.last?.message_id === messageId) chat.last = store.sorted(chatId).at(-1) ?? null;
    if (chat) chat.pinned = chat.pinned?.filter((id) => id !== messageId);
  },
  chat(store, { chat }) {
    store.chats.set(chat.id, chat);
  },
  action(store, { chat_id: chatId, thread_id: threadId, action }) {
    store.setTyping(chatId, threadId, action);
  },
  answer(store, { chat_id: chatId, message_id: messageId }) {
    store.pending.delete(`${chatId}/${messageId}`);
  },
};
