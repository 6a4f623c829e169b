// The scene: the shapes of a robot in WebGL 2, column-major matrices, metres, z up.

const VERTEX = `#version 300 es
uniform mat4 view, model;
uniform vec3 shadow;  // direction of the light and whether to fall flat on the ground
uniform float ground;
in vec3 position, normal;
out vec3 place, facing;
void main() {
  vec4 at = model * vec4(position, 1.0);
  facing = mat3(model) * normal;
  if (shadow.z > 0.0) at.xyz = vec3(at.xy - shadow.xy * max(at.z - ground, 0.0), ground);
  place = at.xyz;
  gl_Position = view * at;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
uniform vec4 colour;
uniform vec3 horizon, line, focus;
uniform float kind, reach;  // kind 0: shape, 1: ground, 2: shadow
in vec3 place, facing;
out vec4 result;
void main() {
  vec3 seen = colour.rgb;
  if (kind < 0.5) {
    float light = dot(normalize(facing), normalize(vec3(0.35, -0.45, 0.85)));
    seen *= 0.45 + 0.55 * max(light, 0.0) + 0.12 * max(-light, 0.0);
  } else if (kind < 1.5) {
    vec2 cell = abs(fract(place.xy - 0.5) - 0.5) / fwidth(place.xy);
    seen = mix(line, seen, clamp(min(cell.x, cell.y), 0.0, 1.0) * 0.6 + 0.4);
  }
  float far = kind < 0.5 ? 0.0 : smoothstep(0.25, 1.0, length(place.xy - focus.xy) / reach);
  result = vec4(mix(seen, horizon, far), colour.a);
}`;

const multiply = (a, b) => {
  const out = new Float32Array(16);
  for (let c = 0; c < 4; c++)
    for (let r = 0; r < 4; r++) {
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += a[4 * k + r] * b[4 * c + k];
      out[4 * c + r] = sum;
    }
  return out;
};

/** The matrix of a pose [x, y, z, qw, qx, qy, qz] with sizes along the own axes. */
const posed = ([x, y, z, w, i, j, k], [a, b, c] = [1, 1, 1]) =>
  new Float32Array([
    a * (1 - 2 * (j * j + k * k)), a * 2 * (i * j + k * w), a * 2 * (i * k - j * w), 0,
    b * 2 * (i * j - k * w), b * (1 - 2 * (i * i + k * k)), b * 2 * (j * k + i * w), 0,
    c * 2 * (i * k + j * w), c * 2 * (j * k - i * w), c * (1 - 2 * (i * i + j * j)), 0,
    x, y, z, 1,
  ]);

const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit = (a) => a.map((x) => x / Math.hypot(...a));
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** View and perspective in one. */
function lookAt(eye, target, aspect) {
  const back = unit(eye.map((x, i) => x - target[i]));
  const right = unit(cross([0, 0, 1], back));
  const up = cross(back, right);
  const turn = new Float32Array([
    right[0], up[0], back[0], 0, right[1], up[1], back[1], 0, right[2], up[2], back[2], 0,
    -dot(right, eye), -dot(up, eye), -dot(back, eye), 1,
  ]);
  const [near, far, focal] = [0.02, 200, 1 / Math.tan(0.35)];
  const lens = new Float32Array(16);
  lens[0] = focal / Math.max(aspect, 0.2);
  lens[5] = focal;
  lens[10] = (far + near) / (near - far);
  lens[11] = -1;
  lens[14] = (2 * far * near) / (near - far);
  return multiply(lens, turn);
}

/** A grid of points (u, v) in [0, 1]² bent by `at`; normals by `normal`, or those of the triangles' corners. */
function surface(columns, rows, at, normal) {
  const points = [];
  for (let r = 0; r <= rows; r++)
    for (let c = 0; c <= columns; c++) points.push(...at(c / columns, r / rows), ...normal(c / columns, r / rows));
  const corners = [];
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      const first = r * (columns + 1) + c;
      corners.push(first, first + 1, first + columns + 2, first, first + columns + 2, first + columns + 1);
    }
  return { points, corners };
}

const sphere = () => {
  const at = (u, v) => {
    const [a, b] = [2 * Math.PI * u, Math.PI * (v - 0.5)];
    return [Math.cos(a) * Math.cos(b), Math.sin(a) * Math.cos(b), Math.sin(b)];
  };
  return surface(32, 16, at, at);
};

const tube = () => {
  const round = (u) => [Math.cos(2 * Math.PI * u), Math.sin(2 * Math.PI * u)];
  return surface(32, 1, (u, v) => [...round(u), 2 * v - 1], (u) => [...round(u), 0]);
};

const disc = () =>
  surface(32, 1, (u, v) => [v * Math.cos(2 * Math.PI * u), v * Math.sin(2 * Math.PI * u), 0], () => [0, 0, 1]);

const square = () => surface(1, 1, (u, v) => [2 * u - 1, 2 * v - 1, 0], () => [0, 0, 1]);

function terrain({ nrow, ncol, size, data }) {
  const height = (c, r) => data[Math.max(0, Math.min(nrow - 1, r)) * ncol + Math.max(0, Math.min(ncol - 1, c))] * size[2];
  const [dx, dy] = [(2 * size[0]) / (ncol - 1), (2 * size[1]) / (nrow - 1)];
  const place = (u, v) => [Math.round(u * (ncol - 1)), Math.round(v * (nrow - 1))];
  return surface(
    ncol - 1,
    nrow - 1,
    (u, v) => [size[0] * (2 * u - 1), size[1] * (2 * v - 1), height(...place(u, v))],
    (u, v) => {
      const [c, r] = place(u, v);
      return unit([(height(c - 1, r) - height(c + 1, r)) / (2 * dx), (height(c, r - 1) - height(c, r + 1)) / (2 * dy), 1]);
    },
  );
}

/** A mesh with flat triangles. */
function solid({ vertices, faces }) {
  const mesh = { points: [], corners: [] };
  for (const face of faces) {
    const [a, b, c] = face.map((i) => vertices[i]);
    const normal = cross(b.map((x, i) => x - a[i]), c.map((x, i) => x - a[i]));
    if (!Math.hypot(...normal)) continue;
    for (const at of [a, b, c]) {
      mesh.corners.push(mesh.points.length / 6);
      mesh.points.push(...at, ...unit(normal));
    }
  }
  return mesh;
}

function cube() {
  const mesh = { points: [], corners: [] };
  for (let axis = 0; axis < 3; axis++)
    for (const sign of [-1, 1]) {
      const first = mesh.points.length / 6;
      for (const [a, b] of [[-1, -1], [1, -1], [1, 1], [-1, 1]]) {
        const [at, normal] = [[0, 0, 0], [0, 0, 0]];
        at[axis] = normal[axis] = sign;
        at[(axis + 1) % 3] = a;
        at[(axis + 2) % 3] = b;
        mesh.points.push(...at, ...normal);
      }
      mesh.corners.push(first, first + 1, first + 2, first, first + 2, first + 3);
    }
  return mesh;
}

class Scene {
  /** Throws if there is no WebGL 2. */
  constructor(canvas, shapes, floor) {
    const gl = canvas.getContext("webgl2", { antialias: true, preserveDrawingBuffer: true });
    if (!gl) throw new Error("this browser has no WebGL 2");
    [this.canvas, this.gl, this.floor] = [canvas, gl, floor];
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    gl.useProgram(program);
    gl.enable(gl.DEPTH_TEST);
    this.at = {};
    for (const name of ["view", "model", "shadow", "ground", "colour", "horizon", "line", "focus", "kind", "reach"])
      this.at[name] = gl.getUniformLocation(program, name);
    this.attributes = ["position", "normal"].map((name) => gl.getAttribLocation(program, name));
    const [ball, pipe, lid, block, face] = [sphere(), tube(), disc(), cube(), square()].map((mesh) => this.upload(mesh));
    this.face = face;
    // Parts of each shape: mesh, pose in the shape, sizes.
    const still = [0, 0, 0, 1, 0, 0, 0];
    const along = (z) => [0, 0, z, 1, 0, 0, 0];
    const parts = {
      sphere: (s) => [[ball, still, [s[0], s[0], s[0]]]],
      ellipsoid: (s) => [[ball, still, s]],
      capsule: (s) => [
        [pipe, still, [s[0], s[0], s[1]]],
        [ball, along(s[1]), [s[0], s[0], s[0]]],
        [ball, along(-s[1]), [s[0], s[0], s[0]]],
      ],
      cylinder: (s) => [
        [pipe, still, [s[0], s[0], s[1]]],
        [lid, along(s[1]), [s[0], s[0], 1]],
        [lid, [0, 0, -s[1], 0, 1, 0, 0], [s[0], s[0], 1]],
      ],
      box: (s) => [[block, still, s]],
      mesh: (_, shape) => [[this.upload(solid(shape.mesh)), still, [1, 1, 1]]],
      hfield: (_, shape) => [[this.upload(terrain(shape.terrain)), still, [1, 1, 1]]],
    };
    this.shapes = shapes.map((shape) => ({
      ...shape,
      parts: (parts[shape.kind] ? parts[shape.kind](shape.size, shape) : []).map(([mesh, pose, size]) => ({
        mesh,
        local: multiply(posed([...shape.pos, ...shape.quat]), posed(pose, size)),
      })),
    }));
    [this.yaw, this.pitch, this.zoom] = [-1.1, 0.22, 1];
  }

  upload({ points, corners }) {
    const gl = this.gl;
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(points), gl.STATIC_DRAW);
    this.attributes.forEach((attribute, i) => {
      gl.enableVertexAttribArray(attribute);
      gl.vertexAttribPointer(attribute, 3, gl.FLOAT, false, 24, 12 * i);
    });
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, new Uint32Array(corners), gl.STATIC_DRAW);
    return { array, count: corners.length };
  }

  /** Draws bodies at poses [x, y, z, qw, qx, qy, qz]; the camera keeps `focus` in view, `radius` around it. */
  draw(poses, focus, radius, theme) {
    const { gl, at, canvas } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((n) => Math.max(1, Math.round(n * devicePixelRatio)));
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const distance = 3.1 * radius * this.zoom;
    const flat = Math.cos(this.pitch) * distance;
    const eye = [
      focus[0] + flat * Math.cos(this.yaw), focus[1] + flat * Math.sin(this.yaw), focus[2] + Math.sin(this.pitch) * distance,
    ];
    eye[2] = Math.max(eye[2], this.floor + 0.05);
    gl.viewport(0, 0, width, height);
    gl.clearColor(...theme.horizon, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix4fv(at.view, false, lookAt(eye, focus, width / height));
    gl.uniform3fv(at.horizon, theme.horizon);
    gl.uniform3fv(at.line, theme.line);
    gl.uniform3fv(at.focus, focus);
    gl.uniform1f(at.reach, 12 * radius * Math.max(1, this.zoom));
    gl.uniform1f(at.ground, this.floor + 0.002 * radius);
    gl.uniform3f(at.shadow, 0, 0, 0);
    gl.uniform1f(at.kind, 1);
    const reach = 14 * radius * Math.max(1, this.zoom);
    this.part(this.face, posed([focus[0], focus[1], this.floor, 1, 0, 0, 0], [reach, reach, 1]), [...theme.ground, 1]);
    const bodies = poses.map((pose) => posed(pose));
    for (const kind of [2, 0]) {
      gl.uniform1f(at.kind, kind);
      gl.uniform3f(at.shadow, 0.35, -0.45, kind ? 1 : 0);
      for (const shape of this.shapes) {
        if (kind && (shape.body === 0 || shape.kind === "hfield")) continue;
        for (const { mesh, local } of shape.parts)
          this.part(mesh, multiply(bodies[shape.body], local), kind ? [...theme.shadow, 1] : shape.colour);
      }
    }
  }

  part({ array, count }, model, colour) {
    const { gl, at } = this;
    gl.bindVertexArray(array);
    gl.uniformMatrix4fv(at.model, false, model);
    gl.uniform4fv(at.colour, colour);
    gl.drawElements(gl.TRIANGLES, count, gl.UNSIGNED_INT, 0);
  }
}
