// Sorts a table by the column whose head is clicked; the page is whole without it.
const SIZES = { k: 1e3, M: 1e6, G: 1e9, s: 1, min: 60, h: 3600, d: 86400, pJ: 1, nJ: 1e3, "µJ": 1e6, mJ: 1e9 };

/** `12.3M`, `28.0 nJ`, `3 min 20 s` and `812.4 [790, 830]` as numbers; other text as it is. */
function key(text) {
  const parts = [...text.matchAll(/(?:^|(?<=[a-z]) )(-?[\d.]+(?:e-?\d+)?) ?(min|[µnpm]J|[kMGshd])?(?![\w-])/g)];
  if (parts[0]?.index !== 0) return text;
  const rest = parts[0][2] === undefined ? parts.slice(0, 1) : parts;
  return rest.reduce((sum, [, number, unit]) => sum + number * (SIZES[unit] ?? 1), 0);
}

for (const head of document.querySelectorAll(".sortable th")) {
  head.addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") === "descending";
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const value = (row) => key(row.cells[head.cellIndex].textContent);
    const order = (a, b) => {
      const [x, y] = [value(a), value(b)];
      // Empty cells stay at the end.
      if (x === "" || y === "") return (x === "") - (y === "");
      return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1);
    };
    const body = head.closest("table").tBodies[0];
    body.append(...[...body.rows].sort(order));
  });
}

// Films move, unless the reader wants no motion, and stop at a click.
for (const film of document.querySelectorAll(".film")) {
  const play = (on) => film.classList.toggle("plays", on);
  play(!matchMedia("(prefers-reduced-motion: reduce)").matches);
  film.addEventListener("click", () => play(!film.classList.contains("plays")));
}
