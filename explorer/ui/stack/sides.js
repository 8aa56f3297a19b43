// The palette on the left, the totals on the right, the actions in the header.

function palette(editor) {
  const root = el("aside", { class: "xp-palette", "aria-label": "Blocks to add" });
  for (const group of new Set(SHELF.palette.map((entry) => entry.group))) {
    root.append(el("h6", {}, group));
    for (const entry of SHELF.palette.filter((each) => each.group === group)) {
      root.append(el("button", { type: "button", class: `xp-pal f-${entry.family}`, "data-kind": entry.kind, title: `${entry.title}: ${entry.summary}`, onclick: () => editor.add(entry) },
        miniature(entry.kind), el("span", {}, el("b", {}, entry.short), el("i", {}, entry.which))));
    }
  }
  root.addEventListener("keydown", (event) => {
    const items = [...root.querySelectorAll("button")];
    const to = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!to) return;
    event.preventDefault();
    items[items.indexOf(document.activeElement) + to]?.focus();
  });
  return root;
}

// A question mark whose answer shows on hover and on focus.
function help(text) {
  const answer = el("span", { class: "xp-answer", popover: "manual", role: "tooltip" }, text);
  const mark = el("button", { type: "button", class: "xp-help", "aria-label": text }, "?");
  const show = () => {
    answer.showPopover();
    const box = mark.getBoundingClientRect();
    answer.style.top = `${box.bottom + 6}px`;
    answer.style.left = `${Math.max(8, Math.min(box.left - 120, innerWidth - answer.offsetWidth - 8))}px`;
  };
  const hide = () => answer.matches(":popover-open") && answer.hidePopover();
  mark.addEventListener("mouseenter", show);
  mark.addEventListener("focus", show);
  mark.addEventListener("mouseleave", hide);
  mark.addEventListener("blur", hide);
  mark.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  return [mark, answer];
}

class Figure {
  constructor(label, answer) {
    this.label = el("span", {}, label);
    this.number = el("div", { class: "num" });
    this.change = el("span", { class: "xp-change" });
    this.note = el("span");
    this.root = el("div", { class: "xp-figure" }, el("span", { class: "xp-label" }, this.label, ...(answer ? help(answer) : [])), this.number,
      el("small", { class: "num" }, this.change, this.note));
  }

  draw({ number, exact, change, note }) {
    say(this.number, number);
    set(this.number, "title", exact);
    say(this.change, change);
    set(this.change, "class", `xp-change ${change.startsWith("+") ? "up" : change.startsWith("−") ? "down" : ""}`);
    say(this.note, note);
  }
}

class TotalsView {
  constructor(editor) {
    const { help: answers } = SHELF;
    this.upto = el("div", { class: "xp-upto", hidden: true });
    this.params = new Figure("Parameters");
    this.macs = new Figure("MACs", answers.macs);
    this.field = new Figure("Receptive field", answers.field);
    this.memory = new Figure("Memory", answers.memory);
    this.batch = el("input", { type: "number", class: "num", min: 1, max: 65536, step: 1, "aria-label": "Batch: images in a training step" });
    this.batch.addEventListener("change", () => {
      const size = Math.round(Number(this.batch.value));
      if (size >= 1) editor.post({ op: "batch", size });
    });
    this.memory.root.firstChild.append(el("label", { class: "xp-batch" }, "batch", this.batch));
    this.parts = el("div", { class: "xp-parts" });
    this.split = el("div", { class: "xp-split" });
    this.memory.root.append(this.split, this.parts);
    this.memory.root.classList.add("xp-wide");
    const tab = (act) => el("button", { type: "button", role: "tab", onclick: act });
    this.card = tab(() => editor.select(editor.last));
    this.network = tab(() => editor.select(-1));
    say(this.network, "Network");
    this.root = el("section", { class: "xp-totals", "aria-label": "Totals" },
      this.upto, this.params.root, this.macs.root, this.memory.root, this.field.root,
      el("div", { class: "xp-tabs", role: "tablist", "aria-label": "Settings of" }, this.card, this.network));
    this.field.root.classList.add("xp-wide", "xp-line");
    this.segments = [0, 1, 2, 3].map((number) => {
      const bar = el("i", { class: `p${number}` });
      const name = el("span");
      const size = el("b", { class: "num" });
      this.split.append(bar);
      this.parts.append(el("span", {}, el("i", { class: `p${number}` }), name, size));
      return { bar, name, size };
    });
  }

  // Which form stands below: that of a card, or that of the network.
  tabs({ cards, selected }, last) {
    const card = cards[last];
    if (card?.id !== this.shown) document.querySelector(".st-key-form")?.scrollTo(0, 0);
    this.shown = card?.id;
    this.card.hidden = !card;
    say(this.card, card ? `${card.title} · ${last + 1} of ${cards.length}` : "");
    set(this.card, "aria-selected", selected >= 0);
    set(this.network, "aria-selected", selected < 0);
  }

  draw(totals) {
    this.upto.hidden = !totals.upto;
    say(this.upto, totals.upto);
    set(this.root, "data-partial", totals.upto ? "yes" : null);
    this.params.draw(totals.params);
    this.macs.draw(totals.macs);
    this.field.draw(totals.field);
    this.memory.draw(totals.memory);
    if (document.activeElement !== this.batch) this.batch.value = totals.batch;
    totals.memory.parts.forEach(({ name, size, share }, number) => {
      const segment = this.segments[number];
      say(segment.name, name);
      say(segment.size, size);
      segment.bar.style.flexGrow = share;
    });
  }
}

function download({ name, type, text }) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { // without a secure address the browser has only the old way
    const area = el("textarea", { style: "position:fixed;opacity:0" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

class ActionsView {
  constructor(editor) {
    this.editor = editor;
    const button = (label, title, act) => el("button", { type: "button", class: "xp-button", title, onclick: act }, label);
    this.undo = button("↶ Undo", "Undo (Ctrl+Z)", () => editor.post({ op: "undo" }));
    this.redo = button("↷ Redo", "Redo (Ctrl+Shift+Z)", () => editor.post({ op: "redo" }));
    const [presets, presetList] = menu("Presets ▾", "Open a published network", (list, close) => {
      let family = null;
      for (const preset of SHELF.presets) {
        if (preset.family !== family) list.append(el("h6", {}, (family = preset.family)));
        list.append(item(preset.title, preset.note, () => { close(); editor.post({ op: "preset", name: preset.name }); }));
      }
    });
    presetList.classList.add("xp-presets");
    this.file = el("input", { type: "file", accept: ".json,application/json", hidden: true, "aria-label": "A network kept as JSON" });
    this.file.addEventListener("change", async () => {
      const [file] = this.file.files;
      this.file.value = "";
      if (!file) return;
      if (file.size > 2_000_000) editor.tell("This file is larger than any network; nothing was changed.", "error");
      else editor.post({ op: "open", text: await file.text() });
    });
    const [files, fileList] = menu("File ▾", "Open or keep a network", (list, close) => {
      const ask = (what) => () => { close(); editor.post({ op: "download", what }); };
      list.append(
        item("Open a network …", "a JSON file kept from here", () => { close(); this.file.click(); }),
        item("Keep the network", "JSON", ask("network")),
        item("Table of blocks", "CSV, repeats written out", ask("blocks")),
        item("Table of operations", "CSV", ask("operations")));
    });
    this.empty = button("Empty", "Begin with an empty stack", () => editor.post({ op: "empty" }));
    this.share = button("Copy link", "Copy a link that opens this network", () => this.link());
    this.share.classList.add("xp-strong");
    this.undo.classList.add("xp-quiet");
    this.redo.classList.add("xp-quiet");
    this.root = el("div", { class: "xp-actions" }, this.undo, this.redo, presets, presetList, this.empty, files, fileList, this.file, this.share);
  }

  async link() {
    const address = new URL(location.href);
    address.search = "";
    address.searchParams.set("net", this.editor.data.token);
    const done = await copy(address.href);
    this.editor.tell(done ? "Link copied. Whoever opens it sees this network." : `Copy this link: ${address.href}`);
  }

  draw({ undo, redo }) {
    this.undo.disabled = !undo;
    this.redo.disabled = !redo;
  }
}
