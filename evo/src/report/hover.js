// Values at the pointer: of every line of a chart the point that is nearest along its axis.
function values(figure) {
  const svg = figure.querySelector("svg");
  const charts = JSON.parse(figure.querySelector("script").textContent);
  const tip = figure.appendChild(document.createElement("div"));
  const marks = svg.appendChild(document.createElementNS(svg.namespaceURI, "g"));
  tip.className = "tip";
  const short = (x) => {
    if (x && Math.abs(x) < 1e-3) return x.toExponential(1);
    const units = [[1e9, 1e9, "G"], [1e6, 1e6, "M"], [1e4, 1e3, "k"], [0, 1, ""]];
    const [, size, unit] = units.find(([from]) => Math.abs(x) >= from);
    return +(x / size).toPrecision(4) + unit;
  };
  const draw = (parent, name, attributes) => {
    const shape = parent.appendChild(document.createElementNS(svg.namespaceURI, name));
    for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
    return shape;
  };
  /** Index of the nearest point; none beyond the ends of the line. */
  const nearest = (xs, x, room) => {
    let best = 0;
    xs.forEach((other, index) => Math.abs(other - x) < Math.abs(xs[best] - x) && (best = index));
    return xs.length && x >= xs[0] - room && x <= xs.at(-1) + room ? best : undefined;
  };
  const leave = () => {
    tip.hidden = true;
    marks.replaceChildren();
  };
  const move = (event) => {
    leave();
    const place = svg.getBoundingClientRect();
    const scale = svg.viewBox.baseVal.width / place.width;
    const [px, py] = [(event.clientX - place.left) * scale, (event.clientY - place.top) * scale];
    const chart = charts.find(({ box: [l, t, r, b] }) => px >= l && px <= r && py >= t && py <= b);
    if (!chart) return;
    const [[l, t, r, b], [x0, x1], [y0, y1]] = [chart.box, chart.x, chart.y];
    const x = x0 + ((px - l) / (r - l)) * (x1 - x0);
    const rows = [];
    for (const line of chart.series) {
      // A line goes on where some of its seeds have ended: once is enough.
      const at = rows.some(({ name }) => name === line.name) ? undefined : nearest(line.x, x, ((x1 - x0) * 8) / (r - l));
      if (at === undefined) continue;
      const row = document.createElement("div");
      // Drawn as the line is, so that it has the same colour on dark pages.
      draw(draw(row, "svg", { viewBox: "0 0 10 10" }), "circle", { cx: 5, cy: 5, r: 5, fill: line.colour });
      const around = line.low ? ` [${short(line.low[at])}, ${short(line.high[at])}]` : "";
      const seeds = line.seeds ? `, ${line.seeds[at]} ${line.seeds[at] === 1 ? "seed" : "seeds"}` : "";
      row.append(`${line.name}: ${short(line.y[at])}${around}${seeds}`);
      rows.push({ name: line.name, row });
      const cy = b - ((Math.min(Math.max(line.y[at], y0), y1) - y0) / (y1 - y0)) * (b - t);
      draw(marks, "circle", { cx: l + ((line.x[at] - x0) / (x1 - x0)) * (r - l), cy, r: 4, fill: line.colour });
    }
    if (!rows.length) return;
    draw(marks, "line", { x1: px, x2: px, y1: t, y2: b, stroke: "#969696" });
    tip.replaceChildren(`${chart.name} ${short(x)}`, ...rows.map(({ row }) => row));
    tip.hidden = false;
    const home = figure.getBoundingClientRect();
    const [left, room] = [event.clientX - home.left, home.width];
    Object.assign(tip.style, left > room / 2 ? { left: "", right: `${room - left + 14}px` } : { left: `${left + 14}px`, right: "" });
    tip.style.top = `${event.clientY - home.top + 14}px`;
  };
  leave();
  svg.addEventListener("pointermove", move);
  svg.addEventListener("pointerdown", move);
  svg.addEventListener("pointerleave", leave);
}

for (const source of document.querySelectorAll("figure > script")) values(source.parentNode);
