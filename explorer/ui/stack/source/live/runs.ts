// The live views of one run or of twins: curves, and what goes through the blocks, on one axis of steps or seconds.

import { el, say, segmented, set, toggle } from "../dom";
import { Chart, type Line, type Look } from "./chart";
import { css, GRADIENT } from "./colours";
import { HeatView } from "./heat";
import { before, bytes, loss, milliseconds, percent, written } from "./numbers";
import type { Component, Quantity, Rows, Run, RunsData, Stripe } from "./types";

type Axis = "steps" | "seconds";
type Source = { look: Look; line: (run: Run) => { x: number[]; y: number[] }; marks?: (run: Run) => [number, number][] };

const above = (values: number[]): number => 1.12 * Math.max(...values, 1e-12);
const LOSS = { least: 2.5, most: 4 }; // guessing among ten classes is 2.3; what grew beyond 4 lies on the edge
const SOURCES: Source[] = [
  {
    look: { title: "Loss", what: "Cross entropy: mean over the last training batches as a line, test images as diamonds", write: loss, tick: written, small: false, high: (values) => 1.04 * Math.max(LOSS.least, Math.min(Math.max(...values.slice(1), 0), LOSS.most)) },
    line: (run) => ({ x: run.at, y: run.loss }), marks: (run) => run.tests.map(([step, loss]) => [step, loss]),
  },
  {
    look: { title: "Accuracy", what: "Share read correctly: mean over the last training batches as a line, test images as diamonds", write: percent, tick: (value) => `${Math.round(100 * value)}%`, small: false, high: () => 1.04 },
    line: (run) => ({ x: run.at, y: run.accuracy }), marks: (run) => run.tests.map(([step, , share]) => [step, share]),
  },
  { look: { title: "Learning rate", what: "Of each step, by the schedule", write: written, tick: written, small: true, high: above }, line: (run) => ({ x: run.at, y: run.rate ?? [] }) },
  { look: { title: "Images/s", what: "Training images a second, mean of the run so far", write: written, tick: written, small: true, high: above }, line: (run) => ({ x: run.at, y: run.speed ?? [] }) },
  { look: { title: "Step time", what: "Milliseconds a step, mean of the last few", write: milliseconds, tick: written, small: true, high: above }, line: (run) => ({ x: run.at, y: run.milliseconds ?? [] }) },
  { look: { title: "Memory", what: "That the whole process holds: on a CPU with the program itself, some 350 MB, on a GPU its tensors", write: bytes, tick: written, small: true, high: above }, line: (run) => ({ x: (run.memory ?? []).map(([step]) => step), y: (run.memory ?? []).map(([, held]) => held) }) },
];
const QUANTITIES: { [quantity in Quantity]: string } = { gradient: "Gradient", activation: "Activation" };
const MEANT: { [quantity in Quantity]: string } = {
  gradient: "length of the gradient of each block's weights", activation: "root mean square of what each block gives",
};
const SUPERSCRIPT = "⁰¹²³⁴⁵⁶⁷⁸⁹";

function power(exponent: number): string {
  return `10${exponent < 0 ? "⁻" : ""}${[...String(Math.abs(exponent))].map((digit) => SUPERSCRIPT[Number(digit)]).join("")}`;
}

export class RunsView {
  readonly root: HTMLElement;
  private data!: RunsData;
  private axis: Axis = "steps";
  private quantity: Quantity = "gradient";
  private rows: Rows = "copies";
  private hovered: number | null = null;
  private readonly charts: { source: Source; chart: Chart }[];
  private readonly heats: HeatView[] = [];
  private readonly axes = segmented<Axis>("Across", { steps: "Steps", seconds: "Seconds" }, (axis) => { this.axis = axis; this.draw(); });
  private readonly quantities = segmented<Quantity>("What goes through", QUANTITIES, (quantity) => { this.quantity = quantity; this.draw(); });
  private readonly folding = segmented<Rows>("Rows", { cards: "Cards", copies: "Every copy" }, (rows) => { this.rows = rows; this.draw(); }, { cards: "The copies of a card as one row", copies: "A row a copy" });
  private readonly place = el("span", { class: "xl-place num" });
  private readonly low = el("span", { class: "num" });
  private readonly high = el("span", { class: "num" });
  private readonly meant = el("span", { class: "xl-meant" });
  private readonly heatbar: HTMLElement;
  private readonly heatrow = el("div", { class: "xl-heats" });
  private readonly width: ResizeObserver;
  private readonly wanted = (): void => this.tell();

  constructor(private readonly host: HTMLElement, brief: boolean) {
    const hover = (x: number | null): void => this.hover(x);
    this.charts = (brief ? SOURCES.slice(0, 2) : SOURCES).map((source, at) => ({ source, chart: new Chart(source.look, hover, ...(at || brief ? [] : [this.axes.root, this.place])) }));
    const large = this.charts.slice(0, 2), small = this.charts.slice(2);
    const legend = el("span", { class: "xl-legend" }, this.low, el("i", { style: `background: ${GRADIENT}` }), this.high, this.meant);
    this.heatbar = el("div", { class: "xl-bar" }, this.quantities.root, this.folding.root, legend);
    this.root = el("div", { class: `xl${brief ? " brief" : ""}` },
      el("div", { class: "xl-large" }, ...large.map(({ chart }) => chart.root)),
      ...(brief ? [] : [el("div", { class: "xl-small" }, ...small.map(({ chart }) => chart.root)), this.heatbar, this.heatrow]));
    host.append(this.root);
    this.width = new ResizeObserver(() => this.draw());
    this.width.observe(this.root);
    document.addEventListener("explorer:heat-wanted", this.wanted);
  }

  update({ data }: Component): void {
    this.data = data as RunsData;
    this.draw();
    this.tell();
  }

  // From a step to the place on the axis, by the run's own clock.
  private placing(run: Run): (step: number) => number {
    if (this.axis === "steps" || !run.seconds.length) return (step) => step;
    return (step) => {
      const at = before(run.at, step);
      const [left, right] = [run.at[at] as number, run.at[at + 1]];
      const second = run.seconds[at] as number;
      if (right === undefined || step <= left) return second;
      return second + ((step - left) / (right - left)) * ((run.seconds[at + 1] as number) - second);
    };
  }

  private draw(): void {
    const { data } = this;
    if (!data || !this.host.isConnected) return;
    if (!data.seconds) this.axis = "steps";
    toggle(this.axes.root, "only", !data.seconds);
    this.axes.draw(this.axis);
    const most = (this.axis === "seconds" ? data.seconds : data.steps) || 1;
    for (const { source, chart } of this.charts) {
      chart.draw(data.runs.map((run): Line => {
        const place = this.placing(run), { x, y } = source.line(run);
        return { name: run.name, colour: run.colour, x: x.map(place), y, marks: (source.marks?.(run) ?? []).map(([step, value]) => [place(step), value]) };
      }), most);
    }
    set(this.root, "data-points", Math.max(0, ...data.runs.map((run) => run.at.length)));
    const scale = data.scales?.[this.quantity];
    this.heatbar.hidden = this.heatrow.hidden = !scale;
    if (scale) this.drawHeats(scale, most);
    this.hover(this.hovered);
  }

  private drawHeats(scale: [number, number], most: number): void {
    this.quantities.draw(this.quantity);
    this.folding.draw(this.rows);
    say(this.low, `≤ ${power(scale[0])}`);
    say(this.high, power(scale[1]));
    say(this.meant, `logarithmic: ${MEANT[this.quantity]}; grey: none`);
    const shown = this.data.runs.filter((run) => run.heat);
    while (this.heats.length < shown.length) {
      const made = new HeatView((x) => this.hover(x));
      this.heats.push(made);
      this.heatrow.append(made.root);
    }
    this.heats.forEach((view, at) => {
      const run = shown[at];
      if (run) view.draw(run, this.quantity, this.rows, scale, this.placing(run), most);
      else view.root.hidden = true;
    });
  }

  private hover(x: number | null): void {
    this.hovered = x;
    for (const { chart } of this.charts) chart.show(x);
    say(this.place, x === null ? "" : this.axis === "seconds" ? `at ${x.toFixed(1)} s` : `at step ${Math.round(x).toLocaleString("en")}`);
  }

  // The cards of the stack show the same heat; they are told in the browser, so that the stack itself runs for no step.
  private tell(): void {
    if (this.data?.view === "brief") document.dispatchEvent(new CustomEvent("explorer:heat", { detail: painted(this.data.stripe ?? null) }));
  }

  dispose(): void {
    this.width.disconnect();
    document.removeEventListener("explorer:heat-wanted", this.wanted);
    if (this.data?.view === "brief") document.dispatchEvent(new CustomEvent("explorer:heat", { detail: null }));
    this.root.remove();
  }
}

function painted(stripe: Stripe | null): { [id: string]: { colours: string[]; title: string; over: boolean } } | null {
  if (!stripe) return null;
  const { step, over } = stripe;
  return Object.fromEntries(Object.entries(stripe.cards).map(([id, { levels, norm }]) => {
    const number = norm === null ? "No weights, so no gradient" : `Gradient norm ${written(norm)}`;
    return [id, { colours: levels.map(css), title: `${number} at step ${step}${over ? "; the run has ended" : ""}`, over }];
  }));
}
