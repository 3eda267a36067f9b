// What a reference points at, shown beside it: figures, equations, tables, the beginning of a
// section, entries of the bibliography, on this page or another one of the book.
"use strict";

(() => {
  const WAIT = 200; // milliseconds that the mouse rests on a link
  const REFERENCES = "article a:is(.numref, .ref, .eqref, .cite, .citet)";
  const pages = new Map();
  const box = document.createElement("div");
  box.id = "bookc-preview";
  box.className = "preview";
  box.popover = "manual";
  box.setAttribute("role", "tooltip");
  let timer = 0, shownFor = null;

  function load(address) {
    if (!pages.has(address)) {
      const page = fetch(address).then(async (answer) => {
        if (!answer.ok) throw new Error(answer.statusText);
        return new DOMParser().parseFromString(await answer.text(), "text/html");
      });
      page.catch(() => pages.delete(address));
      pages.set(address, page);
    }
    return pages.get(address);
  }

  async function find(link) {
    const address = new URL(link.href);
    const anchor = decoded(address.hash.slice(1));
    address.hash = address.search = "";
    const here = address.pathname === location.pathname;
    const page = here ? document : await load(address.href);
    const target = anchor ? page.getElementById(anchor) : page.querySelector("h1");
    return target && excerpt(target, address, here);
  }

  // A heading stands for the text that follows it.
  function excerpt(target, address, here) {
    const parts = [target.cloneNode(true)];
    if (/^H[1-6]$/.test(target.nodeName)) {
      let next = target.nextElementSibling;
      while (next && !["P", "H1", "H2", "H3"].includes(next.nodeName)) next = next.nextElementSibling;
      if (next?.nodeName === "P") parts.push(next.cloneNode(true));
    }
    for (const part of parts) {
      for (const element of [part, ...part.querySelectorAll("*")]) {
        element.removeAttribute("id");
        element.removeAttribute("tabindex");
        if (!here) element.removeAttribute("style"); // this page's policy does not know it
        for (const name of ["src", "srcset"]) {
          if (element.hasAttribute(name)) element.setAttribute(name, new URL(element.getAttribute(name), address));
        }
      }
      for (const mark of part.querySelectorAll(".anchor, .tool")) mark.remove();
      for (const link of part.querySelectorAll("a")) link.replaceWith(...link.childNodes);
    }
    return parts;
  }

  async function show(link) {
    const parts = await find(link).catch(() => null); // from the disk no other page can be read
    if (!parts || shownFor !== link) return;
    box.replaceChildren(...parts);
    if (!box.isConnected) document.body.append(box);
    box.showPopover();
    link.setAttribute("aria-describedby", box.id);
    const { left, top, bottom } = link.getBoundingClientRect();
    const { width, height } = box.getBoundingClientRect();
    const below = bottom + 8 + height < window.innerHeight || top < height + 8;
    box.style.left = `${Math.max(8, Math.min(left, window.innerWidth - width - 8))}px`;
    box.style.top = `${below ? bottom + 8 : top - height - 8}px`;
  }

  function hide() {
    clearTimeout(timer);
    shownFor?.removeAttribute("aria-describedby");
    shownFor = null;
    if (box.matches(":popover-open")) box.hidePopover();
  }

  function ask(link, wait) {
    if (link === shownFor) {
      clearTimeout(timer);
      return;
    }
    hide();
    shownFor = link;
    timer = setTimeout(show, wait, link);
  }

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "mouse") return;
    const link = event.target.closest(REFERENCES);
    if (link) ask(link, WAIT);
    else if (event.target.closest(".preview")) clearTimeout(timer);
    else if (shownFor && shownFor !== document.activeElement) {
      clearTimeout(timer);
      timer = setTimeout(hide, WAIT); // time to move onto the preview
    }
  });
  document.addEventListener("focusin", (event) => {
    const link = event.target.closest(REFERENCES);
    if (link?.matches(":focus-visible")) ask(link, 0);
    else hide();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
  document.addEventListener("click", hide);
  window.addEventListener("scroll", () => {
    if (box.matches(":popover-open")) hide(); // it would stand still
  }, { passive: true });
})();
