// Ways through the book: the contents of the page follow the reading, arrow keys turn pages,
// and after a jump there is a way back.
"use strict";

(() => {
  const contents = document.querySelector(".on-page");
  const links = [...(contents?.querySelectorAll("a") ?? [])];
  const places = links.map((link) => document.getElementById(decoded(link.hash.slice(1))));

  function follow() {
    const line = document.querySelector(".top").offsetHeight + window.innerHeight / 5;
    let at = places.findLastIndex((place) => place?.getClientRects().length && place.getBoundingClientRect().top < line);
    const atEnd = window.scrollY > 0 && window.innerHeight + window.scrollY > document.body.scrollHeight - 4;
    if (atEnd) at = places.findLastIndex((place) => place?.getClientRects().length && place.getBoundingClientRect().top < window.innerHeight);
    links.forEach((link, number) => {
      if (number === at) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    });
    const link = links[at];
    if (link && contents.scrollHeight > contents.clientHeight) {
      contents.scrollTop = link.offsetTop - contents.clientHeight / 2;
    }
  }

  if (links.length) {
    let waiting = false;
    const soon = () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; follow(); });
    };
    window.addEventListener("scroll", soon, { passive: true });
    window.addEventListener("resize", soon);
    follow();
    contents.addEventListener("click", (event) => {
      if (event.target.closest("a") && contents.matches(":popover-open")) contents.hidePopover();
    });
  }

  // The current page of a long tree is in sight.
  const tree = document.querySelector(".sidebar");
  const current = tree?.querySelector("[aria-current=page]");
  if (current && current.offsetTop > tree.clientHeight - 80) {
    tree.scrollTop = current.offsetTop - tree.clientHeight / 3;
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest("input, textarea, select, dialog, [tabindex='0'], [contenteditable]")) return;
    const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
    const link = rel && document.querySelector(`.neighbours [rel=${rel}]`);
    // Sideways keys scroll first where the page is wider than the window.
    if (link && root.scrollWidth <= window.innerWidth) link.click();
  });

  const back = document.createElement("button");
  back.type = "button";
  back.className = "back";
  back.textContent = "Back to where you were";
  back.hidden = true;
  document.body.append(back);
  let arrived = 0;

  function offerBack() {
    arrived = window.scrollY;
    back.hidden = false;
  }

  back.addEventListener("click", () => history.back());
  document.addEventListener("click", (event) => {
    const link = event.target.closest("article a[href^='#']:not(.anchor, .number)");
    if (link) setTimeout(offerBack, 50); // the browser goes there first
  });
  window.addEventListener("popstate", () => {
    if (!back.hidden) setTimeout(() => { back.hidden = true; }, 50);
  });
  window.addEventListener("scroll", () => {
    if (Math.abs(window.scrollY - arrived) > 2 * window.innerHeight) back.hidden = true;
  }, { passive: true });
  const entry = performance.getEntriesByType("navigation")[0];
  const site = new URL("..", document.currentScript.src).href;
  if (location.hash && entry?.type === "navigate" && document.referrer.startsWith(site)) offerBack();
})();
