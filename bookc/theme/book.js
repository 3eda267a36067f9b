// Framework tabs: one choice for every group on every page, kept between visits.
// The choice itself is html[data-tab], set in the head of the page; the style sheet shows what
// belongs to it. This file changes the choice and tells assistive technology about it.
"use strict";

const root = document.documentElement;
const storageKey = root.dataset.book + ".tab";
const known = root.dataset.tabs.split(" ");

function announce() {
  const choice = root.dataset.tab;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const selected = tab.dataset.on.split(" ").includes(choice);
    tab.setAttribute("aria-selected", String(selected));
    tab.tabIndex = selected ? 0 : -1;
  }
  for (const button of document.querySelectorAll(".switch button")) {
    button.setAttribute("aria-pressed", String(button.dataset.tabChoice === choice));
  }
}

// Where the reader is: the blocks from the first one below the header on, each with its place.
// A block that begins above the header is held at the fraction of it that was scrolled past.
function readingPlace(header) {
  const blocks = [...document.querySelectorAll("article > *")];
  const first = blocks.findIndex((block) => block.getBoundingClientRect().bottom > header);
  return blocks.slice(Math.max(first, 0)).map((block) => {
    const { top, height } = block.getBoundingClientRect();
    const passed = top < header && height ? (header - top) / height : 0;
    return { block, passed, at: passed ? header : top };
  });
}

function choose(choice, clicked) {
  if (!known.includes(choice) || choice === root.dataset.tab) return;
  const group = clicked && clicked.closest(".group");
  const header = document.querySelector(".top").getBoundingClientRect().bottom;
  const places = group
    ? [{ block: clicked, passed: 0, at: clicked.getBoundingClientRect().top }]
    : readingPlace(header);

  root.dataset.tab = choice;
  announce();

  const place = places.find(({ block }) => block.getClientRects().length > 0);
  if (place && window.scrollY > 0) {
    const { top, height } = place.block.getBoundingClientRect();
    const onPage = window.scrollY + top + place.passed * height;
    window.scrollTo({ top: onPage - place.at, behavior: "instant" });
  }
}

function remember(choice) {
  try {
    localStorage.setItem(storageKey, choice);
  } catch { /* storage is off: the choice holds for this page */ }
  const address = new URL(location.href);
  if (address.searchParams.has("tab")) {
    address.searchParams.set("tab", choice);
    history.replaceState(history.state, "", address);
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-tab-choice]");
  if (!button) return;
  choose(button.dataset.tabChoice, button);
  remember(button.dataset.tabChoice);
});

document.addEventListener("keydown", (event) => {
  const tab = event.target.closest("[role=tab]");
  if (!tab || event.altKey || event.ctrlKey || event.metaKey) return;
  const tabs = [...tab.parentElement.children];
  const at = tabs.indexOf(tab);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const next = tabs[(to + tabs.length) % tabs.length];
  choose(next.dataset.tabChoice, next);
  remember(next.dataset.tabChoice);
  next.focus({ preventScroll: true });
});

// A page that comes back from the browser's memory may be older than the last choice.
window.addEventListener("pageshow", (event) => {
  if (event.persisted && !new URLSearchParams(location.search).has("tab")) {
    try {
      choose(localStorage.getItem(storageKey), null);
    } catch { /* storage is off */ }
  }
});

announce();
remember(root.dataset.tab);
