// The gallery: published networks with a picture, what they reached and where that stands, and what they cost.

import { el, picture, say } from "./dom";
import type { Editor } from "./editor";
import type { GalleryEntry } from "./types";

let kept: GalleryEntry[] | null = null; // the same for as long as the page lives

export class Gallery {
  private readonly grid = el("div", { class: "xp-grid" });
  private readonly none = el("p", { class: "xp-none", role: "status", hidden: true });
  private readonly search: HTMLInputElement;
  readonly root: HTMLDialogElement;
  private filled = false;

  constructor(private readonly editor: Editor) {
    this.search = el("input", { type: "search", placeholder: "Search: resnet, 69, CIFAR …", "aria-label": "Search the gallery" });
    this.search.addEventListener("input", () => this.filter());
    const start = (title: string, note: string, act: () => void): HTMLElement =>
      el("button", { type: "button", class: "xp-start", onclick: () => { this.root.close(); act(); } }, el("b", {}, title), el("span", {}, note));
    this.root = el("dialog", { class: "xp-gallery", "aria-label": "Gallery" },
      el("header", {}, el("h2", {}, "Gallery"), this.search, el("button", { type: "button", class: "xp-button", onclick: () => this.root.close() }, "Close")),
      el("div", { class: "xp-starts" },
        start("Start from the article", "Its own network, each block explained", () => editor.post({ op: "article" })),
        start("Empty stack", "Over the input that is there now", () => editor.post({ op: "empty" }))),
      this.none, this.grid);
    this.root.addEventListener("click", (event) => { if (event.target === this.root) this.root.close(); });
    this.root.addEventListener("keydown", (event) => event.stopPropagation());
  }

  open(): void {
    this.root.showModal();
    if (kept) this.fill(kept);
    else this.editor.post({ op: "gallery" });
    this.search.focus();
  }

  answer(entries: GalleryEntry[] | null): void {
    if (!entries) return;
    kept = entries;
    if (this.root.open) this.fill(entries);
  }

  private fill(entries: readonly GalleryEntry[]): void {
    if (this.filled) return;
    this.filled = true;
    for (const group of new Set(entries.map((entry) => entry.group))) {
      const cards = entries.filter((entry) => entry.group === group).map((entry) => this.entry(entry));
      this.grid.append(el("section", {}, el("h6", {}, group), el("div", {}, ...cards)));
    }
    this.filter();
  }

  private entry(entry: GalleryEntry): HTMLElement {
    const reached = entry.accuracies.length
      ? entry.accuracies.map(({ top1, data, source }) => el("span", { class: "xp-reached", title: source }, el("b", { class: "num" }, top1), ` top-1, ${data}`, el("small", {}, source)))
      : [el("span", { class: "xp-reached" }, el("small", {}, "No published accuracy for this form."))];
    const open = (): void => {
      this.root.close();
      this.editor.post({ op: "preset", name: entry.name });
    };
    const words = [entry.name, entry.title, entry.title.replace(/[^a-z0-9]/gi, ""), entry.group, entry.summary, entry.source, entry.params, entry.input, ...entry.accuracies.flatMap(({ top1, data }) => [top1, data])].join(" ").toLowerCase();
    return el("button", { type: "button", class: "xp-entry", "data-words": words, "data-name": entry.name, onclick: open },
      picture(entry.picture), el("b", {}, entry.title),
      el("span", { class: "num" }, `${entry.params} · ${entry.macs} MACs`),
      el("span", { class: "num" }, `${entry.depth.toLocaleString("en")} layers deep · ${entry.input}`),
      el("p", {}, entry.summary), ...reached, el("small", { class: "xp-source" }, entry.source));
  }

  private filter(): void {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const section of this.grid.querySelectorAll("section")) {
      let seen = 0;
      for (const entry of section.querySelectorAll<HTMLElement>(".xp-entry")) {
        entry.hidden = !words.every((word) => entry.dataset.words?.includes(word));
        if (!entry.hidden) seen += 1;
      }
      section.hidden = seen === 0;
      found += seen;
    }
    this.none.hidden = found > 0;
    say(this.none, `No published network here is found by “${this.search.value.trim()}”.`);
  }
}
