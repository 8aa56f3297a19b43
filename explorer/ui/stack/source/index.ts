// Streamlit calls this at each run with new data; the editor stays, found again by the element it lives in.

import { Editor, type Component } from "./editor";

const editors = new WeakMap<HTMLElement, Editor>();

export default function (component: Component): () => void {
  const host = component.parentElement;
  let editor = editors.get(host);
  if (!editor) editors.set(host, (editor = new Editor(host)));
  editor.update(component);
  return () => {
    editors.get(host)?.dispose();
    editors.delete(host);
  };
}
