// Pictures of networks side by side. The SVG is written, and all text in it escaped, by the app's own renderer.

export default function ({ data, parentElement }) {
  let root = parentElement.querySelector(".xc-pictures");
  if (!root) {
    root = document.createElement("div");
    root.className = "xc-pictures";
    parentElement.append(root);
  }
  root.replaceChildren(...data.pictures.map(({ name, colour, note, svg }) => {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    const swatch = document.createElement("i");
    swatch.style.background = `var(--xp-${colour})`;
    const title = document.createElement("b");
    title.textContent = name;
    const small = document.createElement("small");
    small.textContent = note;
    caption.append(swatch, title, small);
    const paper = document.createElement("div");
    paper.className = "xc-paper";
    paper.innerHTML = svg;
    figure.append(caption, paper);
    return figure;
  }));
  // Scrolled together, by the share of what there is to scroll.
  const papers = [...root.querySelectorAll(".xc-paper")];
  let leader = null;
  for (const paper of papers) {
    for (const event of ["pointerenter", "focusin", "touchstart"]) {
      paper.addEventListener(event, () => { leader = paper; }, { passive: true });
    }
    paper.addEventListener("scroll", () => {
      if (leader !== paper) return;
      const share = paper.scrollTop / Math.max(1, paper.scrollHeight - paper.clientHeight);
      for (const other of papers) {
        if (other !== paper) other.scrollTop = share * (other.scrollHeight - other.clientHeight);
      }
    }, { passive: true });
  }
}
