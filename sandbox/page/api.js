// The only door to the server: requests with the bearer token, and the event stream.

const TOKEN_KEY = "opswire.page_token";
const SILENCE_MS = 40_000; // the server says something every 15 s, if only a comment
const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 8_000;

export class ApiError extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

// The token comes in the fragment, which no server sees, and leaves the address bar at once.
export function takeToken() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found) {
    localStorage.setItem(TOKEN_KEY, found);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return localStorage.getItem(TOKEN_KEY);
}

export function forgetToken() {
  localStorage.removeItem(TOKEN_KEY);
}

function authorised(extra = {}) {
  return { Authorization: `Bearer ${localStorage.getItem(TOKEN_KEY)}`, ...extra };
}

async function ask(path, options = {}) {
  const { headers, ...rest } = options;
  let response;
  try {
    response = await fetch(path, {
      ...rest,
      headers: authorised(headers),
      cache: "no-store",
      credentials: "omit",
    });
  } catch {
    throw new ApiError(0, "The local Telegram does not answer. Is it still running?");
  }
  if (!response.ok) throw new ApiError(response.status, await sentenceOf(response));
  return response;
}

async function sentenceOf(response) {
  try {
    return (await response.json()).error ?? `The server answered ${response.status}.`;
  } catch {
    return `The server answered ${response.status}.`;
  }
}

export async function fetchJson(path) {
  return (await ask(path)).json();
}

export async function post(path, content) {
  const options = { method: "POST" };
  if (content instanceof FormData) options.body = content;
  else
    Object.assign(options, {
      body: JSON.stringify(content ?? {}),
      headers: { "Content-Type": "application/json" },
    });
  const response = await ask(path, options);
  const text = await response.text();
  return text ? JSON.parse(text) : {};
}

const blobs = new Map();
const KEPT_BLOBS = 150;

// Pictures need the header too, so they are fetched and shown as blob addresses.
export function fetchBlobAddress(url) {
  if (!url.startsWith("/") || url.startsWith("//"))
    return Promise.reject(new ApiError(0, "That file is not on this server."));
  if (!blobs.has(url)) {
    const coming = ask(url)
      .then((response) => response.blob())
      .then((blob) => URL.createObjectURL(blob));
    coming.catch(() => blobs.delete(url));
    blobs.set(url, coming);
    if (blobs.size > KEPT_BLOBS) dropOldestBlob();
  }
  return blobs.get(url);
}

function dropOldestBlob() {
  const [url, coming] = blobs.entries().next().value;
  blobs.delete(url);
  coming.then(
    (address) => URL.revokeObjectURL(address),
    () => {},
  );
}

/* Follow the events for ever. `on` is {event(kind, content, id), open(again), lost(), refused(error)}. */
export async function followEvents(on) {
  let last = null;
  let wait = FIRST_WAIT_MS;
  let again = false;
  for (;;) {
    try {
      await readStream(last, {
        open: () => {
          wait = FIRST_WAIT_MS;
          on.open(again);
          again = true;
        },
        event: (id, kind, content) => {
          last = id ?? last;
          on.event(kind, content, Number(id));
        },
      });
    } catch (error) {
      if (error.status === 401 || error.status === 403) return on.refused(error);
    }
    on.lost();
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, wait + Math.random() * 200);
      window.addEventListener(
        "online",
        () => {
          clearTimeout(timer);
          resolve();
        },
        { once: true },
      );
    });
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

async function readStream(last, on) {
  const abort = new AbortController();
  let watchdog = setTimeout(() => abort.abort(), SILENCE_MS);
  try {
    const headers = { Accept: "text/event-stream", ...(last === null ? {} : { "Last-Event-ID": last }) };
    const response = await ask("/control/events", { headers, signal: abort.signal });
    on.open();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(watchdog);
      watchdog = setTimeout(() => abort.abort(), SILENCE_MS);
      const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) emit(block, on);
    }
  } finally {
    clearTimeout(watchdog);
  }
}

function emit(block, on) {
  const fields = { data: [] };
  for (const line of block.split("\n")) {
    const match = /^(id|event|data): ?(.*)$/.exec(line);
    if (!match) continue;
    if (match[1] === "data") fields.data.push(match[2]);
    else fields[match[1]] = match[2];
  }
  if (fields.data.length)
    on.event(fields.id ?? null, fields.event ?? "message", JSON.parse(fields.data.join("\n")));
}
