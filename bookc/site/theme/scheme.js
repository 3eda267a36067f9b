// Light, dark, or as the system has it: html[data-scheme], set in the head of the page.
"use strict";

(() => {
  const names = { "": "Colours of the system", light: "Light colours", dark: "Dark colours" };
  const button = document.querySelector(".scheme");

  function apply() {
    const scheme = root.dataset.scheme ?? "";
    button.setAttribute("aria-label", names[scheme]);
    button.title = names[scheme];
    // The pictures for dark pages follow; on paper they are for light ones.
    for (const source of document.querySelectorAll("picture > source")) {
      source.media = { "": "(prefers-color-scheme: dark)", light: "not all", dark: "screen" }[scheme];
    }
  }

  button.addEventListener("click", () => {
    const order = Object.keys(names);
    const next = order[(order.indexOf(root.dataset.scheme ?? "") + 1) % order.length];
    if (next) root.dataset.scheme = next;
    else delete root.dataset.scheme;
    keep("scheme", next || null);
    apply();
  });
  apply();
})();
