// The table of runs: search, order, pages and what is chosen stand here at once and are told to Python, which answers
// with the lines. Python's own changes raise the revision; an answer to an older view is not taken over.

const WAIT = 250; // milliseconds without a key until what was typed is looked for
const COLUMNS = [
  ["name", "Network"], ["status", "Status"], ["recipe", "Recipe"], ["data", "Images"], ["steps", "Steps"], ["loss", "Loss"],
  ["accuracy", "Test"], ["seconds", "Time"], ["device", "Device"], ["when", "When"],
];
const MEANT = { loss: "Training loss: averaged over the last tenth, of a run that goes on the last step's", accuracy: "Share of the test images that is read correctly" };
const NUMBERS = new Set(["steps", "loss", "accuracy", "seconds"]);
const lists = new WeakMap();

function make(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function button(name, text, label, onclick) {
  const made = make("button", name, text);
  made.type = "button";
  if (label) made.setAttribute("aria-label", label), made.title = label;
  made.onclick = onclick;
  return made;
}

class List {
  constructor(parent) {
    this.revision = -1;
    this.view = null;
    this.last = -1;
    this.root = make("div", "xl-list");
    this.search = make("input", "xl-search");
    Object.assign(this.search, { type: "search", placeholder: "Search: words, status:failed, tag:talk, seed:1", maxLength: 200 });
    this.search.setAttribute("aria-label", "Search runs");
    this.search.oninput = () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.tell({ query: this.search.value, page: 0 }), WAIT);
    };
    this.search.onkeydown = (event) => {
      if (event.key === "Enter") clearTimeout(this.typing), this.tell({ query: this.search.value, page: 0 });
      event.stopPropagation();
    };
    this.count = make("span", "xl-count");
    this.count.setAttribute("role", "status");
    this.clear = button("xl-clear", "Choose none", "", () => this.tell({ picked: [] }));
    this.every = button("xl-clear", "", "", () => this.tell({ picked: [...this.data.found] }));
    const bar = make("div", "xl-bar");
    bar.append(this.search, this.count, this.every, this.clear);
    this.scroll = make("div", "xl-scroll");
    this.scroll.tabIndex = 0;
    this.scroll.setAttribute("role", "region");
    this.scroll.setAttribute("aria-label", "Runs");
    this.table = make("table", "xl-table");
    this.head = make("thead");
    this.body = make("tbody");
    this.table.append(this.head, this.body);
    this.scroll.append(this.table);
    this.pager = make("div", "xl-pager");
    this.root.append(bar, this.scroll, this.pager);
    parent.append(this.root);
  }

  show(data, send, trigger) {
    this.data = data;
    this.send = send;
    this.trigger = trigger;
    if (data.revision > this.revision) {
      this.revision = data.revision;
      this.view = structuredClone(data.view);
      if (document.activeElement !== this.search) this.search.value = this.view.query;
    }
    this.draw();
  }

  tell(change) {
    Object.assign(this.view, change);
    this.draw();
    this.send("view", { ...this.view, revision: this.revision });
  }

  draw() {
    const { data, view } = this;
    const picked = new Set(view.picked);
    this.count.textContent = data.said + (picked.size ? ` · ${picked.size.toLocaleString("en")} chosen` : "");
    this.clear.hidden = !picked.size;
    const whole = data.rows.length > 0 && data.rows.every((row) => picked.has(row.id));
    this.every.hidden = !whole || data.found.every((id) => picked.has(id));
    this.every.textContent = `Choose all ${data.found.length.toLocaleString("en")}`;
    this.heads(picked, whole);
    this.lines(picked);
    this.pages();
  }

  heads(picked, whole) {
    const line = make("tr");
    const all = make("input");
    all.type = "checkbox";
    all.checked = whole;
    all.setAttribute("aria-label", "Choose all on this page");
    all.onchange = () => {
      const ids = this.data.rows.map((row) => row.id);
      const rest = this.view.picked.filter((id) => !ids.includes(id));
      this.tell({ picked: all.checked ? [...rest, ...ids] : rest });
    };
    const first = make("th", "xl-check");
    first.append(all);
    const star = make("th", "xl-star");
    star.append(this.heading("star", "★", "Order by star"));
    line.append(first, star);
    for (const [name, title] of COLUMNS) {
      const cell = make("th", `xl-${name}${NUMBERS.has(name) ? " xl-number" : ""}`);
      cell.scope = "col";
      const sorted = this.view.sort === name;
      cell.setAttribute("aria-sort", sorted ? (this.view.descending ? "descending" : "ascending") : "none");
      if (MEANT[name]) cell.title = MEANT[name];
      cell.append(this.heading(name, title));
      line.append(cell);
    }
    const focused = this.head.contains(document.activeElement) ? document.activeElement.dataset.sort : null;
    this.head.replaceChildren(line);
    if (focused) this.head.querySelector(`[data-sort="${focused}"]`)?.focus();
  }

  heading(name, title, label) {
    const { sort, descending } = this.view;
    const made = button("", title + (sort === name ? (descending ? " ↓" : " ↑") : ""), label, () => {
      const falling = sort === name ? !descending : !["name", "status", "recipe", "data", "device"].includes(name);
      this.tell({ sort: name, descending: falling, page: 0 });
    });
    made.dataset.sort = name;
    return made;
  }

  lines(picked) {
    const focused = this.body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const rows = this.data.rows.map((row, at) => this.line(row, at, picked));
    if (!rows.length) {
      const cell = make("td", "xl-none", this.data.none);
      cell.colSpan = COLUMNS.length + 2;
      const line = make("tr");
      line.append(cell);
      rows.push(line);
    }
    this.body.replaceChildren(...rows);
    if (focused) this.body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  line(row, at, picked) {
    const line = make("tr", picked.has(row.id) ? "xl-picked" : "");
    const check = make("input");
    check.type = "checkbox";
    check.checked = picked.has(row.id);
    check.dataset.key = `check-${row.id}`;
    check.setAttribute("aria-label", `Choose ${row.name}, ${row.when}`);
    check.onclick = (event) => this.pick(at, check.checked, event.shiftKey);
    const first = make("td", "xl-check");
    first.append(check);
    const star = make("td", "xl-star");
    const mark = button(row.star ? "xl-on" : "", row.star ? "★" : "☆", row.star ? "Take the star away" : "Star", () => {
      row.star = !row.star;
      this.draw();
      this.trigger("star", { id: row.id, on: row.star });
    });
    mark.dataset.key = `star-${row.id}`;
    mark.setAttribute("aria-pressed", row.star);
    star.append(mark);
    line.append(first, star, this.name(row));
    for (const [column] of COLUMNS.slice(1)) {
      const cell = make("td", `xl-${column}${NUMBERS.has(column) ? " xl-number num" : ""}`);
      if (column === "status") {
        const dot = make("span", `xl-state xl-${row.tone}`, row.status);
        if (row.reason) dot.title = row.reason;
        cell.append(dot);
        if (row.done !== null) {
          const part = make("span", "xl-part");
          part.append(make("span"));
          part.firstChild.style.width = `${100 * row.done}%`;
          cell.append(part);
        }
      } else {
        cell.textContent = row[column];
        if (["recipe", "device", "data"].includes(column)) cell.title = row[column];
        if (column === "when") cell.title = row.at;
      }
      line.append(cell);
    }
    return line;
  }

  name(row) {
    const cell = make("td", "xl-name");
    const link = button("xl-open", row.name, "", () => this.trigger("open", row.id));
    link.title = `${row.name}: open this run`;
    link.dataset.key = `open-${row.id}`;
    if (this.data.trash) link.disabled = true;
    cell.append(link);
    if (row.label) cell.append(make("small", "", row.label));
    for (const tag of row.tags) {
      const chip = button("xl-tag", tag, `Show runs tagged ${tag}`, () => {
        this.search.value = `tag:${tag}`;
        this.tell({ query: `tag:${tag}`, page: 0 });
      });
      cell.append(chip);
    }
    return cell;
  }

  pick(at, on, range) {
    const ids = this.data.rows.map((row) => row.id);
    const [low, high] = range && this.last >= 0 ? [Math.min(at, this.last), Math.max(at, this.last)] : [at, at];
    const touched = ids.slice(low, high + 1);
    const rest = this.view.picked.filter((id) => !touched.includes(id));
    this.last = at;
    this.tell({ picked: on ? [...rest, ...touched] : rest });
  }

  pages() {
    const { page, pages } = this.data;
    this.pager.hidden = pages < 2;
    const go = (to) => () => (this.last = -1, this.scroll.scrollTo(0, 0), this.tell({ page: to }));
    const back = button("", "← Newer", "", go(page - 1)), on = button("", "Older →", "", go(page + 1));
    if (this.view.sort !== "when" || !this.view.descending) back.textContent = "← Before", on.textContent = "After →";
    back.disabled = page === 0;
    on.disabled = page >= pages - 1;
    this.pager.replaceChildren(back, make("span", "", `Page ${page + 1} of ${pages}`), on);
  }
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  let list = lists.get(parentElement);
  if (!list) lists.set(parentElement, (list = new List(parentElement)));
  list.show(data, setStateValue, setTriggerValue);
}
