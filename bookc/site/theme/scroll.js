// What is too wide scrolls by itself. Where it does, the keyboard can reach it to scroll it.
"use strict";

(() => {
  const scrollers = document.querySelectorAll("pre, .scroll, .long, .wide, .output.html");
  const names = { equation: "Equation", table: "Table", output: "Output" };
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const scrolls = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight + 1;
      const wrap = target.closest(".cell")?.querySelector(".wrap");
      if (wrap && !root.hasAttribute("data-wrap")) wrap.hidden = !scrolls;
      const kind = Object.keys(names).find((name) => target.closest(`.${name}`));
      if (!scrolls) {
        target.removeAttribute("tabindex");
        continue;
      }
      target.tabIndex = 0;
      if (target.localName !== "pre") {
        target.setAttribute("role", "group");
        target.setAttribute("aria-label", names[kind] ?? "Formula");
      }
    }
  });
  for (const scroller of scrollers) observer.observe(scroller);
})();
