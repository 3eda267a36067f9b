// In a page that `bookc serve` shows: reload when it was written again, show what is wrong.
"use strict";

(() => {
  const file = location.pathname.slice(1).replace(/^$|\/$/, "$&index.html");
  const box = document.createElement("pre");
  box.setAttribute("role", "alert");
  box.style.cssText = "position: fixed; inset: auto 1rem 1rem; z-index: 9; margin: 0; padding: 1rem; max-height: 50vh;"
    + " overflow: auto; white-space: pre-wrap; border-radius: 6px; background: #7a1a1f; color: #fff";

  const { heard } = document.currentScript.dataset; // of what was said before the page was read
  const events = new EventSource(`/_bookc/events?heard=${heard}`);
  let lost = false;
  events.addEventListener("changed", (event) => {
    const pages = JSON.parse(event.data); // null: all of them
    if (pages === null || pages.includes(decoded(file)) || box.isConnected) location.reload();
  });
  events.addEventListener("problems", (event) => {
    box.textContent = JSON.parse(event.data).join("\n");
    document.body.append(box);
  });
  // A server that was started again has written the book again.
  events.addEventListener("error", () => { lost = true; });
  events.addEventListener("open", () => { if (lost) location.reload(); });
})();
