// Has the whole page run when it gets no answer any more: a server that was started anew knows the parts of a page only
// after such a run, and drops what they ask for before it. A part may say that it waits in vain; most cannot tell, so
// that the page also runs as soon as its connection is back.

export default function ({ setTriggerValue }) {
  const run = () => setTriggerValue("run", true);
  document.addEventListener("explorer:unanswered", run);
  const app = document.querySelector("[data-test-connection-state]");
  const connected = () => app?.dataset.testConnectionState === "CONNECTED";
  let before = connected();
  const watch = new MutationObserver(() => {
    if (connected() && !before) run();
    before = connected();
  });
  if (app) watch.observe(app, { attributeFilter: ["data-test-connection-state"] });
  return () => {
    watch.disconnect();
    document.removeEventListener("explorer:unanswered", run);
  };
}
