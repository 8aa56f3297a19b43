// Streamlit calls this at each run with new data; the view stays, found again by the element it lives in.

import { PadView } from "./pad";
import { RunsView } from "./runs";
import type { Component } from "./types";

const views = new WeakMap<HTMLElement, RunsView | PadView>();

export default function (component: Component): () => void {
  const host = component.parentElement, { view } = component.data;
  let made = views.get(host);
  if (!made) views.set(host, (made = view === "pad" ? new PadView(host) : new RunsView(host, view === "brief")));
  made.update(component);
  return () => {
    if (host.isConnected) return;
    views.get(host)?.dispose();
    views.delete(host);
  };
}
