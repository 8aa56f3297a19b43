// One component for all views; which one it is, its data say.

const KINDS = { strip: Strip, graph: Graph, volumes: Volumes, bars: Bars, treemap: Treemap, fields: Fields, memory: Memory, torchinfo: Torchinfo, webgl: Webgl };
const shown = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  let view = shown.get(parentElement);
  if (!view || view.kind !== data.view || view.root.parentElement !== parentElement) {
    const root = el("div", { class: "xi" });
    parentElement.querySelector(":scope > .xi")?.remove(); // beside the style, which stays
    parentElement.append(root);
    view = new KINDS[data.view](root);
    shown.set(parentElement, view);
  }
  view.send = setTriggerValue;
  view.update(data);
}
