// What Python sends (explorer/ui/view.py) and what it is told (explorer/ui/messages.py).

export type Measure = "macs" | "params" | "saved" | "field" | "ms";
export type Role = "stem" | "body" | "head";
export type Family = "stem" | "residual" | "inception" | "plain" | "head";
export type Quantity = "params" | "macs" | "memory";
export type View = "stack" | "table" | "graph";

export type Json = { [key: string]: unknown };
export type Edit = { op: string } & Json;
export type Overlay = { text: string; share: number; heat: number };
export type Way = { label: string; price: string; edit: Edit };
export type Refusal = { head: string; ways: Way[]; place: number[] | null };
export type Chip = { text: string } | { split: Chip[][] };

export type Card = {
  id: string;
  kind: string;
  title: string;
  label: string;
  kindTitle: string;
  family: Family;
  role: Role;
  settings: string;
  status: "ok" | "error" | "waiting";
  shortcut?: string | null;
  repeat: number | null;
  input: string;
  output: string;
  params?: string;
  macs?: string;
  exact?: string;
  overlays?: { [measure in Measure]?: Overlay | null };
  error?: Refusal | null;
  block: Json;
  drawing: string;
  open?: boolean;
  inside?: string | null;
  chips?: Chip[][] | null;
  note?: string | null;
};

export type Kind = {
  kind: string;
  title: string;
  short: string;
  which: string;
  summary: string;
  source: string;
  formula: string;
  group: string;
  family: Family;
  role: Role;
  repeats: boolean;
  drawing: string;
  inside: string;
};

export type Shelf = {
  palette: Kind[];
  presets: { name: string; title: string; note: string; family: string }[];
  help: { macs: string; field: string; memory: string };
};

export type Figure = { number: string; exact: string; change: string; note: string };
export type Totals = {
  upto: string;
  batch: number;
  params: Figure;
  macs: Figure;
  memory: Figure & { parts: { name: string; size: string; share: number }[] };
  field: Figure;
};

export type Budget = {
  quantity: Quantity;
  target: number;
  written: string;
  number: string;
  share: number;
  state: "over" | "within";
  text: string;
};

export type Proposal = {
  label: string;
  changes: string[];
  params: string;
  macs: string;
  memory: string;
  change: string;
  meets: boolean;
};

export type Slot = {
  slot: number;
  at: number;
  order: number[] | null;
  status: "ok" | "error" | "waiting";
  input: string;
  output: string;
  params: string;
  macs: string;
  totals: Totals;
  head: string;
  where: number | null;
};

export type Row = { card: number; level: number; name: string; input: string; output: string; numbers: string[] };

export type GalleryEntry = {
  name: string;
  title: string;
  group: string;
  summary: string;
  source: string;
  params: string;
  macs: string;
  depth: number;
  input: string;
  accuracies: { top1: string; data: string; source: string }[];
  picture: string;
};

export type Data = {
  session: string;
  token: string;
  acknowledged: { [client: string]: number };
  undo: boolean;
  redo: boolean;
  view: View;
  notice: { number: number; kind: "info" | "error"; text: string } | null;
  download: { client: string; number: number; name: string; type: string; text: string } | null;
  table: {
    rows: Row[];
    unfolded: number[];
    total: { name: string; numbers: string[] };
    uncounted: string;
  } | null;
  selected: number;
  chosen: number[];
  shelf: Shelf | null;
  network: { name: string; input: string; flow: string };
  cards: Card[];
  drawings: { [key: string]: string };
  totals: Totals;
  budget: Budget | null;
  fit: { quantity: Quantity; target: string | number; grid: string; proposals: Proposal[] } | null;
  timeline: { at: number; states: { label: string; params: string; macs: string }[] } | null;
  gallery: GalleryEntry[] | null;
  picture: { svg: string; opened: string[]; style: "drawn" | "graphviz"; sentence: string } | null;
  preview: { client: string; number: number; slots: Slot[] } | null;
  timing: { state: "none" | "running" | "done" | "failed"; text: string; stale: boolean };
};

export type Message = { op: string; seq: number } & Json;
export type State = { cards: Card[]; selected: number; chosen: number[] };
