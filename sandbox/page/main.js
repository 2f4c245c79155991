// Joins the parts: what a person does goes to the server, what the server tells is drawn.

import { ApiError, followEvents, forgetToken, post, takeToken } from "./api.js";
import { ChatList } from "./chats.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { openChatMenu, openMessageMenu } from "./menus.js";
import { renderLine } from "./message.js";
import { closeMenu, openAlert, openWelcome, toast } from "./overlays.js";
import { applyTheme, ring } from "./preferences.js";
import { Store, senderName } from "./state.js";
import { safeAddress } from "./text.js";

const PRESS_MS = 150_000; // the Bot API forgets a pressed button after this
const TITLE = "Opswire chat";

const store = new Store(schedule);
const actions = {
  me: () => store.me,
  nameOf: (id) => store.nameOf(id),
  notice: (text, tone) => toast(text, { tone }),
  command: (text) => say(text),
  mention: (text) => composer.mention(text),
  botLink: openBotLink,
  press,
  react,
  edit,
  upload,
  say,
  jump: (id) => conversation.jumpTo(id),
  write: (kind, message) => composer.setMode({ kind, message }),
  menu: (message, anchor) => openMessageMenu(message, anchor, actions),
  chatMenu: (anchor) => {
    const { chat } = store;
    openChatMenu(chat, anchor, (verb) => changeChat(chat, verb));
  },
  chooseSpeaker: (anchor) => chats.chooseSpeaker(anchor),
  open: (id) => openChat(id),
  openTopic: (thread) => go(store.chatId, thread),
  close: () => go(null, null),
  become,
  seen: () => schedule(),
};
const chats = new ChatList(store, actions);
const conversation = new Conversation(store, actions);
const composer = new Composer(store, actions);

let scheduled = false;

// Many events at once are drawn once.
function schedule() {
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    render();
  });
}

function render() {
  const app = document.getElementById("app");
  app.classList.toggle("in-chat", Boolean(store.chat));
  app.classList.toggle("lost", !store.connected);
  composer.render();
  conversation.render();
  if (store.chat && !document.hidden && conversation.sticky) store.markRead();
  chats.render();
  const unread = store.visibleChats().reduce((sum, chat) => sum + store.unreadIn(chat.id), 0);
  document.title = unread ? `(${unread}) ${TITLE}` : TITLE;
}

// --- where we are: kept in the address, so that "back" of a phone works ---

function go(chatId, threadId) {
  const address = chatId === null ? "#" : `#chat=${chatId}${threadId ? `&topic=${threadId}` : ""}`;
  const isDeeper = store.chatId === null && chatId !== null;
  history[isDeeper ? "pushState" : "replaceState"](null, "", address);
  arrive();
}

function openChat(chatId) {
  const chat = store.chats.get(chatId);
  if (!chat) return;
  const unread = [...(store.unread.get(chatId)?.values() ?? [])];
  go(chatId, chat.is_forum && unread.length ? unread.at(-1) : null);
}

function arrive() {
  const route = new URLSearchParams(location.hash.slice(1));
  if (route.has("token")) return begin();
  const chatId = route.has("chat") ? Number(route.get("chat")) : null;
  const chat = store.chats.get(chatId);
  const moved = store.chatId !== chatId;
  store.chatId = chat && store.isVisible(chat) ? chatId : null;
  store.threadId = Number(route.get("topic")) || null;
  if (moved) {
    store.commands = [];
    closeMenu();
  }
  schedule();
  if (!store.chat) return undefined;
  if (moved && matchMedia("(hover: hover) and (pointer: fine)").matches)
    queueMicrotask(() => composer.input.focus({ preventScroll: true }));
  attempt(store.loadCommands());
  if (!store.log(chatId).loaded) attempt(store.loadNewest(chatId).then(schedule));
  return undefined;
}

function become(personId) {
  const before = store.chat;
  store.become(personId);
  toast(`You speak as ${store.nameOf(personId)} now.`);
  const own = [...store.chats.values()].find((chat) => chat.person_id === personId);
  if (before && !store.isVisible(before)) go(before.kind === "private" && own ? own.id : null, null);
  else if (before) attempt(store.loadCommands());
  schedule();
}

// --- what a person does ---

async function attempt(work) {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) refused(error);
    else toast(error.message, { tone: "bad" });
    return null;
  }
}

function here() {
  return {
    chat_id: store.chatId,
    person_id: store.me,
    ...(store.threadId === null ? {} : { thread_id: store.threadId }),
  };
}

async function sent(work) {
  const { message } = await work;
  if (message) store.take("message", { message });
  conversation.toNewest();
  schedule();
}

// `strict` lets the composer keep the text when it was not taken.
function say(text, replyTo = null, strict = false) {
  const work = sent(
    post("/control/say", { ...here(), text, ...(replyTo === null ? {} : { reply_to: replyTo }) }),
  );
  return strict ? work : attempt(work);
}

async function upload(files, caption) {
  for (const [index, file] of files.entries()) {
    const form = new FormData();
    for (const [name, value] of Object.entries(here())) form.append(name, String(value));
    if (index === 0 && caption) form.append("caption", caption);
    form.append("file", file, file.name);
    await sent(post("/control/upload", form));
  }
}

async function edit(message, text) {
  const { message: edited } = await post("/control/edit", {
    chat_id: message.chat_id,
    message_id: message.message_id,
    person_id: store.me,
    text,
  });
  if (edited) store.take("edit", { message: edited });
  schedule();
}

async function press(message, place) {
  const key = `${message.chat_id}/${message.message_id}`;
  if (store.pending.has(key)) return;
  const pending = { ...place };
  store.pending.set(key, pending);
  schedule();
  const drop = () => {
    if (store.pending.get(key) === pending) {
      store.pending.delete(key);
      schedule();
    }
  };
  setTimeout(drop, PRESS_MS);
  const answer = await attempt(
    post("/control/press", {
      chat_id: message.chat_id,
      message_id: message.message_id,
      person_id: store.me,
      ...place,
    }),
  );
  if (answer === null) drop();
}

function react(message, emoji) {
  return attempt(
    post("/control/react", {
      chat_id: message.chat_id,
      message_id: message.message_id,
      person_id: store.me,
      emoji,
    }),
  );
}

/* A link to our own bot with a start code is said to it here; any other address opens as usual. */
function openBotLink(address) {
  const url = new URL(address);
  const bot = store.bot?.username?.toLowerCase();
  const name =
    url.protocol === "tg:" && url.host === "resolve"
      ? url.searchParams.get("domain")
      : ["t.me", "telegram.me"].includes(url.host)
        ? url.pathname.slice(1)
        : "";
  if (!bot || name?.toLowerCase() !== bot) return false;
  const own = [...store.chats.values()].find((chat) => chat.person_id === store.me);
  if (own) go(own.id, null);
  if (own && url.searchParams.has("start")) say(`/start ${url.searchParams.get("start")}`.trim());
  return true;
}

function changeChat(chat, verb) {
  return attempt(post(`/control/chats/${chat.id}/${verb}`));
}

// --- what the server tells ---

function taken(kind, content, id) {
  if (kind === "reset") {
    store.forget();
    // What is being read already may be of the world before.
    attempt(Promise.resolve(refreshing).catch(() => null).then(refresh));
    return;
  }
  const fresh = store.take(kind, content, id);
  if (kind === "answer") showAnswer(content);
  if (kind === "commands") attempt(store.loadCommands());
  if (kind === "chat") followMigration(content.chat);
  if (fresh) announce(fresh);
  schedule();
}

function followMigration(chat) {
  if (chat.id === store.chatId && chat.migrated_to && store.chats.has(chat.migrated_to))
    go(chat.migrated_to, null);
  else if (store.chatId !== null && store.chat && !store.isVisible(store.chat)) go(null, null);
}

function announce(message) {
  const isHere =
    message.chat_id === store.chatId &&
    (!store.chat.is_forum || (message.thread_id ?? null) === store.threadId);
  const chat = store.chats.get(message.chat_id);
  if (isHere && message.from?.id !== store.me) conversation.noteFresh();
  if (!chat || !store.isVisible(chat) || !message.rings) return;
  ring();
  if (isHere && !document.hidden) return;
  const title = chat.kind === "private" ? senderName(message) : chat.title;
  toast(`${title}: ${renderLine(message).slice(0, 120)}`, {
    tap: () => go(message.chat_id, chat.is_forum ? message.thread_id : null),
  });
}

function showAnswer({ person_id: personId, text, show_alert: isAlert, url }) {
  if (personId !== store.me) return;
  const href = url && safeAddress(url);
  if (href && !openBotLink(href)) window.open(href, "_blank", "noopener,noreferrer");
  if (!text) return;
  if (isAlert) openAlert(store.bot?.first_name ?? "Bot", text);
  else toast(text);
}

let refreshing = null;

function refresh() {
  refreshing ??= load().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function load() {
  await store.load();
  arrive();
}

function refused(error) {
  if (error?.status === 403) return openWelcome(error.message);
  forgetToken();
  return openWelcome("This address is not valid any more. Open the one that start.sh printed last.");
}

// A second address pasted into an open page starts the page again with that token.
function begin() {
  takeToken();
  location.reload();
}

function boot() {
  applyTheme();
  addEventListener("hashchange", arrive);
  addEventListener("popstate", arrive);
  document.addEventListener("visibilitychange", schedule);
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    if (store.chat && event.dataTransfer.files.length) composer.attach(event.dataTransfer.files);
  });
  if (!takeToken()) return openWelcome("To come in, open the address that start.sh printed in the terminal.");
  conversation.root.append(composer.root);
  const app = document.getElementById("app");
  app.append(chats.root, conversation.root);
  app.hidden = false;
  return followEvents({
    open: () => {
      store.connected = true;
      attempt(refresh());
    },
    event: taken,
    lost: () => {
      store.connected = false;
      schedule();
    },
    refused,
  });
}

boot();
