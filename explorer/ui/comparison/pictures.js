// Pictures of networks: one in small, or several side by side. The SVG is written, and all text in it escaped, by the
// app's own renderer; its colours follow the page's theme.

const SLICE = 60; // parts that are drawn in one go, so that the page stays answerable

function made(tag, name, text = "") {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.textContent = text;
  return node;
}

// The root of this component, made at its first run.
function rootIn(parent, name) {
  let root = parent.querySelector(`.${name}`);
  if (!root) {
    root = made("div", name);
    parent.append(root);
  }
  return root;
}

// Draws a picture slice by slice; a later picture in the same place ends it.
function draw(place, svg) {
  const whole = document.importNode(new DOMParser().parseFromString(svg, "image/svg+xml").documentElement, true);
  const parts = [...whole.childNodes];
  place.replaceChildren(whole);
  if (parts.length <= SLICE) return;
  whole.replaceChildren();
  const add = (from) => {
    if (whole.parentNode !== place) return;
    whole.append(...parts.slice(from, from + SLICE));
    if (from + SLICE < parts.length) setTimeout(() => add(from + SLICE));
  };
  add(0);
}

// Draws what comes into sight.
const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    sight.unobserve(target);
    if (target.svg) draw(target, target.svg);
    target.svg = "";
  }
}, { rootMargin: "200px" });

function small(parent, svg) {
  const root = rootIn(parent, "xc-picture");
  if (root.drawn === svg) return;
  root.drawn = svg;
  draw(root, svg);
}

function framed({ name, short, colour, note, svg }) {
  const figure = made("figure");
  const swatch = made("i");
  swatch.style.background = `var(--xp-${colour})`;
  const title = made("b", "", short);
  title.title = name;
  const caption = made("figcaption");
  caption.append(swatch, title, made("small", "", note));
  const paper = made("div", "xc-paper");
  paper.svg = svg;
  figure.append(caption, paper);
  return figure;
}

// Pictures that are scrolled together, by the share of what there is to scroll.
function together(papers) {
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

export default function ({ data, parentElement }) {
  if (data.svg !== undefined) {
    small(parentElement, data.svg);
    return;
  }
  const root = rootIn(parentElement, "xc-pictures");
  const text = JSON.stringify(data);
  if (root.drawn === text) return;
  root.drawn = text;
  root.replaceChildren(...data.pictures.map(framed));
  const papers = [...root.querySelectorAll(".xc-paper")];
  together(papers);
  for (const paper of papers) sight.observe(paper);
}
