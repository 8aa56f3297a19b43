// The actions in the header: undo and redo with the timeline, the gallery, files, a link.

import { copy } from "./clipboard";
import { el, icon, item, panel, say, set } from "./dom";
import type { Editor } from "./editor";
import { Gallery } from "./gallery";
import type { Data } from "./types";

const MAX_FILE = 2_000_000;

export class ActionsView {
  readonly root: HTMLElement;
  readonly gallery: Gallery;
  private readonly undo: HTMLButtonElement;
  private readonly redo: HTMLButtonElement;
  private readonly timeline = el("ol", { class: "xp-states" });
  private readonly file: HTMLInputElement;
  private drawn = "";

  constructor(private readonly editor: Editor) {
    const quiet = (name: "undo" | "redo", title: string): HTMLButtonElement =>
      el("button", { type: "button", class: "xp-button xp-quiet", title, "aria-label": name === "undo" ? "Undo" : "Redo", onclick: () => editor.undo(name) }, icon(name), el("span", {}, name === "undo" ? "Undo" : "Redo"));
    this.undo = quiet("undo", "Undo (Ctrl+Z)");
    this.redo = quiet("redo", "Redo (Ctrl+Shift+Z)");
    const history = panel(el("span", {}, "History"), "Everything done so far; a click goes there", "xp-history", (list) => {
      list.append(el("h6", {}, "History"), this.timeline);
      editor.post({ op: "timeline", open: true });
    });
    history.button.prepend(icon("history"));
    history.list.addEventListener("toggle", (event) => {
      if ((event as ToggleEvent).newState === "closed") editor.post({ op: "timeline", open: false });
    });
    history.button.classList.add("xp-quiet");
    this.gallery = new Gallery(editor);
    const gallery = el("button", { type: "button", class: "xp-button", title: "Published networks, with pictures and figures", onclick: () => this.gallery.open() }, "Gallery");
    this.file = el("input", { type: "file", accept: ".json,application/json", hidden: true, "aria-label": "A network kept as JSON" });
    this.file.addEventListener("change", async () => {
      const file = this.file.files?.[0];
      this.file.value = "";
      if (!file) return;
      if (file.size > MAX_FILE) editor.tell("This file is larger than any network; nothing was changed.", "error");
      else editor.post({ op: "open", text: await file.text() });
    });
    const files = panel("File ▾", "Open or keep a network", "xp-files", (list, close) => {
      const ask = (what: string) => () => { close(); editor.post({ op: "download", what }); };
      list.append(
        item("Empty stack", "over the same input", () => { close(); editor.post({ op: "empty" }); }),
        item("Open a network …", "a JSON file kept from here", () => { close(); this.file.click(); }),
        item("Keep the network", "JSON", ask("network")),
        item("Copy a link", "opens this network anywhere", () => { close(); void this.link(); }),
        item("Table of blocks", "CSV, repeats written out", ask("blocks")),
        item("Table of operations", "CSV", ask("operations")),
        item("Picture", "SVG, as in the graph", ask("picture")),
        item("Graph", "DOT, for Graphviz", ask("dot")));
    });
    const share = el("button", { type: "button", class: "xp-button xp-strong", title: "Copy a link that opens this network", onclick: () => this.link() }, "Copy link");
    this.root = el("div", { class: "xp-actions" }, this.undo, this.redo, history.button, history.list, gallery, files.button, files.list, this.file, share, this.gallery.root);
  }

  private async link(): Promise<void> {
    const address = new URL(location.href);
    address.search = "";
    address.searchParams.set("net", this.editor.data.token);
    const done = await copy(address.href);
    this.editor.tell(done ? "Link copied. Whoever opens it sees this network." : `Copy this link: ${address.href}`);
  }

  answer(data: Data): void {
    this.gallery.answer(data.gallery);
  }

  draw({ undo, redo, timeline }: Data): void {
    this.undo.disabled = !undo;
    this.redo.disabled = !redo;
    this.states(timeline);
  }

  // Newest first; what undo left stands above the present, dimmed.
  private states(timeline: Data["timeline"]): void {
    const key = timeline ? JSON.stringify(timeline) : "";
    if (!timeline || key === this.drawn) return;
    this.drawn = key;
    const held = this.timeline.contains(document.activeElement);
    this.timeline.replaceChildren(...timeline.states.map((state, at) => {
      const button = el("button", { type: "button", class: at > timeline.at ? "later" : null, "aria-current": at === timeline.at ? "step" : null, onclick: () => this.editor.post({ op: "jump", to: at }) },
        el("b", {}, state.label), el("span", { class: "num" }, [state.params && `${state.params} parameters`, state.macs && `${state.macs} MACs`].filter(Boolean).join(" · ")));
      return el("li", {}, button);
    }).reverse());
    const now = this.timeline.querySelector<HTMLElement>("[aria-current]");
    now?.scrollIntoView({ block: "nearest" });
    if (held || this.timeline.closest(":popover-open")) now?.focus({ preventScroll: true });
    set(this.timeline, "aria-label", "Newest first");
    say(this.timeline.previousElementSibling as Element, `History · ${timeline.states.length} states`);
  }
}
