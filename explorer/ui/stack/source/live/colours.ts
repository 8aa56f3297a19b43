// The colours of heat: ten of viridis (Smith and van der Walt 2015, CC0), whose lightness rises evenly.

const VIRIDIS = ["440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"];
const STOPS = VIRIDIS.map((hex) => [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)));
export const GRADIENT = `linear-gradient(90deg, ${VIRIDIS.map((hex) => `#${hex}`).join(", ")})`;
const OVERFLOWN = [194, 47, 18];
const NOTHING = [128, 128, 128, 56] as const; // what is still to come has no colour at all

// Red, green, blue and opacity of each byte: 0 is nothing, 255 what is not finite (explorer/ui/live/heat.py).
export const COLOURS: readonly (readonly [number, number, number, number])[] = Array.from({ length: 256 }, (_, level) => {
  if (level === 0) return NOTHING;
  if (level === 255) return [...OVERFLOWN, 255] as [number, number, number, number];
  const at = ((level - 1) / 253) * (STOPS.length - 1);
  const low = STOPS[Math.floor(at)] as number[], high = STOPS[Math.min(STOPS.length - 1, Math.floor(at) + 1)] as number[];
  const mixed = low.map((part, channel) => Math.round(part + (at - Math.floor(at)) * ((high[channel] as number) - part)));
  return [...mixed, 255] as [number, number, number, number];
});

export function css(level: number): string {
  const [red, green, blue, opacity] = COLOURS[level] ?? NOTHING;
  return `rgb(${red} ${green} ${blue} / ${(opacity / 255).toFixed(2)})`;
}
