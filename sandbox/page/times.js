// Instants in words of the reader's own zone and language.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short" });
const dayMonth = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const longDayYear = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

const DAY_SECONDS = 86_400;
const STEPS = [
  ["day", DAY_SECONDS],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

export const renderClock = (iso) => clock.format(new Date(iso));
export const renderFull = (iso) => full.format(new Date(iso));

export function dayKey(iso) {
  const at = new Date(iso);
  return `${at.getFullYear()}-${at.getMonth()}-${at.getDate()}`;
}

function daysAgo(at) {
  const midnight = (moment) => Date.UTC(moment.getFullYear(), moment.getMonth(), moment.getDate());
  return Math.round((midnight(new Date()) - midnight(at)) / (DAY_SECONDS * 1000));
}

export function renderDay(iso) {
  const at = new Date(iso);
  const age = daysAgo(at);
  if (age === 0) return "Today";
  if (age === 1) return "Yesterday";
  return (at.getFullYear() === new Date().getFullYear() ? longDay : longDayYear).format(at);
}

export function renderListTime(iso) {
  const at = new Date(iso);
  const age = daysAgo(at);
  if (age === 0) return clock.format(at);
  return (age > 0 && age < 7 ? weekday : dayMonth).format(at);
}

export function renderRelative(unixSeconds) {
  const away = unixSeconds - Date.now() / 1000;
  const [unit, length] = STEPS.find(([, seconds]) => Math.abs(away) >= seconds) ?? STEPS.at(-1);
  return relative.format(Math.round(away / length), unit);
}

/* The Bot API's format of a date_time entity: "r", or any of w, d|D, t|T. Anything else, or none,
   leaves the text that the bot wrote. */
export function renderDateTime(unixSeconds, format) {
  if (format === "r") return renderRelative(unixSeconds);
  if (!format || !/^w?[dD]?[tT]?$/.test(format)) return null;
  const options = {};
  if (format.includes("w")) options.weekday = "long";
  if (format.includes("d")) Object.assign(options, { day: "numeric", month: "short", year: "numeric" });
  if (format.includes("D")) Object.assign(options, { day: "numeric", month: "long", year: "numeric" });
  if (/[tT]/.test(format)) Object.assign(options, { hour: "2-digit", minute: "2-digit" });
  if (format.includes("T")) options.second = "2-digit";
  return new Intl.DateTimeFormat(undefined, options).format(new Date(unixSeconds * 1000));
}

export function renderSize(bytes) {
  if (!Number.isFinite(bytes)) return "";
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
