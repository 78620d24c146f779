// Comfort alone: everything here can be done without it.
"use strict";
(() => {
  const rows = [...document.querySelectorAll("li.row")];
  const by = (id) => document.getElementById(id);
  const many = by("many");

  const count = () => {
    if (!many) return;
    const all = document.querySelector("input[name=all]:checked");
    many.textContent = all ? all.dataset.found : document.querySelectorAll("input[name=row]:checked").length;
  };
  document.addEventListener("change", (event) => {
    if (event.target.form && event.target.matches("form.find select")) event.target.form.submit();
    count();
  });
  count();

  let at = -1; // the row that was last in hand
  document.addEventListener("focusin", (event) => {
    const row = rows.indexOf(event.target.closest("li.row"));
    if (row >= 0) at = row;
  });
  const inHand = () => document.activeElement && document.activeElement.closest("li.row");
  const go = (to) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, to))];
    if (row) {
      row.focus({ preventScroll: true });
      row.scrollIntoView({ block: "center" });
    }
  };
  const decided = rows.findIndex((row) => row.id === location.hash.slice(1));
  // Behind the browser's own going to the decided row.
  if (decided >= 0) addEventListener("load", () => setTimeout(() => go(decided + 1)));

  const press = (what) => what && what.click();
  const keys = {
    j: () => go(at + 1),
    k: () => go(at - 1),
    x: () => press(inHand()?.querySelector("input[name=row]")),
    "/": () => by("q")?.focus(),
    r: () => by("why")?.focus(),
    u: () => press(by("undo")),
    "?": () => {
      const help = document.querySelector("details.keys");
      press(help?.querySelector("summary"));
      help?.scrollIntoView({ block: "nearest" });
    },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.matches("input:not([type=checkbox]), select, textarea")) {
      if (event.key !== "Escape") return;
      event.target.blur();
      if (at >= 0) go(at);
      return;
    }
    const row = inHand();
    if (event.key === "Enter" && row && row === event.target) press(row.querySelector("h2 a"));
    else if (/^[1-9]$/.test(event.key)) press(row?.querySelectorAll(".decide .word")[event.key - 1]);
    else if (keys[event.key]) keys[event.key]();
    else return;
    event.preventDefault();
  });
})();
