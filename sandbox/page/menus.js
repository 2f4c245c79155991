// What can be done with a message, and what may happen to a chat.

import { askFor, openHistory, openJson, openMenu, toast } from "./overlays.js";
import { copyText } from "./text.js";

const FACES = ["👍", "👎", "❤", "🔥", "👀", "🎉", "🤔"]; // all are on Telegram's list of reactions

/* `on` is {me(), react(message, emoji), write(kind, message)}. */
export function openMessageMenu(message, anchor, on) {
  const own = message.from?.id === on.me();
  const words = message.text ?? message.caption;
  const chosen = message.reactions?.find(({ by }) => by === on.me())?.emoji;
  const entries = [
    { faces: FACES, chosen, run: (face) => on.react(message, face) },
    { label: "Reply", icon: "reply", run: () => on.write("reply", message) },
    words && { label: "Copy text", icon: "copy", run: () => copyWords(words) },
    own && message.text && { label: "Edit", icon: "edit", run: () => on.write("edit", message) },
    message.history?.length && {
      label: "Earlier versions",
      icon: "history",
      run: () => openHistory(message),
    },
    { label: "Show raw JSON", icon: "code", run: () => openJson(message) },
  ];
  openMenu(anchor, entries.filter(Boolean), "Message actions");
}

async function copyWords(words) {
  toast((await copyText(words)) ? "Copied" : "The browser did not allow copying.");
}

/* `change(verb)` asks the server for it. */
export function openChatMenu(chat, anchor, change) {
  const entries = chat.kind === "private" ? [privateEntry(chat, change)] : groupEntries(chat, change);
  openMenu(anchor, entries, "What may happen to this chat");
}

function privateEntry(chat, change) {
  if (chat.blocked) return { label: "Unblock the bot", icon: "check", run: () => change("unblock") };
  const detail = "It may not write to you then";
  return { label: "Block the bot", detail, icon: "mute", danger: true, run: () => change("block") };
}

function groupEntries(chat, change) {
  const away = chat.bot_place && chat.bot_place !== "member";
  const add = { label: "Add the bot again", icon: "plus", run: () => change("add") };
  const kick = { label: "Remove the bot", icon: "mute", danger: true, run: () => change("kick") };
  const migrate = {
    label: "Make it a supergroup",
    detail: "The chat gets another id",
    icon: "group",
    run: () => confirmMigration(chat, change),
  };
  return [away ? add : kick, ...(chat.kind === "group" ? [migrate] : [])];
}

async function confirmMigration(chat, change) {
  const sentence = `“${chat.title}” gets another id, as it happens on Telegram. This cannot be undone.`;
  if (await askFor("Make it a supergroup?", sentence, "Make it one")) await change("migrate");
}
