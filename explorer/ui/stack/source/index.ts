// Streamlit calls this at each run with new data; the editor stays, found again by the element it lives in.

import { Editor, type Component } from "./editor";

const editors = new WeakMap<HTMLElement, Editor>();

export default function (component: Component): () => void {
  const host = component.parentElement;
  let editor = editors.get(host);
  if (!editor) editors.set(host, (editor = new Editor(host)));
  editor.update(component);
  // Streamlit also calls this of a run that newer data overtook while its module loaded; the editor stays then.
  return () => {
    if (host.isConnected) return;
    editors.get(host)?.dispose();
    editors.delete(host);
  };
}
