// Keeps the network in this browser, so that a reload brings it back, and takes a link out of the address once it is
// open: an address that stayed would win over later edits at the next reload.

const KEY = "explorer.network";
let askedBy = null;

const read = (storage) => { try { return storage.getItem(KEY); } catch { return null; } };
const write = (storage, text) => { try { storage.setItem(KEY, text); } catch { /* private windows have no room */ } };

export default function ({ data, setStateValue }) {
  const root = document.documentElement;
  const address = new URL(location.href);
  if (data.link && address.searchParams.has("net")) {
    address.searchParams.delete("net");
    history.replaceState(history.state, "", address);
  }
  // This tab's own network first: two tabs do not overwrite each other's.
  const kept = read(sessionStorage) ?? read(localStorage);
  if (data.fresh && kept && kept !== data.token && askedBy !== data.session) {
    askedBy = data.session;
    if (!data.link) root.dataset.restoring = "";
    setStateValue("value", { session: data.session, token: kept });
    return;
  }
  delete root.dataset.restoring;
  if (data.fresh && askedBy === data.session) return;
  write(sessionStorage, data.token);
  write(localStorage, data.token);
}
