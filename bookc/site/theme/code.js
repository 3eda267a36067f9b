// The buttons of code cells and of long outputs.
"use strict";

(() => {
  const PROMPT = /^(?:>>>|\.\.\.|\$) ?/;

  // Of a terminal's transcript, what was typed; of anything else, everything.
  function typed(text) {
    const lines = text.replace(/\n$/, "").split("\n");
    if (!/^(>>>|\$) /.test(lines[0])) return lines.join("\n");
    return lines.filter((line) => PROMPT.test(line)).map((line) => line.replace(PROMPT, "")).join("\n");
  }

  async function copy(button) {
    const name = button.getAttribute("aria-label");
    let done = "Copied";
    try {
      await navigator.clipboard.writeText(typed(button.closest(".cell").querySelector("pre").textContent));
    } catch {
      done = "The browser does not let pages copy";
    }
    button.dataset.done = done;
    button.setAttribute("aria-label", done);
    setTimeout(() => {
      delete button.dataset.done;
      button.setAttribute("aria-label", name);
    }, 1500);
  }

  function wrap(button) {
    hold(null, () => root.toggleAttribute("data-wrap"));
    keep("wrap", root.hasAttribute("data-wrap") ? "yes" : null);
    showWrapped();
    button.focus({ preventScroll: true });
  }

  function showWrapped() {
    const wrapped = root.hasAttribute("data-wrap");
    for (const button of document.querySelectorAll(".cell .wrap")) {
      button.setAttribute("aria-pressed", String(wrapped));
      if (wrapped) button.hidden = false;
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".copy, .wrap, .unfold");
    if (button?.matches(".copy")) copy(button);
    else if (button?.matches(".wrap")) wrap(button);
    else if (button) {
      const open = button.getAttribute("aria-expanded") !== "true";
      button.setAttribute("aria-expanded", String(open));
      [button.textContent, button.dataset.other] = [button.dataset.other, button.textContent];
    }
  });
  showWrapped();
})();
