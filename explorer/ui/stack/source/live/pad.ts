// A field to draw on: what was drawn is sent as a grid of grey values, light on dark as the digits are.

import { el } from "../dom";
import type { Component, PadData } from "./types";

const SIDE = 168; // pixels on screen
const BRUSH = 24; // as wide to the field as the strokes of the digits are to theirs
const REST = 250; // milliseconds after a stroke, before it is read

export class PadView {
  readonly root: HTMLElement;
  private readonly canvas = el("canvas", { width: SIDE, height: SIDE, class: "xl-pad", role: "img", tabindex: 0, "aria-label": "Draw here with the mouse or a finger; a picture can be uploaded instead" });
  private readonly context = this.canvas.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
  private readonly hint = el("span", { class: "xl-hint" }, "Draw here");
  private send!: Component["setStateValue"];
  private size = 56;
  private number = Date.now(); // rises from page to page
  private waiting = 0;
  private last: [number, number] | null = null;

  constructor(host: HTMLElement) {
    const clear = el("button", { type: "button", class: "xp-button xl-clear", onclick: () => this.clear() }, "Clear");
    this.root = el("div", { class: "xl-padbox" }, this.canvas, this.hint, clear);
    this.canvas.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      this.canvas.setPointerCapture(event.pointerId);
      clearTimeout(this.waiting);
      this.hint.hidden = true;
      this.last = null;
      this.stroke(event);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!this.canvas.hasPointerCapture(event.pointerId)) return;
      for (const each of event.getCoalescedEvents?.() ?? []) this.stroke(each);
      this.stroke(event);
    });
    this.canvas.addEventListener("pointerup", () => this.later());
    this.canvas.addEventListener("pointercancel", () => this.later());
    this.blank();
    host.append(this.root);
  }

  update({ data, setStateValue }: Component): void {
    this.send = setStateValue;
    this.size = (data as PadData).size;
  }

  private blank(): void {
    this.context.fillStyle = "#000";
    this.context.fillRect(0, 0, SIDE, SIDE);
  }

  private stroke(event: PointerEvent): void {
    const box = this.canvas.getBoundingClientRect();
    const point: [number, number] = [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
    const { context } = this;
    Object.assign(context, { strokeStyle: "#fff", lineWidth: BRUSH, lineCap: "round", lineJoin: "round" });
    context.beginPath();
    context.moveTo(...(this.last ?? point));
    context.lineTo(point[0] + 0.01, point[1]);
    context.stroke();
    this.last = point;
  }

  private later(): void {
    clearTimeout(this.waiting);
    this.waiting = window.setTimeout(() => this.tell(this.pixels()), REST);
  }

  private clear(): void {
    clearTimeout(this.waiting);
    this.blank();
    this.hint.hidden = false;
    this.tell("");
  }

  private tell(pixels: string): void {
    this.number += 1;
    this.send("drawn", { number: this.number, pixels });
  }

  // Grey values, row after row, each the mean of the pixels it stands for.
  private pixels(): string {
    const { data } = this.context.getImageData(0, 0, SIDE, SIDE);
    const each = SIDE / this.size;
    const grey = new Uint8Array(this.size ** 2);
    for (let row = 0; row < this.size; row += 1) {
      for (let column = 0; column < this.size; column += 1) {
        let sum = 0, count = 0;
        for (let y = Math.floor(row * each); y < (row + 1) * each; y += 1) {
          for (let x = Math.floor(column * each); x < (column + 1) * each; x += 1, count += 1) sum += data[4 * (y * SIDE + x)] as number;
        }
        grey[row * this.size + column] = Math.round(sum / count);
      }
    }
    return btoa(String.fromCharCode(...grey));
  }

  dispose(): void {
    clearTimeout(this.waiting);
    this.root.remove();
  }
}
