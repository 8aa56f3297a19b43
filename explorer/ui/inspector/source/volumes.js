// Feature maps as boxes in space, turned by dragging. Boxes stand in a row, so that those behind are drawn first by
// their place in it alone; no WebGL, which takes seconds to begin where it is computed without a graphics card.

const FACES = [ // normal, then corners by their bits: 1 along the depth, 2 along the width, 4 along the height
  [[-1, 0, 0], [0, 2, 6, 4]], [[1, 0, 0], [1, 3, 7, 5]],
  [[0, -1, 0], [0, 1, 5, 4]], [[0, 1, 0], [2, 3, 7, 6]],
  [[0, 0, -1], [0, 1, 3, 2]], [[0, 0, 1], [4, 5, 7, 6]],
];
const FIRST = { yaw: 0.62, pitch: 0.36, zoom: 1 };

class Volumes extends View {
  constructor(root) {
    super(root, "volumes");
    this.eye = { ...FIRST };
    this.picture = draw("svg", { tabindex: "0", "aria-label": "Feature maps along the depth" });
    this.note = el("p", { class: "xi-note" });
    this.reset = el("button", { type: "button", class: "xi-button", onclick: () => { this.eye = { ...FIRST }; this.show(this.data); this.selected(); } }, "Reset view");
    this.body.append(this.picture, el("div", { class: "xi-corner" }, this.reset), this.note);
    this.picture.addEventListener("pointerdown", (event) => this.grab(event));
    this.picture.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.picture.addEventListener("keydown", (event) => this.turn(event));
    this.fills();
  }

  show(data) {
    this.note.textContent = data.note;
    if (this.boxes !== data.boxes) {
      this.boxes = data.boxes;
      this.groups = data.boxes.map((box) => {
        const faces = FACES.map(() => draw("polygon", {}));
        const lines = [box.name, ...box.said];
        const group = draw("g", { class: "xi-box", "data-card": box.card, style: `--own: ${colour(box.family)}` }, ...faces);
        return says(group, lines);
      });
      this.labels = data.boxes.map((box) => draw("g", { class: "xi-label", "data-card": box.card }, draw("text", { class: "name" }, fitted(box.name, 170, 11.5)), draw("text", { class: "shape" }, box.shape)));
    }
    this.place();
  }

  // Where everything stands, seen from the eye.
  place() {
    const width = this.picture.clientWidth || this.body.clientWidth, height = this.picture.clientHeight || 300;
    const { yaw, pitch, zoom } = this.eye;
    const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
    const length = this.boxes.reduce((most, { at }) => Math.max(most, at[0] + at[1]), 0);
    const seen = (x, y, z) => { // along the depth, the width, the height
      const along = x - length / 2;
      const across = along * cy + y * sy;
      const away = -along * sy + y * cy;
      return [across, -z * cp - away * sp, away * cp - z * sp];
    };
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    const corners = this.boxes.map(({ at: [start, thick, high, wide] }) => Array.from({ length: 8 }, (_, bits) => {
      const point = seen(start + (bits & 1 ? thick : 0), (bits & 2 ? 0.5 : -0.5) * wide, (bits & 4 ? 0.5 : -0.5) * high);
      left = Math.min(left, point[0]); right = Math.max(right, point[0]);
      top = Math.min(top, point[1]); bottom = Math.max(bottom, point[1]);
      return point;
    }));
    const room = [Math.max(80, width - 90), Math.max(80, height - 96)];
    const scale = zoom * Math.min(room[0] / (right - left || 1), room[1] / (bottom - top || 1));
    const to = ([x, y]) => [width / 2 + (x - (left + right) / 2) * scale, (height - 40) / 2 + 8 + (y - (top + bottom) / 2) * scale];
    const shown = FACES.map(([[x, y, z]]) => -(-x * sy + y * cy) * cp + z * sp > 1e-9);
    for (const at of this.boxes.keys()) {
      const points = corners[at].map(to);
      this.groups[at].childNodes.forEach((face, side) => {
        face.setAttribute("display", shown[side] ? "inline" : "none");
        if (shown[side]) face.setAttribute("points", FACES[side][1].map((corner) => points[corner].map(one).join(",")).join(" "));
        face.setAttribute("class", `face${side >> 1}`);
      });
    }
    this.corners = corners.map((each) => each.map(to));
    this.picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.write(width, height);
  }

  // Indices from the farthest box to the nearest.
  order(sy) {
    const all = this.boxes.map((_, at) => at);
    return sy > 0 ? all : all.reverse();
  }

  // Names below the boxes, as many as find room; the selected one always.
  write(width, height) {
    const order = this.order(Math.sin(this.eye.yaw));
    const shown = [];
    const at = this.boxes.findIndex((box) => box.card === selection.card && box.card >= 0);
    const spans = this.boxes.map((box, place) => {
      const xs = this.corners[place].map(([x]) => x), ys = this.corners[place].map(([, y]) => y);
      const half = Math.max(wide(fitted(box.name, 170, 11.5), 11.5), box.shape.length * 6.4) / 2 + 4;
      const x = Math.max(half + 2, Math.min(width - half - 2, (Math.min(...xs) + Math.max(...xs)) / 2));
      return { x, y: Math.min(height - 20, Math.max(...ys) + 15), left: x - half, right: x + half };
    });
    const taken = [];
    const hits = (a, b) => a.left < b.right && b.left < a.right && Math.abs(a.y - b.y) < 27;
    for (const place of at >= 0 ? [at, ...spans.keys()] : spans.keys()) {
      if (shown.includes(place) || taken.some((other) => hits(spans[place], other))) continue;
      taken.push(spans[place]);
      shown.push(place);
      const [name, shape] = this.labels[place].childNodes;
      for (const [text, dy] of [[name, 0], [shape, 13]]) {
        text.setAttribute("x", one(spans[place].x));
        text.setAttribute("y", one(spans[place].y + dy));
      }
    }
    this.picture.replaceChildren(...order.map((place) => this.groups[place]), ...shown.map((place) => this.labels[place]));
  }

  selected() {
    super.selected();
    if (this.corners && this.marked !== selection.card) {
      this.marked = selection.card;
      this.place();
    }
  }

  // A press that does not move is a click; one that does turns.
  grab(event) {
    if (event.button) return;
    const from = { x: event.clientX, y: event.clientY, ...this.eye };
    const node = event.target.closest("[data-card]");
    let moved = false, asked = false;
    const move = (to) => {
      if (!moved && Math.hypot(to.clientX - from.x, to.clientY - from.y) < 4) return;
      moved = true;
      this.tip.hidden = true;
      this.eye.yaw = from.yaw + (to.clientX - from.x) * 0.006;
      this.eye.pitch = Math.max(-1.4, Math.min(1.4, from.pitch + (to.clientY - from.y) * 0.006));
      if (!asked) requestAnimationFrame(() => { asked = false; this.place(); });
      asked = true;
    };
    const end = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      if (!moved && node && Number(node.dataset.card) >= 0) this.select(Number(node.dataset.card));
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  }

  wheel(event) {
    event.preventDefault();
    this.eye.zoom = Math.max(0.5, Math.min(8, this.eye.zoom * Math.exp(-event.deltaY * 0.0015)));
    this.place();
  }

  turn(event) {
    const by = { ArrowLeft: ["yaw", -0.1], ArrowRight: ["yaw", 0.1], ArrowUp: ["pitch", -0.1], ArrowDown: ["pitch", 0.1] }[event.key];
    if (!by) return;
    event.preventDefault();
    this.eye[by[0]] = by[0] === "pitch" ? Math.max(-1.4, Math.min(1.4, this.eye.pitch + by[1])) : this.eye.yaw + by[1];
    this.place();
  }
}
