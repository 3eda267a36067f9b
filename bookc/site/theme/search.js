// Search: Pagefind's index, read when the reader first searches; a result is a page with those
// of its sections where the words stand.
"use strict";

(() => {
  const site = new URL("..", document.currentScript.src);
  const dialog = document.querySelector("dialog.search");
  const field = document.getElementById("bookc-search");
  const framework = dialog.querySelector("select");
  const status = dialog.querySelector(".search-status");
  const list = dialog.querySelector(".search-results");
  const PAGES = 10, SECTIONS = 4;
  let loading = null;

  function load() {
    loading ??= import(new URL("pagefind/pagefind.js", site)).then(async (pagefind) => {
      // The words as they are count more than words that begin alike.
      const ranking = { termSimilarity: 5 };
      await pagefind.options({ baseUrl: site.pathname, highlightParam: "highlight", ranking });
      return pagefind;
    });
    return loading;
  }

  function open() {
    if (!dialog.open) dialog.showModal();
    field.focus();
    field.select();
    load().catch(() => {
      loading = null;
      status.textContent = location.protocol === "file:"
        ? "Search needs a web server: pages that are opened from the disk may not read the index."
        : "The search index could not be loaded.";
    });
  }

  function element(name, text) {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    return made;
  }

  // Pagefind marks the words that it found as HTML: only text and marks are taken from it.
  function excerpt(html) {
    const made = element("span");
    for (const node of new DOMParser().parseFromString(html, "text/html").body.childNodes) {
      made.append(node.nodeName === "MARK" ? element("mark", node.textContent) : node.textContent);
    }
    return made;
  }

  function link(title, url, text) {
    const made = element("a");
    made.href = address(url);
    made.append(element("b", title), text ? excerpt(text) : "");
    return made;
  }

  // A result found for one framework is read in it.
  function address(url) {
    const made = new URL(url, location.href);
    if (framework?.value) made.searchParams.set("tab", framework.value);
    return made.href;
  }

  function item(page) {
    const made = element("li");
    const own = page.sub_results.find((section) => !section.anchor);
    const sections = page.sub_results.filter((section) => section.anchor && section.title !== page.meta.title);
    made.append(link(page.meta.title, page.url, (own ?? page).excerpt));
    sections.sort((one, other) => other.locations.length - one.locations.length);
    const inside = element("ul");
    for (const section of sections.slice(0, SECTIONS)) {
      const row = element("li");
      row.append(link(section.title, section.url, section.excerpt));
      inside.append(row);
    }
    if (inside.children.length) made.append(inside);
    return made;
  }

  async function search() {
    const words = field.value.trim();
    if (!words) {
      list.replaceChildren();
      status.textContent = "";
      return;
    }
    const pagefind = await load();
    const filters = framework?.value ? { framework: framework.value } : {};
    const found = await pagefind.debouncedSearch(words, { filters }, 120);
    if (found === null) return; // the reader went on typing
    const pages = await Promise.all(found.results.slice(0, PAGES).map((result) => result.data()));
    if (words !== field.value.trim()) return;
    const count = found.results.length;
    status.textContent = count ? `${count} ${count === 1 ? "page" : "pages"}` : `Nothing found for “${words}”`;
    list.replaceChildren(...pages.map(item));
  }

  function move(event) {
    const links = [...list.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
    if (to === undefined || event.target === framework || !links.length) return;
    event.preventDefault();
    (to < 0 ? field : links[Math.min(to, links.length - 1)]).focus();
  }

  document.querySelector(".search-open").addEventListener("click", open);
  dialog.querySelector(".search-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", move);
  list.addEventListener("click", (event) => event.target.closest("a") && dialog.close());
  field.addEventListener("input", search);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") list.querySelector("a")?.click();
    if (event.key === "Escape") { // the browser's own would only empty the field
      event.preventDefault();
      dialog.close();
    }
  });
  framework?.addEventListener("change", search);

  document.addEventListener("keydown", (event) => {
    // For a moment the field keeps the focus though its dialog was closed: that is no typing.
    const typing = event.target.closest?.("input, select, textarea, [contenteditable]")?.checkVisibility();
    if (event.key !== "/" || typing || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    open();
  });

  // On the page that a result leads to, the words are marked; the address forgets them.
  const here = new URL(location.href);
  if (here.searchParams.has("highlight")) {
    import(new URL("pagefind/pagefind-highlight.js", site)).then(({ default: Highlight }) => {
      new Highlight({ highlightParam: "highlight", markContext: "article", addStyles: false });
      here.searchParams.delete("highlight");
      history.replaceState(history.state, "", here);
    });
  }
})();
