// Feature maps as boxes in space, turned by dragging. Boxes stand in a row, so that those behind are drawn first by
// their place in it alone; no WebGL, which takes seconds to begin where it is computed without a graphics card.

const FACES = [ // normal, then corners by their bits: 1 along the depth, 2 along the width, 4 along the height
  [[-1, 0, 0], [0, 2, 6, 4]], [[1, 0, 0], [1, 3, 7, 5]],
  [[0, -1, 0], [0, 1, 5, 4]], [[0, 1, 0], [2, 3, 7, 6]],
  [[0, 0, -1], [0, 1, 3, 2]], [[0, 0, 1], [4, 5, 7, 6]],
];
const FIRST = { yaw: 0.62, pitch: 0.36, zoom: 1 };
const UPRIGHT = { yaw: 1.02, pitch: 0.78, zoom: 1 }; // on a narrow screen the depth runs down

// How much of two boxes lies upon each other, in square pixels.
const covers = (one, other) => Math.max(0, Math.min(one.right, other.right) - Math.max(one.left, other.left)) * Math.max(0, Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top));

// How much of a label's place a face covers, in square pixels: the face cut along the four sides of the place.
function under(face, { left, right, top, bottom }) {
  const sides = [([x]) => x - left, ([x]) => right - x, ([, y]) => y - top, ([, y]) => bottom - y];
  const kept = sides.reduce((points, inside) => points.flatMap((point, at) => {
    const before = points.at(at - 1), [from, to] = [inside(before), inside(point)];
    const cut = before.map((each, axis) => each + (point[axis] - each) * from / (from - to));
    return [...((from < 0) !== (to < 0) ? [cut] : []), ...(to >= 0 ? [point] : [])];
  }), face);
  return Math.abs(kept.reduce((sum, [x, y], at) => sum + kept.at(at - 1)[0] * y - x * kept.at(at - 1)[1], 0)) / 2;
}

class Volumes extends View {
  constructor(root) {
    super(root, "volumes");
    this.eye = this.first();
    this.picture = draw("svg", { tabindex: "0", "aria-label": "Feature maps along the depth" });
    this.note = el("p", { class: "xi-note" });
    this.reset = el("button", { type: "button", class: "xi-button", onclick: () => { this.eye = this.first(); this.show(this.data); this.selected(); } }, "Reset view");
    this.body.append(this.picture, el("div", { class: "xi-corner" }, this.reset), this.note);
    this.picture.addEventListener("pointerdown", (event) => this.grab(event));
    this.picture.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.picture.addEventListener("keydown", (event) => this.turn(event));
    this.fills();
  }

  first() {
    return { ...(innerWidth <= 760 ? UPRIGHT : FIRST) };
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
      this.labels = data.boxes.map((box) => draw("g", { class: "xi-label", "data-card": box.card }, draw("rect", { class: "ground", rx: 4, height: 30 }), draw("text", { class: "name" }, fitted(box.name, 170, 11.5)), draw("text", { class: "shape" }, box.shape)));
      this.wide = data.boxes.map((box) => Math.max(wide(fitted(box.name, 170, 11.5), 11.5, 600), box.shape.length * 6.4) + 6);
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
    this.faces = corners.map((each) => FACES.flatMap(([, face], side) => shown[side] ? [face.map((corner) => to(each[corner]))] : []));
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

  // Names beside the boxes, as many as find room; the selected one always. Each stands where it covers least and no edge
  // runs through it: below its box or above it, to its side, or farther away at the end of a line. One that lies on a box
  // has a ground.
  write(width, height) {
    const many = this.boxes.length > 80;
    const boxes = this.corners.map((points) => {
      const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
      return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
    });
    const at = this.boxes.findIndex((box) => box.card === selection.card && box.card >= 0);
    const [shown, lines, taken] = [[], [], []];
    for (const place of at >= 0 ? [at, ...boxes.keys()] : boxes.keys()) {
      if (shown.includes(place)) continue;
      const found = this.room(place, boxes, taken, width, height, many);
      if (!found) continue;
      taken.push(found);
      shown.push(place);
      const [ground, name, shape] = this.labels[place].childNodes;
      ground.setAttribute("display", found.covered ? "inline" : "none");
      ground.setAttribute("x", one(found.left));
      ground.setAttribute("y", one(found.top - 1));
      ground.setAttribute("width", one(found.right - found.left));
      for (const [text, dy] of [[name, 11], [shape, 24]]) {
        text.setAttribute("x", one((found.left + found.right) / 2));
        text.setAttribute("y", one(found.top + dy));
      }
      if (found.line) lines.push(draw("path", { class: "xi-leader", d: found.line }));
    }
    this.picture.replaceChildren(...lines, ...this.order(Math.sin(this.eye.yaw)).map((place) => this.groups[place]), ...shown.map((place) => this.labels[place]));
  }

  // The best place of a label; none where it would cover another.
  room(place, boxes, taken, width, height, many) {
    const { left, right, top, bottom } = boxes[place];
    const wide = this.wide[place], [x, y] = [(left + right) / 2, (top + bottom) / 2];
    const spots = [[x, bottom + 4], [x, top - 32]];
    if (!many) {
      // to a side, but still at its own box
      for (let off = 8; off <= Math.min(48, (right - left) / 2 + 4); off += 8) spots.push(...[x - off, x + off].flatMap((middle) => [[middle, bottom + 4], [middle, top - 32]]));
      for (const away of [30, 58, 86, 114, 142]) spots.push([x, bottom + away], [x, top - away - 28]);
      for (const off of [-14, -28, 0]) spots.push([right + wide / 2 + 6, y + off], [left - wide / 2 - 6, y + off]);
    }
    let best = null;
    for (const [middle, high] of spots) {
      const centre = Math.max(wide / 2 + 2, Math.min(width - wide / 2 - 2, middle));
      const spot = { left: centre - wide / 2, right: centre + wide / 2, top: Math.max(2, Math.min(height - 30, high)) };
      spot.bottom = spot.top + 28;
      if (taken.some((other) => covers(spot, other))) continue;
      let [covered, weight, edges] = [0, 0, 0];
      if (!many) boxes.forEach((box, other) => covers(spot, box) && this.faces[other].forEach((face) => {
        const area = under(face, spot);
        covered += area;
        weight += area * ((box.right - box.left) * (box.bottom - box.top) > 20_000 ? 0.05 : 1);
        edges += area > 1 && area < wide * 28 - 1; // neither beside the face nor wholly on it
      }));
      const off = Math.abs(centre - x) + Math.max(0, spot.top - bottom, top - spot.bottom);
      const cost = off + 0.2 * weight + 40 * edges + (spot.bottom < top ? 4 : 0);
      if (!best || cost < best.cost) best = { ...spot, cost, covered, far: Math.max(spot.top - bottom, top - spot.bottom) > 14 };
    }
    if (best?.far) best.line = best.top > bottom ? `M${one(x)} ${one(bottom)}V${one(best.top)}` : `M${one(x)} ${one(top)}V${one(best.bottom)}`;
    return best;
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
