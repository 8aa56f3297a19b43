// One chart: the curves of all runs over steps or seconds, the value under the pointer in its heading.

import { el, say, set, toggle } from "../dom";
import { nearest, ticks, written } from "./numbers";

export type Line = { name: string; colour: string; x: number[]; y: number[]; marks: [number, number][] };
export type Look = { title: string; what: string; write: (value: number) => string; tick: (value: number) => string; small: boolean; high: (values: number[]) => number };

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = { left: 40, right: 10, top: 6, bottom: 18 };

function node(name: string, attributes: { [name: string]: string | number }): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

export class Chart {
  readonly root: HTMLElement;
  private readonly values = el("span", { class: "xl-values num" });
  private readonly key = el("span", { class: "xl-key" });
  private readonly svg = node("svg", { role: "img" }) as SVGSVGElement;
  private readonly grid = node("g", { class: "xl-ticks" });
  private readonly lines = node("g", {});
  private readonly cursor = node("line", { class: "xl-cursor", visibility: "hidden" });
  private drawn: Line[] = [];
  private ticked = "";
  private width = 0;
  private height = 0;
  private span: [number, number] = [0, 1];
  private high = 1;

  constructor(private readonly look: Look, hover: (x: number | null) => void, ...beside: HTMLElement[]) {
    this.svg.append(this.grid, this.lines, this.cursor);
    this.root = el("figure", { class: `xl-chart${look.small ? " small" : ""}` }, el("figcaption", {}, el("b", { title: look.what }, look.title), look.small ? null : this.key, ...beside, this.values), this.svg);
    this.svg.addEventListener("pointermove", (event) => {
      const inner = this.width - MARGIN.left - MARGIN.right;
      const share = (event.offsetX - MARGIN.left) / inner;
      hover(inner > 0 && share >= -0.02 && share <= 1.02 ? Math.max(0, Math.min(1, share)) * this.span[1] : null);
    });
    this.svg.addEventListener("pointerleave", () => hover(null));
  }

  draw(lines: Line[], most: number): void {
    this.drawn = lines;
    this.span = [0, most];
    this.root.hidden = !lines.some((line) => line.y.length || line.marks.length);
    if (this.root.hidden) return;
    const box = this.svg.getBoundingClientRect();
    this.width = Math.round(box.width);
    this.height = Math.round(box.height);
    if (!this.width || !this.height) return;
    const values = lines.flatMap((line) => [...line.y, ...line.marks.map(([, y]) => y)]);
    this.high = this.look.high(values);
    const beyond = values.slice(1).some((value) => value > this.high);
    say(this.key, beyond ? `◆ test · beyond ${Math.floor(this.high)} on the edge` : "line training · ◆ test");
    this.axes();
    while (this.lines.childElementCount > lines.length) this.lines.lastElementChild?.remove();
    lines.forEach((line, at) => {
      let group = this.lines.children[at];
      if (!group) {
        group = node("g", {});
        group.append(node("path", { class: "xl-line" }), node("path", { class: "xl-marks" }));
        this.lines.append(group);
      }
      set(group, "style", `--k: var(--xp-${line.colour})`);
      set(group.children[0] as Element, "d", this.path(line));
      set(group.children[1] as Element, "d", line.marks.map(([x, y]) => this.mark(x, y)).join(""));
    });
    set(this.svg, "aria-label", `${this.look.title}: ${lines.map((line) => `${line.name} ${line.y.length ? this.look.write(line.y.at(-1) as number) : "nothing yet"}`).join(", ")}`);
    this.show(null);
  }

  private x(value: number): number {
    return MARGIN.left + (value / this.span[1]) * (this.width - MARGIN.left - MARGIN.right);
  }

  private y(value: number): number {
    const room = this.height - MARGIN.top - MARGIN.bottom;
    return MARGIN.top + room * (1 - Math.min(1, value / this.high)); // what is beyond the scale lies on its edge
  }

  private path({ x, y }: Line): string {
    if (y.length === 1) return `M${this.x(x[0] as number).toFixed(1)} ${this.y(y[0] as number).toFixed(1)}h0`; // a dot, by its round ends
    return y.map((value, at) => `${at ? "L" : "M"}${this.x(x[at] as number).toFixed(1)} ${this.y(value).toFixed(1)}`).join("");
  }

  private mark(x: number, y: number): string {
    return `M${this.x(x).toFixed(1)} ${(this.y(y) - 4.5).toFixed(1)}l4.5 4.5l-4.5 4.5l-4.5 -4.5z`;
  }

  private axes(): void {
    const key = [this.width, this.height, this.span[1], this.high].join();
    if (key === this.ticked) return;
    this.ticked = key;
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    const base = this.height - MARGIN.bottom, right = this.width - MARGIN.right;
    const made: SVGElement[] = [];
    for (const value of ticks(0, this.high, this.look.small ? 2.5 : 4)) {
      const y = this.y(value).toFixed(1);
      const text = node("text", { x: MARGIN.left - 6, y, "text-anchor": "end", "dominant-baseline": "central" });
      text.textContent = this.look.tick(value);
      made.push(node("line", { x1: MARGIN.left, x2: right, y1: y, y2: y, class: value ? "" : "base" }), text);
    }
    const across = ticks(0, this.span[1], Math.max(2, Math.min(8, Math.floor(this.width / 90))));
    across.forEach((value) => {
      const x = this.x(value);
      const text = node("text", { x: x.toFixed(1), y: base + 13, "text-anchor": x > right - 12 ? "end" : "middle" });
      text.textContent = written(value);
      made.push(text);
    });
    this.grid.replaceChildren(...made);
  }

  // The values at this place, or the last ones.
  show(x: number | null): void {
    if (this.root.hidden) return;
    set(this.cursor, "visibility", x === null ? "hidden" : "visible");
    if (x !== null) {
      const at = this.x(x).toFixed(1);
      for (const [name, value] of Object.entries({ x1: at, x2: at, y1: MARGIN.top, y2: this.height - MARGIN.bottom })) set(this.cursor, name, value);
    }
    while (this.values.childElementCount > this.drawn.length) this.values.lastElementChild?.remove();
    this.drawn.forEach((line, place) => {
      let value = this.values.children[place];
      if (!value) this.values.append((value = el("span", {}, el("i"), el("span"))));
      set(value, "style", `--k: var(--xp-${line.colour})`);
      set(value, "title", line.name);
      const at = x === null ? line.y.length - 1 : nearest(line.x, x);
      const known = line.y[at];
      toggle(value, "none", known === undefined);
      say(value.children[1] as Element, known === undefined ? "" : this.look.write(known));
    });
  }
}
