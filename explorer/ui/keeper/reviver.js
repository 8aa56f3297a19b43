// Has the whole page run when a part of it says that it gets no answer: a server that was started anew knows the parts of
// a page only after such a run, and drops what they ask for before it.

export default function ({ setTriggerValue }) {
  const run = () => setTriggerValue("run", true);
  document.addEventListener("explorer:unanswered", run);
  return () => document.removeEventListener("explorer:unanswered", run);
}
