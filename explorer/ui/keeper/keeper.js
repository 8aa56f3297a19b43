// Keeps the network, what led to it and the settings in this browser, so that neither a crash nor a restart of the
// server loses them, and takes a link out of the address once it is open: an address that stayed would win over later
// edits at the next reload.
//
// The browser's name, by which it takes its turn in the queue, is kept as a cookie, since Python reads that at once.
//
// Python names all states by numbers and tells the newest in full; the line is put together here as it is seen.

const KEY = "explorer.kept";
const LONGEST = 2_000_000; // characters; browsers keep some five million for all that a page keeps
let kept; // what this tab keeps; undefined: not yet looked for
let seen = null; // the session that was looked at last
let asked = false; // whether it was asked to bring back what is kept
let told = ""; // what Python told last

function read(storage) {
  try {
    const found = JSON.parse(storage.getItem(KEY));
    return Array.isArray(found?.states) && found.states[found.at] ? found : null;
  } catch { // none, or damaged
    return null;
  }
}

// The text, with the oldest states left out where there is no room for all.
function write(storage, { states, at, ...rest }) {
  for (let first = 0; ; first += Math.ceil((states.length - first) / 2)) {
    const from = Math.min(first, at);
    const text = JSON.stringify({ ...rest, states: states.slice(from), at: at - from });
    try {
      if (text.length <= LONGEST || from === at) return storage.setItem(KEY, text);
    } catch { // full; private windows have no room at all
      if (from === at) return undefined;
    }
  }
}

// The line of all states in Python's order: the newest as told, the others as they are kept.
function merged({ origin, line, at, states, settings }) {
  const known = new Map(kept?.origin === origin ? kept.states.map((state) => [state.number, state]) : []);
  for (const state of states) known.set(state.number, state);
  const all = line.map((number) => known.get(number)).filter(Boolean);
  return { origin, states: all, at: all.findIndex((state) => state.number === line[at]), settings };
}

// Whether what is kept is more than what Python shows.
function differs({ states, at, settings }, data) {
  const now = data.states.find((state) => state.number === data.line[data.at]);
  return states.length > 1 || states[at].token !== now.token || JSON.stringify(settings) !== JSON.stringify(data.settings);
}

export default function ({ data, setTriggerValue }) {
  const root = document.documentElement;
  const address = new URL(location.href);
  if (data.link && address.searchParams.has("net")) {
    address.searchParams.delete("net");
    history.replaceState(history.state, "", address);
  }
  if (!/(^|; )explorer_browser=[0-9a-f]{16}(;|$)/.test(document.cookie)) {
    document.cookie = `explorer_browser=${data.browser}; path=/; max-age=31536000; SameSite=Lax`;
  }
  // This tab's own first: two tabs do not overwrite each other's.
  if (kept === undefined) kept = read(sessionStorage) ?? read(localStorage);
  const first = seen !== data.session;
  seen = data.session;
  if (first) asked = data.fresh && kept !== null && differs(kept, data);
  if (first && asked) {
    if (!data.link) root.dataset.restoring = "";
    setTriggerValue("sent", { session: data.session, kept });
    return;
  }
  delete root.dataset.restoring;
  if (data.fresh && asked) return;
  const news = JSON.stringify({ ...data, session: "", fresh: "" });
  if (news === told) return;
  told = news;
  kept = merged(data);
  write(sessionStorage, kept);
  write(localStorage, kept);
}
