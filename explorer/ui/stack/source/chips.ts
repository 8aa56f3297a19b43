// The branches of an Inception module as rows of chips, in the notation of its line: 3x3:64/2v, maxpool, a split.
// What cannot be read stays in its chip with the reason, and nothing is sent; what does not fit is marked by Python.

import { el, set } from "./dom";
import type { CardView } from "./card";
import type { Editor } from "./editor";
import type { Chip } from "./types";

const STEP = /^(?:(?<pool>maxpool|avgpool)|(?<height>\d{1,2})x(?<width>\d{1,2}):(?<channels>\d{1,5}))(?:\/(?<stride>[12]))?(?<valid>v)?$/;
const MAX_CHANNELS = 8192;
const NEW_STEP = "3x3:64";
const NEW_BRANCH = "1x1:64";

// Why a chip cannot be read, or "".
export function complaint(text: string): string {
  const found = STEP.exec(text)?.groups;
  if (!found) return "Such as 3x3:64, 3x3:64/2v, maxpool or avgpool.";
  if (found.pool) return "";
  const channels = Number(found.channels);
  if (channels < 1 || channels > MAX_CHANNELS) return `Channels are 1 to ${MAX_CHANNELS.toLocaleString("en")}.`;
  const sizes = [Number(found.height), Number(found.width)];
  if (sizes.some((size) => size < 1 || size > 31)) return "Kernels are 1 to 31.";
  if (!found.valid && sizes.some((size) => size % 2 === 0)) return "An even kernel needs v (no padding) at its end.";
  return "";
}

export function joined(rows: readonly Chip[][]): string {
  return rows.map((row) => row.map((chip) => ("split" in chip ? `(${joined(chip.split)})` : chip.text)).join(" > ")).join(" | ");
}

export class Chips {
  readonly root = el("div", { class: "xp-chips", hidden: true, role: "group", "aria-label": "Branches" });
  private readonly why = el("p", { class: "xp-chipwhy", role: "alert", hidden: true });
  private rows: Chip[][] = [];
  private drawn = "";

  constructor(private readonly editor: Editor, private readonly view: CardView) {}

  draw(rows: Chip[][] | null, place: number[] | null, reason: string): void {
    this.root.hidden = !rows;
    const key = JSON.stringify([rows, place, reason]);
    if (!rows || key === this.drawn) return;
    this.drawn = key;
    const active = document.activeElement;
    const held = this.root.contains(active) ? (active as HTMLElement).dataset.place : undefined;
    this.rows = structuredClone(rows);
    this.why.hidden = true;
    this.root.replaceChildren(...this.branches(this.rows, [], place), this.adder("+ branch", "Add a branch", [], () => this.rows.push([{ text: NEW_BRANCH }])), this.why);
    if (held) this.root.querySelector<HTMLElement>(`[data-place="${held}"]`)?.focus();
  }

  private branches(rows: Chip[][], path: number[], place: number[] | null): HTMLElement[] {
    return rows.map((row, branch) => {
      const wrong = (step: number): boolean => place !== null && place.join() === [...path, branch, step].join();
      const chips = row.map((chip, step) => ("split" in chip ? this.split(chip, rows, branch, step, path, place) : this.chip(chip, rows, branch, step, path, wrong(step))));
      const ends = row.some((chip) => "split" in chip);
      const line = chips.flatMap((chip, step) => (step ? [el("span", { class: "xp-then", "aria-hidden": "true" }, "→"), chip] : [chip]));
      return el("div", { class: "xp-branch", role: "group", "aria-label": `Branch ${branch + 1}` }, ...line,
        ends ? null : this.adder("+", "Add a step", [...path, branch], () => row.push({ text: NEW_STEP })),
        ends || path.length > 12 ? null : this.adder("⋔", "End in a split", [...path, branch], () => row.push({ split: [[{ text: "1x3:64" }], [{ text: "3x1:64" }]] })));
    });
  }

  private split(chip: { split: Chip[][] }, rows: Chip[][], branch: number, step: number, path: number[], place: number[] | null): HTMLElement {
    const inner = [...path, branch, step];
    return el("span", { class: "xp-splitchip" }, ...this.branches(chip.split, inner, place),
      el("span", {}, this.adder("+ branch", "Add a branch to the split", inner, () => chip.split.push([{ text: NEW_BRANCH }])), this.remover("Remove the split", () => this.take(rows, branch, step))));
  }

  private chip(chip: { text: string }, rows: Chip[][], branch: number, step: number, path: number[], wrong: boolean): HTMLElement {
    const input = el("input", { class: "num", value: chip.text, size: Math.max(6, chip.text.length), spellcheck: "false", maxlength: 16, "aria-label": `Branch ${branch + 1}, step ${step + 1}`, "data-place": [...path, branch, step].join() });
    if (wrong) set(input, "aria-invalid", "true");
    input.addEventListener("input", () => {
      const reason = complaint(input.value.trim());
      set(input, "aria-invalid", reason ? "true" : null);
      set(input, "size", Math.max(6, input.value.length));
      this.why.hidden = !reason;
      this.why.textContent = reason;
    });
    const done = (): void => {
      const text = input.value.trim();
      if (text === chip.text || complaint(text)) return;
      chip.text = text;
      this.send();
    };
    input.addEventListener("change", done);
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") done();
      if (event.key === "Escape") {
        input.value = chip.text;
        input.dispatchEvent(new Event("input"));
      }
    });
    return el("span", { class: `xp-step-chip${wrong ? " wrong" : ""}` }, input, this.remover("Remove this step", () => this.take(rows, branch, step)));
  }

  // A branch without steps is no branch; the last one stays.
  private take(rows: Chip[][], branch: number, step: number): void {
    const row = rows[branch] as Chip[];
    if (row.length > 1) row.splice(step, 1);
    else if (rows.length > 1) rows.splice(branch, 1);
    else return this.editor.tell("The last step stays: a module has at least one branch.", "error");
    this.send();
  }

  private adder(label: string, title: string, place: number[], change: () => void): HTMLElement {
    return el("button", { type: "button", class: "xp-add", title, "aria-label": title, "data-place": `add ${place.join()} ${label}`, onclick: (event) => { event.stopPropagation(); change(); this.send(); } }, label);
  }

  private remover(title: string, run: () => void): HTMLElement {
    return el("button", { type: "button", class: "xp-drop", title, "aria-label": title, onclick: (event) => { event.stopPropagation(); run(); } }, "×");
  }

  private send(): void {
    this.editor.setFields(this.view.index, { branches: joined(this.rows) });
  }
}
