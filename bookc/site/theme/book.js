// Framework tabs: one choice for every group on every page, kept between visits.
// The choice itself is html[data-tab], set in the head of the page; the style sheet shows what
// belongs to it. A group that has a data-tab of its own was switched alone; "all" shows every
// panel. This file changes the choices and tells assistive technology about them.
"use strict";

const root = document.documentElement;
const known = [...root.dataset.tabs.split(" "), "all"];

// A part of an address as it was written; "%" alone is a letter.
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function keep(key, value) {
  try {
    if (value === null) localStorage.removeItem(`${root.dataset.book}.${key}`);
    else localStorage.setItem(`${root.dataset.book}.${key}`, value);
  } catch { /* storage is off: the choice holds for this page */ }
}

function announce() {
  for (const group of document.querySelectorAll(".group")) {
    const choice = group.dataset.tab ?? root.dataset.tab;
    for (const tab of group.querySelectorAll("[role=tab]")) {
      const selected = tab.dataset.on.split(" ").includes(choice);
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
    }
    group.querySelector(".alone")?.setAttribute("aria-pressed", String("tab" in group.dataset));
    group.querySelector(".compare")?.setAttribute("aria-pressed", String(choice === "all"));
  }
  for (const button of document.querySelectorAll(".switch button")) {
    button.setAttribute("aria-pressed", String(button.dataset.tabChoice === root.dataset.tab));
  }
}

// Where the reader is: the blocks from the first one below the header on, each with its place.
// A block that begins above the header is held at the fraction of it that was scrolled past.
function readingPlace() {
  const header = document.querySelector(".top").getBoundingClientRect().bottom;
  const blocks = [...document.querySelectorAll("article > *")];
  const first = blocks.findIndex((block) => block.getBoundingClientRect().bottom > header);
  return blocks.slice(Math.max(first, 0)).map((block) => {
    const { top, height } = block.getBoundingClientRect();
    const passed = top < header && height ? (header - top) / height : 0;
    return { block, passed, at: passed ? header : top };
  });
}

// Change what is shown, and keep what the reader looks at, or has clicked, where it is.
function hold(clicked, change) {
  const places = clicked?.closest(".group")
    ? [clicked, clicked.closest(".group")].map((block) => ({ block, passed: 0, at: block.getBoundingClientRect().top }))
    : readingPlace();
  change();
  announce();
  const place = places.find(({ block }) => block.getClientRects().length > 0);
  if (place && window.scrollY > 0) {
    const { top, height } = place.block.getBoundingClientRect();
    const onPage = window.scrollY + top + place.passed * height;
    window.scrollTo({ top: onPage - place.at, behavior: "instant" });
  }
}

function choose(choice, clicked) {
  const group = clicked?.closest(".group");
  if (group && "tab" in group.dataset) {
    hold(clicked, () => { group.dataset.tab = choice; });
    return;
  }
  if (known.includes(choice) && choice !== root.dataset.tab) {
    hold(clicked, () => { root.dataset.tab = choice; });
  }
  root.dataset.chosen = "yes";
  keep("tab", choice);
  showInAddress();
}

// A link that a reader copies opens the page in the framework that it was read in.
function showInAddress() {
  if (!root.dataset.chosen || !document.querySelector("[data-for]")) return;
  const address = new URL(location.href);
  if (address.searchParams.get("tab") === root.dataset.tab) return;
  address.searchParams.set("tab", root.dataset.tab);
  history.replaceState(history.state, "", address);
}

document.addEventListener("contextmenu", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || !root.dataset.chosen || link.origin !== location.origin || link.protocol !== location.protocol) return;
  const address = new URL(link.href);
  if (!address.pathname.endsWith(".html") && !address.pathname.endsWith("/")) return;
  address.searchParams.set("tab", root.dataset.tab);
  link.href = address.href;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-tab-choice], .alone, .compare");
  if (!button) return;
  if (button.dataset.tabChoice) {
    choose(button.dataset.tabChoice, button);
    return;
  }
  const group = button.closest(".group");
  const { tab } = group.dataset;
  hold(button, () => {
    if (button.matches(".compare") && tab !== "all" && !(tab === undefined && root.dataset.tab === "all")) {
      group.dataset.tab = "all";
    } else if (tab !== undefined) {
      delete group.dataset.tab;
    } else {
      group.dataset.tab = root.dataset.tab === "all" ? known[0] : shownTab(group);
    }
  });
});

function shownTab(group) {
  const tab = group.querySelector("[role=tab][aria-selected=true]") ?? group.querySelector("[role=tab]");
  return tab.dataset.tabChoice;
}

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
  next.focus({ preventScroll: true });
});

// A link to a place that another framework shows: its group shows it, alone.
function showTarget() {
  const target = document.getElementById(decoded(location.hash.slice(1)));
  const panel = target?.closest(".panel");
  if (!panel || panel.getClientRects().length) return;
  const group = panel.closest(".group");
  group.dataset.tab = panel.dataset.for.split(" ")[0] || panel.id.split("-").at(-1);
  announce();
  target.scrollIntoView();
}
window.addEventListener("hashchange", showTarget);

// A page that comes back from the browser's memory may be older than the last choice.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  try {
    const choice = localStorage.getItem(`${root.dataset.book}.tab`);
    if (choice) choose(choice, null);
  } catch { /* storage is off */ }
});

announce();
if (root.dataset.chosen) keep("tab", root.dataset.tab);
showInAddress();
showTarget();
