// What Python sends to the live views (explorer/ui/live/series.py).

export type Quantity = "gradient" | "activation";
export type Rows = "cards" | "copies";

export type Heat = {
  at: number[]; // the step of each column
  names: string[]; // of the cards
  copies: number[]; // of each card
  starts: number[]; // the row of each card's first copy
  together: number; // neighbours that a row of copies stands for
  sentence: string;
} & { [quantity in Quantity]: { [rows in Rows]: string } };

export type Run = {
  name: string;
  colour: "residual" | "inception";
  at: number[];
  seconds: number[];
  loss: number[];
  accuracy: number[];
  rate?: number[];
  speed?: number[];
  milliseconds?: number[];
  memory?: [number, number][];
  tests: [number, number, number][];
  heat?: Heat | null;
};

export type Stripe = {
  step: number;
  over: boolean;
  cards: { [id: string]: { levels: number[]; norm: number | null } };
};

export type RunsData = {
  view: "runs" | "brief";
  runs: Run[];
  steps: number;
  seconds: number;
  scales?: { [quantity in Quantity]?: [number, number] };
  stripe?: Stripe | null;
};

export type PadData = { view: "pad"; size: number; cleared: number };
export type Data = RunsData | PadData;
export type Component = { data: Data; setStateValue: (name: string, value: unknown) => void; parentElement: HTMLElement };
