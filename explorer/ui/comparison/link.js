// Copies the link of the set, and writes it into the address only then. An address that no longer says what is on
// screen is taken back: a reload would bring the old set. The set itself is kept in this tab over a reload, until it is
// begun anew.

const BUTTON = "xc-copy";
const KEY = "explorer.compared";
let asked = false; // whether this page has handed back what was kept
let begun = 0; // how often the set was begun anew

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch { // none, or damaged
    return null;
  }
}

function keep(members) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(members));
  } catch { /* no room: then a reload begins anew */ }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const address = new URL(location.href);
  const parameter = data.parameter;
  const afresh = data.afresh > 0 && data.afresh !== begun;
  begun = data.afresh;
  if (afresh) keep(null);
  if (data.members) keep(data.members);
  else if (!asked && Array.isArray(kept())) setTriggerValue("kept", kept());
  asked = true;
  if (address.searchParams.has(parameter) && (afresh || address.searchParams.get(parameter) !== data.link)) {
    address.searchParams.delete(parameter);
    history.replaceState(history.state, "", address);
  }
  let button = parentElement.querySelector(`.${BUTTON}`);
  if (!button) {
    button = document.createElement("button");
    button.type = "button";
    button.className = BUTTON;
    parentElement.append(button);
  }
  clearTimeout(button.back);
  button.textContent = "Copy link";
  button.disabled = !data.link;
  button.title = data.link ? "A link that opens these networks side by side" : data.reason;
  button.onclick = async () => {
    const copied = new URL(location.href);
    copied.search = `?${parameter}=${data.link}`;
    copied.hash = "";
    history.replaceState(history.state, "", copied);
    let done = true;
    try {
      await navigator.clipboard.writeText(copied.href);
    } catch { // no permission, or no secure context
      done = false;
    }
    button.textContent = done ? "Link copied" : "Link is in the address bar";
    button.back = setTimeout(() => { button.textContent = "Copy link"; }, 3000);
  };
}
