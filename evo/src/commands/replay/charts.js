// The timeline: reward terms as curves and spikes as points, over the same seconds.

const LEFT = 92; // Room for names, in pixels.
const COLOURS = ["#3d7edb", "#e08a2e", "#2f9e6e", "#c2517f", "#8a6fd1", "#7b8794", "#b59a1f", "#2aa5b5"];

/** A canvas in its size on the screen, and its context in those pixels. */
function sheet(canvas, theme) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const [w, h] = [width, height].map((n) => Math.max(1, Math.round(n * devicePixelRatio)));
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const context = canvas.getContext("2d");
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.fillStyle = theme.text;
  return { context, width, height };
}

/** Digits that fit beside a curve. */
const short = (x) => (Math.abs(x) >= 1000 ? x.toFixed(0) : Math.abs(x) >= 10 ? x.toFixed(1) : x.toFixed(2));

class Charts {
  constructor(root, data, episode) {
    [this.data, this.episode] = [data, episode];
    this.span = [0, episode.steps * data.controlDt];
    root.replaceChildren();
    this.rows = [{ canvas: this.row(root, 120), draw: this.rewards }];
    for (const layer of data.layers.filter((layer) => layer.ticks > 0)) {
      const spikes = this.events(layer);
      const height = Math.max(70, Math.min(220, 2 * layer.neurons));
      this.rows.push({ canvas: this.row(root, height), draw: (theme, canvas) => this.raster(theme, canvas, layer, spikes) });
    }
    this.rows.push({ canvas: this.row(root, 20), draw: this.axis });
  }

  row(root, height) {
    const canvas = document.createElement("canvas");
    canvas.style.height = `${height}px`;
    return root.appendChild(canvas);
  }

  /** Ticks (with their fractions in continuous time) and neurons of all spikes of a layer. */
  events(layer) {
    const places = this.episode.arrays[`${layer.name}.places`];
    if (places) return { ticks: places, neurons: this.episode.arrays[`${layer.name}.neurons`] };
    const bytes = this.episode.arrays[`${layer.name}.spikes`];
    const [ticks, neurons] = [[], []];
    for (let at = 0; at < bytes.length; at++)
      if (bytes[at]) {
        ticks.push(Math.floor(at / layer.neurons));
        neurons.push(at % layer.neurons);
      }
    return { ticks, neurons };
  }

  x(time, width) {
    return LEFT + ((time - this.span[0]) / (this.span[1] - this.span[0])) * (width - LEFT - 8);
  }

  time(x, width) {
    return this.span[0] + ((x - LEFT) / (width - LEFT - 8)) * (this.span[1] - this.span[0]);
  }

  /** Zooms by `factor` about a time. */
  zoom(factor, about) {
    const end = this.episode.steps * this.data.controlDt;
    const [a, b] = this.span.map((edge) => about + (edge - about) * factor);
    this.span = b - a >= end ? [0, end] : [Math.max(0, Math.min(a, end - (b - a))), Math.min(end, Math.max(b, b - a))];
    if (this.span[1] - this.span[0] < 4 * this.data.controlDt) this.span = [this.span[0], this.span[0] + 4 * this.data.controlDt];
  }

  draw(time, theme) {
    for (const { canvas, draw } of this.rows) {
      draw.call(this, theme, canvas, time);
      const { context, width, height } = { context: canvas.getContext("2d"), width: canvas.clientWidth, height: canvas.clientHeight };
      const x = this.x(time, width);
      if (x < LEFT || x > width) continue;
      context.strokeStyle = theme.cursor;
      context.lineWidth = 1.5;
      context.beginPath();
      context.moveTo(x, 0);
      context.lineTo(x, height);
      context.stroke();
    }
  }

  rewards(theme, canvas, time) {
    const { context, width, height } = sheet(canvas, theme);
    const { data, episode } = this;
    const [terms, values] = [data.terms, episode.arrays.terms];
    let [low, high] = [0, 1e-6];
    for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
    // Names stand above the curves.
    const y = (value) => 22 + ((high - value) / (high - low)) * (height - 28);
    context.strokeStyle = theme.faint;
    context.lineWidth = 1;
    context.strokeRect(LEFT, 0.5, width - LEFT - 8, height - 1);
    context.beginPath();
    context.moveTo(LEFT, y(0));
    context.lineTo(width - 8, y(0));
    context.stroke();
    const step = Math.max(0, Math.min(episode.steps - 1, Math.floor(time / data.controlDt + 1e-6)));
    context.fillText("reward", 6, 10);
    context.fillStyle = theme.dim;
    for (const [value, at] of [[high, 24], [low, height - 8]]) {
      context.textAlign = "right";
      context.fillText(short(value), LEFT - 6, at);
    }
    context.textAlign = "left";
    const first = Math.max(0, Math.floor(this.span[0] / data.controlDt));
    const last = Math.min(episode.steps, Math.ceil(this.span[1] / data.controlDt));
    terms.forEach((_, index) => {
      context.strokeStyle = COLOURS[index % COLOURS.length];
      context.lineWidth = 1.4;
      context.beginPath();
      for (let at = first; at < last; at++) {
        const [px, py] = [this.x((at + 0.5) * data.controlDt, width), y(values[at * terms.length + index])];
        at === first ? context.moveTo(px, py) : context.lineTo(px, py);
      }
      context.stroke();
    });
    // Names and present values.
    let left = LEFT + 8;
    terms.forEach((name, index) => {
      const text = `${name} ${short(values[step * terms.length + index])}`;
      context.fillStyle = COLOURS[index % COLOURS.length];
      context.fillText(text, left, 11);
      left += context.measureText(text).width + 16;
    });
  }

  raster(theme, canvas, layer, { ticks, neurons }) {
    const { context, width, height } = sheet(canvas, theme);
    context.fillText(layer.name, 6, 10);
    context.fillStyle = theme.dim;
    context.fillText(`${layer.neurons} neurons`, 6, 26);
    context.strokeStyle = theme.faint;
    context.strokeRect(LEFT, 0.5, width - LEFT - 8, height - 1);
    const key = [canvas.width, canvas.height, ...this.span, theme.spike].join();
    if (canvas.key !== key) [canvas.key, canvas.dots] = [key, this.dots(theme, canvas, layer, { ticks, neurons })];
    context.drawImage(canvas.dots, 0, 0, width, height);
  }

  /** A picture of the spikes, made anew only when it would be another: there may be hundreds of thousands. */
  dots(theme, { width, height }, layer, { ticks, neurons }) {
    const picture = document.createElement("canvas");
    [picture.width, picture.height] = [width, height];
    const context = picture.getContext("2d");
    const pixels = context.createImageData(width, height);
    const words = new Uint32Array(pixels.data.buffer);
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(theme.spike.slice(at, at + 2), 16));
    const colour = ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    const ratio = devicePixelRatio;
    const tick = this.data.controlDt / layer.ticks;
    const [left, right] = [LEFT * ratio, width - 8 * ratio];
    const every = (this.x(tick, width / ratio) - this.x(0, width / ratio)) * ratio;
    const [wide, tall] = [layer.step ? Math.ceil(ratio) : Math.max(1, Math.floor(every - 0.4)), Math.max(1, Math.floor((height - 4) / layer.neurons - 0.3))];
    const first = this.x(0, width / ratio) * ratio;
    for (let at = 0; at < ticks.length; at++) {
      const x = Math.floor(first + ticks[at] * every);
      if (x < left || x + wide > right) continue;
      const y = 2 + Math.floor((neurons[at] / layer.neurons) * (height - 4));
      for (let row = y; row < Math.min(height, y + tall); row++) words.fill(colour, row * width + x, row * width + x + wide);
    }
    context.putImageData(pixels, 0, 0);
    return picture;
  }

  axis(theme, canvas) {
    const { context, width } = sheet(canvas, theme);
    const wanted = (this.span[1] - this.span[0]) / Math.max(2, (width - LEFT) / 90);
    const power = 10 ** Math.floor(Math.log10(wanted));
    const every = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= wanted);
    context.textAlign = "center";
    context.fillStyle = theme.dim;
    for (let mark = Math.ceil(this.span[0] / every - 1e-9) * every; mark <= this.span[1] + 1e-9; mark += every)
      context.fillText(`${+mark.toFixed(6)} s`, Math.min(this.x(mark, width), width - 18), 10);
    context.textAlign = "left";
  }
}
