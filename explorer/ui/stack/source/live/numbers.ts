// How numbers are written on charts, and where their axes have ticks.

export function written(value: number): string {
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size >= 1e15 || size < 1e-4) return value.toExponential(1).replace("e+", "e").replace("-", "−");
  if (size >= 1e9) return `${digits(value / 1e9)}G`;
  if (size >= 1e6) return `${digits(value / 1e6)}M`;
  if (size >= 1e4) return `${digits(value / 1e3)}k`;
  return size >= 1000 ? Math.round(value).toLocaleString("en") : digits(value);
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

// A loss as the legend above the charts has it.
export function loss(value: number): string {
  if (value >= 0.01 && value < 100) return value.toFixed(2);
  if (value >= 1e6) return value.toExponential(1).replace("e+", "e");
  return value >= 100 ? Number(value.toPrecision(3)).toLocaleString("en") : written(value);
}

export const percent = (value: number): string => `${(100 * value).toFixed(value > 0.9995 || value < 0.0005 ? 0 : 1)}%`;
export const bytes = (value: number): string => (value >= 1e9 ? `${digits(value / 1e9)} GB` : `${digits(value / 1e6)} MB`);
export const milliseconds = (value: number): string => (value >= 1000 ? `${digits(value / 1000)} s` : `${digits(value)} ms`);

// Round numbers from `low` to `high`, about so many.
export function ticks(low: number, high: number, about: number): number[] {
  const raw = (high - low) / about;
  if (!(raw > 0) || !Number.isFinite(raw)) return [];
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 5, 10].find((each) => each * power >= raw) ?? 10) * power;
  const made: number[] = [];
  for (let at = Math.ceil(low / step); at * step <= high * (1 + 1e-9); at += 1) made.push(Number((at * step).toPrecision(12)));
  return made;
}

// The place of the last number that is not above `x`; 0 where all are. Numbers rise.
export function before(numbers: readonly number[], x: number): number {
  let low = 0, high = numbers.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((numbers[middle] as number) <= x) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function nearest(numbers: readonly number[], x: number): number {
  const at = before(numbers, x);
  const next = numbers[at + 1];
  return next !== undefined && next - x < x - (numbers[at] as number) ? at + 1 : at;
}
