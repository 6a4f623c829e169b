// Reads the recording in the page, and plays it.

const PARTS = (dark) => ({
  horizon: dark ? [0.13, 0.15, 0.19] : [0.91, 0.93, 0.955],
  ground: dark ? [0.17, 0.2, 0.25] : [0.82, 0.85, 0.885],
  line: dark ? [0.29, 0.33, 0.39] : [0.68, 0.73, 0.78],
  shadow: dark ? [0.09, 0.1, 0.13] : [0.68, 0.715, 0.76],
  text: dark ? "#e4e8ee" : "#1c2733",
  dim: dark ? "#97a1b0" : "#667485",
  faint: dark ? "#333b47" : "#d5dce4",
  cursor: dark ? "#ffb04a" : "#d0661a",
  spike: dark ? "#8fc1ff" : "#1d4f91",
});

/** The header and the arrays that follow it. */
async function unpack(text) {
  const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = await new Response(stream).arrayBuffer();
  const size = new DataView(bytes).getUint32(0, true);
  const data = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, size)));
  let at = 4 + size;
  for (const episode of data.episodes) {
    episode.arrays = {};
    for (const { name, type, length } of episode.contents) {
      const end = at + length * (type === "f32" ? 4 : 1);
      episode.arrays[name] = type === "f32" ? new Float32Array(bytes.slice(at, end)) : new Uint8Array(bytes, at, length);
      at = end;
    }
  }
  return data;
}

/** Poses of all bodies at a time, between two steps if need be. */
function posesAt(data, episode, time) {
  const place = Math.max(0, Math.min(episode.steps, time / data.controlDt));
  const first = Math.min(Math.floor(place), episode.steps - 1);
  const part = place - first;
  const [all, size] = [episode.arrays.poses, 7 * data.bodies];
  const poses = [];
  for (let body = 0; body < data.bodies; body++) {
    const [a, b] = [first * size + 7 * body, (first + 1) * size + 7 * body];
    const pose = new Array(7);
    let same = 0;
    for (let i = 3; i < 7; i++) same += all[a + i] * all[b + i];
    for (let i = 0; i < 7; i++) {
      const sign = i > 2 && same < 0 ? -1 : 1;
      pose[i] = all[a + i] + (sign * all[b + i] - all[a + i]) * part;
    }
    const norm = Math.hypot(pose[3], pose[4], pose[5], pose[6]) || 1;
    for (let i = 3; i < 7; i++) pose[i] /= norm;
    poses.push(pose);
  }
  return poses;
}

/** Middle of what moves, and how far its parts reach from there. */
function bounds(data, poses) {
  const moving = data.geoms.filter((geom) => geom.body > 0);
  const points = (moving.length ? moving : data.geoms).map((geom) => {
    const at = multiply(posed(poses[geom.body]), posed([...geom.pos, ...geom.quat]));
    return { at: [at[12], at[13], at[14]], size: geom.kind === "capsule" ? geom.size[0] + geom.size[1] : Math.max(...geom.size) };
  });
  const [low, high] = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]];
  for (const { at, size } of points)
    at.forEach((x, i) => {
      low[i] = Math.min(low[i], x - size);
      high[i] = Math.max(high[i], x + size);
    });
  const focus = low.map((x, i) => (x + high[i]) / 2);
  const radius = Math.max(0.05, Math.hypot(...low.map((x, i) => (high[i] - x) / 2)));
  return { focus, radius };
}

class Replay {
  constructor(data) {
    [this.data, this.time, this.playing, this.speed] = [data, 0, false, 1];
    const find = (id) => document.getElementById(id);
    this.parts = Object.fromEntries(["scene", "charts", "play", "seek", "clock", "told", "speed", "episode"].map((id) => [id, find(id)]));
    this.scene = new Scene(this.parts.scene, data.geoms, data.floor);
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.dark.addEventListener("change", () => this.show());
    data.episodes.forEach((_, index) => this.parts.episode.add(new Option(`episode ${index + 1}`, index)));
    this.parts.episode.hidden = data.episodes.length < 2;
    this.parts.episode.onchange = () => this.open(+this.parts.episode.value);
    this.parts.play.onclick = () => this.toggle();
    this.parts.seek.oninput = () => this.seek(+this.parts.seek.value);
    this.parts.speed.onchange = () => (this.speed = +this.parts.speed.value);
    addEventListener("resize", () => this.show());
    addEventListener("keydown", (event) => this.key(event));
    this.mouse();
    this.open(0);
  }

  open(index) {
    this.episode = this.data.episodes[index];
    this.end = this.episode.steps * this.data.controlDt;
    this.charts = new Charts(this.parts.charts, this.data, this.episode);
    this.view = bounds(this.data, posesAt(this.data, this.episode, 0));
    Object.assign(this.parts.seek, { min: 0, max: this.end, step: this.data.controlDt / 4 });
    this.seek(0);
  }

  seek(time) {
    this.time = Math.max(0, Math.min(this.end, time));
    this.show();
  }

  toggle() {
    if (!this.playing && this.time >= this.end) this.time = 0;
    this.playing = !this.playing;
    this.parts.play.textContent = this.playing ? "❚❚" : "▶";
    this.parts.play.title = this.playing ? "Pause (space)" : "Play (space)";
    this.last = undefined;
    if (this.playing) requestAnimationFrame((now) => this.frame(now));
    this.show();
  }

  frame(now) {
    if (!this.playing) return;
    this.time = Math.min(this.end, this.time + (Math.min(now - (this.last ?? now), 250) / 1000) * this.speed);
    this.last = now;
    this.show();
    if (this.time >= this.end) this.toggle();
    else requestAnimationFrame((next) => this.frame(next));
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.tagName === "SELECT") return;
    const jumps = { ArrowRight: this.data.controlDt, ArrowLeft: -this.data.controlDt, Home: -this.end, End: this.end };
    if (event.key === " ") this.toggle();
    else if (event.key in jumps) this.seek(this.time + jumps[event.key]);
    else return;
    event.preventDefault();
  }

  /** Turning and coming closer in the scene, times and zoom on the timeline. */
  mouse() {
    const { scene, charts } = this.parts;
    const drag = (element, move) => {
      element.addEventListener("pointerdown", (event) => {
        element.setPointerCapture(event.pointerId);
        move(event, true);
      });
      element.addEventListener("pointermove", (event) => event.buttons && move(event, false));
    };
    drag(scene, (event, first) => {
      if (first) return;
      this.scene.yaw -= event.movementX * 0.008;
      this.scene.pitch = Math.max(-0.2, Math.min(1.5, this.scene.pitch + event.movementY * 0.008));
      this.show();
    });
    scene.addEventListener("wheel", (event) => {
      this.scene.zoom = Math.max(0.2, Math.min(8, this.scene.zoom * Math.exp(event.deltaY * 0.001)));
      this.show();
      event.preventDefault();
    }, { passive: false });
    const at = (event) => this.charts.time(event.clientX - charts.getBoundingClientRect().left, charts.clientWidth);
    drag(charts, (event) => this.seek(at(event)));
    charts.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      this.charts.zoom(Math.exp(event.deltaY * 0.002), at(event));
      this.show();
      event.preventDefault();
    }, { passive: false });
    charts.addEventListener("dblclick", () => {
      this.charts.zoom(1e9, 0);
      this.show();
    });
  }

  show() {
    const { data, episode, time, view } = this;
    const theme = PARTS(this.dark.matches);
    const poses = posesAt(data, episode, time);
    const { focus } = bounds(data, poses);
    this.scene.draw(poses, focus, view.radius, theme);
    this.charts.draw(time, theme);
    const step = Math.min(episode.steps, Math.floor(time / data.controlDt + 1e-6));
    const size = data.terms.length;
    let earned = 0;
    for (let i = 0; i < step * size; i++) earned += episode.arrays.terms[i];
    this.parts.clock.textContent = `${time.toFixed(2)} s of ${this.end.toFixed(2)} s`;
    this.parts.told.textContent = `return so far ${short(earned)} of ${short(episode.return)}`;
    this.parts.seek.value = time;
    Object.assign(document.body.dataset, { time: time.toFixed(3), playing: this.playing });
  }
}

/** Opens the page at `#t=SECONDS`, and plays with `#play`. */
async function start() {
  const replay = new Replay(await unpack(document.getElementById("recording").textContent));
  const asked = new URLSearchParams(location.hash.slice(1));
  if (asked.has("t")) replay.seek(+asked.get("t") || 0);
  if (asked.has("play")) replay.toggle();
  window.replay = replay;
  document.body.dataset.state = "ready";
}

start().catch((error) => {
  document.body.dataset.state = "failed";
  document.getElementById("told").textContent = `This page cannot be shown: ${error.message}`;
});
