// Sorts a table by the column whose head is clicked; the page is whole without it.
for (const head of document.querySelectorAll(".sortable th")) {
  head.addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") === "descending";
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const units = { k: 1e3, M: 1e6, G: 1e9 };
    const key = (row) => {
      const text = row.cells[head.cellIndex].textContent;
      const number = /^(-?[\d.]+(?:e-?\d+)?)([kMG])?(?![\w-])/.exec(text);
      return number ? number[1] * (units[number[2]] || 1) : text;
    };
    const order = (a, b) => {
      const [x, y] = [key(a), key(b)];
      // Empty cells stay at the end.
      if (x === "" || y === "") return (x === "") - (y === "");
      return (x < y ? -1 : x > y ? 1 : 0) * (up ? 1 : -1);
    };
    const body = head.closest("table").tBodies[0];
    body.append(...[...body.rows].sort(order));
  });
}
