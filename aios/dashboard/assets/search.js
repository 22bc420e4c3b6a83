// The search: looks through what search/*.js holds. Those are scripts, not data, because a page that is opened from a
// disk may load nothing else. Everything found is put on the page as text.
"use strict";
(() => {
  const box = document.querySelector(".search");
  const [input, found, hits, further] = ["q", "found", "hits", "further"].map((id) => document.getElementById(id));
  const top = box.dataset.top;
  const kinds = box.dataset.kinds ? new Set(box.dataset.kinds.split(" ")) : null;
  const PORTION = 30;
  let entries = [];
  let missing = -1; // files that have not come yet; -1: none was asked for
  let ranked = [];
  let shown = 0;

  const plain = (text) => text.normalize("NFKD").replace(/\p{M}+/gu, "").toLowerCase();

  window.aiosSearchAdd = (list) => {
    for (const [place, kind, title, text] of list) {
      if (!kinds || kinds.has(kind)) {
        entries.push({ place, kind, title, text, head: plain(`${title} ${place.replace(/\W+/g, " ")}`), all: plain(text) });
      }
    }
    missing -= 1;
    if (missing === 0) look();
  };
  window.aiosSearchFiles = (count) => {
    missing = count;
    for (let number = 1; number <= count; number += 1) load(`search/${number}.js`);
  };

  function load(file) {
    const script = document.createElement("script");
    script.src = top + file;
    script.onerror = () => { found.textContent = "The search could not be loaded."; };
    document.head.append(script);
  }

  // Every word must be there; a word in the title, and at the beginning of a word, counts most.
  function score(entry, words) {
    let sum = 0;
    for (const { word, start } of words) {
      const head = entry.head.includes(word);
      if (!head && !entry.all.includes(word)) return 0;
      sum += (head ? 6 : 1) + (start.test(head ? entry.head : entry.all) ? 2 : 0);
    }
    return sum;
  }

  function look() {
    const words = plain(input.value).split(/\s+/).filter(Boolean)
      .map((word) => ({ word, start: new RegExp(`(^|[^\\p{L}\\p{N}])${word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`, "u") }));
    hits.replaceChildren();
    shown = 0;
    if (!words.length) { found.textContent = ""; further.hidden = true; return; }
    if (missing !== 0) { found.textContent = "Loading…"; return; }
    ranked = entries.map((entry) => [score(entry, words), entry]).filter(([points]) => points > 0)
      .sort((a, b) => b[0] - a[0] || (a[1].title < b[1].title ? -1 : 1)).map(([, entry]) => entry);
    found.textContent = ranked.length ? `${ranked.length} found` : "Nothing fits.";
    more(words);
  }

  function more(words) {
    for (const entry of ranked.slice(shown, shown + PORTION)) hits.append(line(entry, words));
    shown = Math.min(ranked.length, shown + PORTION);
    further.hidden = shown >= ranked.length;
    further.onclick = () => more(words);
  }

  function line(entry, words) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = top + entry.place.split("/").map(encodeURIComponent).join("/");
    link.textContent = entry.title;
    const kind = document.createElement("span");
    kind.className = "kind";
    kind.textContent = entry.kind;
    const text = document.createElement("p");
    text.append(...around(entry, words));
    item.append(link, " ", kind, text);
    return item;
  }

  // The text around the first word that is found in it, with that word marked.
  function around(entry, words) {
    const place = Math.max(0, Math.min(...words.map(({ word }) => entry.all.indexOf(word)).filter((at) => at >= 0)));
    if (!Number.isFinite(place) || entry.all.length !== entry.text.length) return [entry.text.slice(0, 220)];
    const from = Math.max(0, place - 60);
    const word = words.map(({ word }) => word).find((each) => entry.all.startsWith(each, place)) || "";
    const mark = document.createElement("mark");
    mark.textContent = entry.text.slice(place, place + word.length);
    return [(from ? "…" : "") + entry.text.slice(from, place), mark, entry.text.slice(place + word.length, place + 160)];
  }

  function begin() {
    if (missing === -1) { missing = -2; load("search/count.js"); }
  }

  box.hidden = false;
  input.addEventListener("focus", begin, { once: true });
  input.addEventListener("input", () => {
    begin();
    const address = new URL(location);
    input.value ? address.searchParams.set("q", input.value) : address.searchParams.delete("q");
    try { history.replaceState(null, "", address); } catch { /* a page on a disk may not */ }
    look();
  });
  const asked = new URLSearchParams(location.search).get("q");
  if (asked) { input.value = asked; begin(); look(); }
})();
