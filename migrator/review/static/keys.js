// Comfort alone: everything here can be done without it.
"use strict";
(() => {
  const rows = [...document.querySelectorAll("li.row")];
  const by = (id) => document.getElementById(id);
  const many = by("many");

  const count = () => {
    if (!many) return;
    const all = document.querySelector("input[name=all]");
    many.textContent = all && all.checked ? "*" : document.querySelectorAll("input[name=row]:checked").length;
  };
  document.addEventListener("change", (event) => {
    if (event.target.form && event.target.matches("form.find select")) event.target.form.submit();
    count();
  });
  count();

  const here = () => rows.indexOf(document.activeElement && document.activeElement.closest("li.row"));
  const go = (at) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, at))];
    if (row) {
      row.focus({ preventScroll: true });
      row.scrollIntoView({ block: "center" });
    }
  };
  const decided = rows.findIndex((row) => row.id === location.hash.slice(1));
  if (decided >= 0) go(decided + 1);

  const press = (what) => what && what.click();
  const keys = {
    j: () => go(here() + 1),
    k: () => go(here() - 1),
    x: () => press(rows[here()]?.querySelector("input[name=row]")),
    "/": () => by("q")?.focus(),
    r: () => by("why")?.focus(),
    u: () => press(by("undo")),
    "?": () => press(document.querySelector("details.keys summary")),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.matches("input:not([type=checkbox]), select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const row = rows[here()];
    if (event.key === "Enter" && row === event.target) press(row.querySelector("h2 a"));
    else if (/^[1-9]$/.test(event.key)) press(row?.querySelectorAll(".decide .word")[event.key - 1]);
    else if (keys[event.key]) keys[event.key]();
    else return;
    event.preventDefault();
  });
})();
