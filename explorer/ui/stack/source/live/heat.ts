// Depth by step: one run's gradients or activations as colours, the input at the top.

import { el, say, set } from "../dom";
import { before, written } from "./numbers";
import { COLOURS } from "./colours";
import type { Heat, Quantity, Rows, Run } from "./types";

export class HeatView {
  readonly root: HTMLElement;
  private readonly name = el("b");
  private readonly value = el("span", { class: "xl-values num" });
  private readonly labels = el("div", { class: "xl-depth" });
  private readonly canvas = el("canvas", { role: "img" });
  private readonly words = el("p", { class: "xl-sentence" });
  private readonly swatch = el("i");
  private heat: Heat | null = null;
  private levels = new Uint8Array();
  private decoded = "";
  private painted = "";
  private labelled = "";
  private rows: Rows = "copies";
  private scale: [number, number] = [-1, 0];
  private places: number[] = []; // of the columns, in steps or seconds
  private most = 1;

  constructor(hover: (x: number | null) => void) {
    this.root = el("figure", { class: "xl-heat" }, el("figcaption", {}, this.swatch, this.name, this.value),
      el("div", { class: "xl-plane" }, this.labels, this.canvas), this.words);
    this.canvas.addEventListener("pointermove", (event) => {
      const x = (event.offsetX / this.canvas.clientWidth) * this.most;
      this.point(x, Math.min(0.9999, Math.max(0, event.offsetY / this.canvas.clientHeight)));
      hover(x);
    });
    this.canvas.addEventListener("pointerleave", () => {
      say(this.value, "");
      hover(null);
    });
  }

  draw(run: Run, quantity: Quantity, rows: Rows, scale: [number, number], place: (step: number) => number, most: number): void {
    const heat = run.heat ?? null;
    this.root.hidden = !heat;
    if (!heat) return;
    Object.assign(this, { heat, rows, scale, most });
    say(this.name, run.name);
    set(this.swatch, "style", `--k: var(--xp-${run.colour})`);
    const words = quantity === "gradient" ? heat.sentence : ""; // which speaks of gradients
    say(this.words, words);
    this.places = heat.at.map(place);
    const text = heat[quantity][rows];
    if (text !== this.decoded) {
      this.decoded = text;
      this.levels = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    }
    this.paint();
    this.label();
    const [first, last] = [heat.at[0] ?? 0, heat.at.at(-1) ?? 0];
    set(this.canvas, "aria-label", `${quantity} by depth, ${run.name}: ${this.count} rows from the input down, steps ${first} to ${last}. ${words}`);
    set(this.canvas, "data-columns", heat.at.length);
    set(this.canvas, "data-rows", this.count);
  }

  private get count(): number {
    return this.heat?.at.length ? this.levels.length / this.heat.at.length : 0;
  }

  private paint(): void {
    const width = Math.max(1, Math.round(this.canvas.clientWidth)), rows = this.count, columns = this.places.length;
    const key = [width, rows, this.most, this.places.at(-1), this.decoded].join();
    if (key === this.painted || !rows || width < 2) return;
    this.painted = key;
    this.canvas.width = width;
    this.canvas.height = rows;
    const context = this.canvas.getContext("2d") as CanvasRenderingContext2D;
    const image = context.createImageData(width, rows);
    // a reading stands for the steps up to the next one; the last for as many as the one before it
    const end = (this.places.at(-1) as number) + (columns > 1 ? ((this.places.at(-1) as number) - (this.places[0] as number)) / (columns - 1) : this.most / 60);
    for (let x = 0; x < width; x += 1) {
      const at = ((x + 0.5) / width) * this.most;
      if (at > end) break;
      const column = before(this.places, at);
      for (let row = 0; row < rows; row += 1) {
        const colour = COLOURS[this.levels[row * columns + column] as number] as readonly number[];
        const pixel = 4 * (row * width + x);
        for (let channel = 0; channel < 4; channel += 1) image.data[pixel + channel] = colour[channel] as number;
      }
    }
    context.putImageData(image, 0, 0);
  }

  // The cards' names where there is room, each beside its first row.
  private label(): void {
    const heat = this.heat as Heat;
    const height = this.canvas.clientHeight;
    const key = [this.rows, height, heat.names.join("\n"), heat.copies.join(), this.count].join();
    if (key === this.labelled || !height) return;
    this.labelled = key;
    const total = this.rows === "cards" ? heat.names.length : heat.copies.reduce((sum, each) => sum + each, 0);
    let last = -Infinity;
    const made: HTMLElement[] = [];
    heat.names.forEach((name, card) => {
      const first = this.rows === "cards" ? card : (heat.starts[card] as number);
      const many = this.rows === "cards" ? 1 : (heat.copies[card] as number);
      const top = (first / total) * height, middle = ((first + many / 2) / total) * height;
      if (this.rows === "copies" && card) made.push(el("u", { style: `top: ${top.toFixed(1)}px` }));
      if (middle - last < 13) return;
      last = middle;
      made.push(el("span", { style: `top: ${Math.max(6, Math.min(height - 6, middle)).toFixed(1)}px`, title: name }, name));
    });
    this.labels.replaceChildren(...made);
  }

  // The value under the pointer.
  private point(x: number, depth: number): void {
    const { heat, scale } = this;
    if (!heat) return;
    const row = Math.floor(depth * this.count), column = before(this.places, x);
    const level = this.levels[row * this.places.length + column] ?? 0;
    const [low, high] = scale;
    const value = level === 0 ? "none" : level === 255 ? "not finite" : `≈ ${written(10 ** (low + ((level - 1) / 253) * (high - low)))}`;
    let where = heat.names[row] ?? "";
    if (this.rows === "copies") {
      const copy = row * heat.together;
      const card = before(heat.starts, copy);
      const own = copy - (heat.starts[card] as number) + 1;
      where = `${heat.names[card]}${(heat.copies[card] as number) > 1 ? `, copy ${own}` : ""}${heat.together > 1 ? ` and ${heat.together - 1} more` : ""}`;
    }
    say(this.value, `step ${heat.at[column]} · ${where} · ${value}`);
  }
}
