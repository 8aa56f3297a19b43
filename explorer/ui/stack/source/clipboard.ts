// Cards travel as JSON text, so they can be pasted in another tab, kept in a note, or written by hand.

import { typing } from "./dom";
import type { Editor } from "./editor";
import type { Json } from "./types";

const MAX_TEXT = 2_000_000;
const MAX_BLOCKS = 1024;

export class Clipboard {
  private readonly listeners: [string, (event: ClipboardEvent) => void][];

  constructor(private readonly editor: Editor) {
    this.listeners = [
      ["copy", (event) => this.out(event, false)],
      ["cut", (event) => this.out(event, true)],
      ["paste", (event) => this.in(event)],
    ];
    for (const [name, listener] of this.listeners) document.addEventListener(name, listener as EventListener);
  }

  private text(): string {
    const { cards, chosen } = this.editor.state;
    return JSON.stringify({ blocks: chosen.map((at) => cards[at]?.block).filter(Boolean) }, null, 1);
  }

  // Whoever has marked text, or writes, copies text.
  private elsewhere(): boolean {
    const marked = getSelection();
    return typing(document.activeElement) || (marked !== null && !marked.isCollapsed && marked.toString().trim() !== "");
  }

  private out(event: ClipboardEvent, cut: boolean): void {
    const { chosen } = this.editor.state;
    if (!chosen.length || this.elsewhere() || !event.clipboardData) return;
    event.preventDefault();
    event.clipboardData.setData("text/plain", this.text());
    const words = chosen.length === 1 ? "Card" : `${chosen.length} cards`;
    this.editor.tell(`${words} ${cut ? "cut" : "copied"} as JSON text: paste here or in another tab.`);
    if (cut) this.editor.remove();
  }

  private in(event: ClipboardEvent): void {
    if (typing(document.activeElement) || !event.clipboardData) return;
    const text = event.clipboardData.getData("text/plain");
    if (!text.trim()) return;
    event.preventDefault();
    this.take(text);
  }

  private take(text: string): void {
    const blocks = read(text);
    if (typeof blocks === "string") this.editor.tell(blocks, "error");
    else this.editor.paste(blocks);
  }

  async copyByButton(): Promise<void> {
    const { chosen } = this.editor.state;
    if (!chosen.length) return;
    const done = await copy(this.text());
    const words = chosen.length === 1 ? "Card" : `${chosen.length} cards`;
    this.editor.tell(done ? `${words} copied as JSON text: paste here or in another tab.` : "This browser does not let the page copy; use Ctrl+C.", done ? "info" : "error");
  }

  dispose(): void {
    for (const [name, listener] of this.listeners) document.removeEventListener(name, listener as EventListener);
  }
}

// The blocks of a text, or the sentence that says why there are none.
function read(text: string): Json[] | string {
  if (text.length > MAX_TEXT) return "The clipboard holds more text than any network; nothing was changed.";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "The clipboard holds no cards: copy some first, or paste a network's JSON.";
  }
  const blocks = Array.isArray(value) ? value : (value as { blocks?: unknown } | null)?.blocks;
  const sound = Array.isArray(blocks) && blocks.every((block) => typeof block === "object" && block !== null && typeof block.kind === "string");
  if (!sound || !blocks.length) return "The clipboard holds no cards: copy some first, or paste a network's JSON.";
  if (blocks.length > MAX_BLOCKS) return `The clipboard holds ${blocks.length} cards, more than ${MAX_BLOCKS}; nothing was changed.`;
  return blocks as Json[];
}

export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { // without a secure address the browser has only the old way
    const area = document.createElement("textarea");
    area.style.cssText = "position:fixed;opacity:0";
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
