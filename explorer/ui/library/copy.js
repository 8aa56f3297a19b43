// Copies the address of what is on screen.

export default function ({ data, parentElement }) {
  let button = parentElement.querySelector("button");
  if (!button) {
    button = document.createElement("button");
    button.type = "button";
    button.className = "xl-copy";
    parentElement.append(button);
  }
  clearTimeout(button.back);
  button.textContent = "Copy link";
  button.onclick = async () => {
    const address = new URL(location.href);
    address.search = `?${data.query}`;
    address.hash = "";
    history.replaceState(history.state, "", address);
    let done = true;
    try {
      await navigator.clipboard.writeText(address.href);
    } catch { // no permission, or no secure context
      done = false;
    }
    button.textContent = done ? "Link copied" : "Link is in the address bar";
    button.back = setTimeout(() => { button.textContent = "Copy link"; }, 3000);
  };
}
