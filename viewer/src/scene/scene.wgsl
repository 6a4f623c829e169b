// All shaders of the scene. Colours are linear until `encode`. Depth is 1 near and 0 far, but in the
// shadow map, where it is 0 near the light. Nothing here needs more than WebGL2.

struct Globals {
    view_proj: mat4x4f,
    light: mat4x4f,   // world to the shadow map's clip space
    eye: vec4f,
    right: vec4f,     // half the picture's width at distance 1
    up: vec4f,        // half its height
    forward: vec4f,
    sun: vec4f,       // unit vector to the light; strength of shadows
    zenith: vec4f,
    horizon: vec4f,
    ground: vec4f,    // its colour; strength of the grid
    line: vec4f,
    outline: vec4f,   // colour; width in pixels
    grid: vec4f,      // middle cell (m), fraction to the next level, distances at which the ground fades
    misc: vec4f,      // 1 to encode sRGB, side of the shadow map in pixels, size of a pixel at distance 1,
                      // brightness of the surroundings
}

@group(0) @binding(0) var<uniform> g: Globals;
@group(1) @binding(0) var shadow_map: texture_depth_2d;
@group(1) @binding(1) var shadow_sampler: sampler_comparison;

struct Vertex {
    @location(0) position: vec3f,
    @location(1) normal: vec3f,
    @location(2) side: f32,
    @location(3) place: vec4f,      // position, stretch
    @location(4) rotation: vec4f,   // x y z w
    @location(5) scale: vec4f,      // scale, material
    @location(6) colour: vec4f,
}

struct Surface {
    @builtin(position) @invariant clip: vec4f,
    @location(0) world: vec3f,
    @location(1) normal: vec3f,
    @location(2) local: vec3f,
    @location(3) @interpolate(flat) colour: vec4f,
    @location(4) @interpolate(flat) material: f32,
}

fn turn(q: vec4f, v: vec3f) -> vec3f {
    let t = 2.0 * cross(q.xyz, v);
    return v + q.w * t + cross(q.xyz, t);
}

fn place(v: Vertex) -> vec3f {
    let local = v.position * v.scale.xyz + vec3f(0.0, 0.0, v.side * v.place.w);
    return v.place.xyz + turn(v.rotation, local);
}

@vertex
fn vs_shadow(v: Vertex) -> @builtin(position) vec4f {
    return g.light * vec4f(place(v), 1.0);
}

fn surface(v: Vertex) -> Surface {
    var out: Surface;
    out.world = place(v);
    out.clip = g.view_proj * vec4f(out.world, 1.0);
    out.normal = turn(v.rotation, normalize(v.normal / max(v.scale.xyz, vec3f(1e-9))));
    out.local = v.position;
    out.colour = v.colour;
    out.material = v.scale.w;
    return out;
}

@vertex
fn vs_solid(v: Vertex) -> Surface {
    return surface(v);
}

// The same shape, larger by some pixels, of which only the far side is drawn.
@vertex
fn vs_outline(v: Vertex) -> Surface {
    var out = surface(v);
    let depth = max(dot(out.world - g.eye.xyz, g.forward.xyz), 0.0);
    let away = turn(v.rotation, normalize(v.position));
    out.clip = g.view_proj * vec4f(out.world + away * (g.outline.w * g.misc.z * depth), 1.0);
    return out;
}

// To sRGB, by three square roots instead of a power: off by at most a quarter of a step of 8 bits
// (I. Chilliant, "sRGB approximations for HLSL").
fn encode(colour: vec3f) -> vec3f {
    let c = clamp(colour, vec3f(0.0), vec3f(1.0));
    if g.misc.x < 0.5 { return c; }
    let s1 = sqrt(c);
    let s2 = sqrt(s1);
    let s3 = sqrt(s2);
    let gamma = 0.662002687 * s1 + 0.68412206 * s2 - 0.323583601 * s3 - 0.022541147 * c;
    return select(gamma, 12.92 * c, c <= vec3f(0.0031308));
}

fn sky(direction: vec3f) -> vec3f {
    let height = clamp(direction.z, 0.0, 1.0);
    return mix(g.horizon.rgb, g.zenith.rgb, smoothstep(0.0, 0.75, sqrt(height) * 0.85));
}

// Share of the light that reaches a point: 1 is all.
fn lit(world: vec3f, bias: f32) -> f32 {
    if g.sun.w <= 0.0 { return 1.0; }
    let p = g.light * vec4f(world, 1.0);
    let edge = max(abs(p.x), abs(p.y));
    if edge >= 1.0 { return 1.0; }
    let uv = p.xy * vec2f(0.5, -0.5) + 0.5;
    let depth = clamp(p.z - bias, 0.0, 1.0);
    let pixel = 1.5 / g.misc.y;
    // Where a wide ring is all light or all shadow there is no edge to soften.
    var ring = 0.0;
    for (var i = -1; i <= 1; i++) {
        for (var j = -1; j <= 1; j++) {
            let at = uv + 3.0 * pixel * vec2f(f32(i), f32(j));
            ring += textureSampleCompareLevel(shadow_map, shadow_sampler, at, depth);
        }
    }
    var sum = ring / 9.0;
    if ring > 0.001 && ring < 8.999 {
        sum = 0.0;
        var weights = 0.0;
        for (var i = -3; i <= 3; i++) {
            for (var j = -3; j <= 3; j++) {
                let at = vec2f(f32(i), f32(j));
                let weight = (4.0 - abs(at.x)) * (4.0 - abs(at.y));
                sum += weight * textureSampleCompareLevel(shadow_map, shadow_sampler, uv + pixel * at, depth);
                weights += weight;
            }
        }
        sum /= weights;
    }
    return mix(sum, 1.0, smoothstep(0.9, 1.0, edge));
}

// Bends what is brighter than paper back into range.
fn soften(c: vec3f) -> vec3f {
    let knee = vec3f(0.7);
    let over = max(c - knee, vec3f(0.0));
    return min(c, knee) + 0.3 * (1.0 - exp(-over / 0.3));
}

fn shade(base: vec3f, normal: vec3f, world: vec3f) -> vec3f {
    let to_eye = normalize(g.eye.xyz - world);
    let sun = g.sun.xyz;
    let facing = dot(normal, sun);
    let light = max(facing, 0.0) * mix(1.0 - g.sun.w, 1.0, lit(world, 0.004));
    let above = 0.5 + 0.5 * normal.z;
    let around = mix(vec3f(0.26, 0.25, 0.24), vec3f(0.50, 0.53, 0.58), above) * g.misc.w;
    let fill = 0.14 * max(dot(normal, to_eye), 0.0);
    let middle = normalize(sun + to_eye);
    let gloss = 0.10 * pow(max(dot(normal, middle), 0.0), 40.0) * step(0.0, facing) * light;
    let rim = 0.10 * pow(1.0 - max(dot(normal, to_eye), 0.0), 4.0) * above * g.misc.w;
    let key = vec3f(0.86, 0.83, 0.78) * light;
    return soften(base * (key + around + fill) + gloss + rim);
}

// How much of a pixel the lines of a grid cover, given where it lies and how wide it is in cells;
// fades where lines would merge.
fn grid_line(q: vec2f, d: vec2f, pixels: f32) -> f32 {
    let off = abs(fract(q - 0.5) - 0.5) / d;
    let cover = clamp(vec2f(0.5 * pixels + 0.5) - off, vec2f(0.0), vec2f(1.0));
    let fade = clamp(1.4 - 3.5 * d, vec2f(0.0), vec2f(1.0));
    return max(cover.x * fade.x, cover.y * fade.y);
}

// Mean of a checkerboard of ±1 over a pixel, as above.
fn checker(q: vec2f, d: vec2f) -> f32 {
    let i = 2.0 * (abs(fract((q - 0.5 * d) * 0.5) - 0.5) - abs(fract((q + 0.5 * d) * 0.5) - 0.5)) / d;
    return i.x * i.y * clamp(1.4 - max(d.x, d.y), 0.0, 1.0);
}

fn gridded(colour: vec3f, at: vec2f, width: vec2f, away: f32) -> vec3f {
    let f = g.grid.y;
    let q = at / g.grid.x;
    let d = max(width / g.grid.x, vec2f(1e-4));
    let tiles = mix(checker(q, d), checker(0.1 * q, 0.1 * d), f);
    var cover = 0.45 * (1.0 - f) * grid_line(10.0 * q, 10.0 * d, 1.0);
    cover = max(cover, mix(0.9, 0.45, f) * grid_line(q, d, 1.2));
    cover = max(cover, 0.9 * grid_line(0.1 * q, 0.1 * d, 1.4));
    let strength = g.ground.w * (1.0 - sqrt(away));
    return mix(colour * (1.0 + 0.035 * strength * tiles), g.line.rgb, cover * strength);
}

// 1 where the ground is lost in the horizon.
fn haze(world: vec3f) -> f32 {
    return smoothstep(g.grid.z, g.grid.w, distance(world, g.eye.xyz));
}

// Whether a point of a mark of material 2 lies in one of its black quarters.
fn black(in: Surface) -> bool {
    return (in.local.x < 0.0) != (in.local.y < 0.0) != (in.local.z < 0.0);
}

@fragment
fn fs_solid(in: Surface) -> @location(0) vec4f {
    let normal = normalize(in.normal);
    let width = fwidth(in.world.xy);
    var colour = in.colour.rgb;
    let material = i32(in.material + 0.5);
    if material == 0 {
        colour = shade(colour, normal, in.world);
    } else if material == 1 {
        let view = dot(normal, normalize(g.eye.xyz - in.world));
        colour *= 0.72 + 0.28 * max(view, 0.0) + 0.12 * normal.z;
    } else if material == 2 {
        let view = dot(normal, normalize(g.eye.xyz - in.world));
        colour = select(colour, vec3f(0.015), black(in)) * (0.7 + 0.3 * max(view, 0.0));
    } else if material == 3 {
        let away = haze(in.world);
        let facing = max(dot(normal, g.sun.xyz), 0.0);
        let level = max(g.sun.z, 1e-3);
        let light = mix(1.0 - g.sun.w, 1.0, lit(in.world, 0.006));
        // In the dark hills are told apart by their light alone, so that has to differ more.
        let tilt = facing / level * light;
        let slope = select(0.42 + 0.58 * tilt, 0.25 + 1.5 * tilt * tilt * tilt, g.misc.w < 0.9);
        colour = gridded(g.ground.rgb, in.world.xy, width, away) * slope;
        colour = mix(min(colour, vec3f(1.0)), g.horizon.rgb, away);
    }
    return vec4f(encode(colour), in.colour.a);
}

@fragment
fn fs_hidden(in: Surface) -> @location(0) vec4f {
    if in.material > 1.5 && in.material < 2.5 {
        return vec4f(encode(select(in.colour.rgb, vec3f(0.015), black(in))), 0.75);
    }
    return vec4f(encode(in.colour.rgb), 0.28 * in.colour.a);
}

@fragment
fn fs_outline(in: Surface) -> @location(0) vec4f {
    return vec4f(encode(g.outline.rgb), 1.0);
}

struct Ground {
    @builtin(position) clip: vec4f,
    @location(0) world: vec3f,
    @location(1) at: vec2f,
}

// Instances are squares on their planes: `scale.x` is the half side, `colour.xy` where the middle lies
// in the plane's own coordinates.
@vertex
fn vs_ground(v: Vertex) -> Ground {
    var out: Ground;
    let flat_position = vec3f(v.position.xy * v.scale.x, 0.0);
    out.world = v.place.xyz + turn(v.rotation, flat_position);
    out.at = v.colour.xy + flat_position.xy;
    out.clip = g.view_proj * vec4f(out.world, 1.0);
    return out;
}

@fragment
fn fs_ground(in: Ground) -> @location(0) vec4f {
    let width = fwidth(in.at);
    let away = haze(in.world);
    var colour = gridded(g.ground.rgb, in.at, width, away);
    let light = mix(1.0 - g.sun.w, 1.0, lit(in.world, 0.0015));
    // Shadows keep the light of the sky, which is a little blue.
    colour *= mix(vec3f(0.94, 0.97, 1.04) * light, vec3f(1.0), light);
    return vec4f(encode(mix(colour, g.horizon.rgb, away)), 1.0);
}

struct Sky {
    @builtin(position) clip: vec4f,
    @location(0) direction: vec3f,
}

@vertex
fn vs_sky(@builtin(vertex_index) index: u32) -> Sky {
    let corner = vec2f(f32((index << 1u) & 2u), f32(index & 2u)) * 2.0 - 1.0;
    var out: Sky;
    out.clip = vec4f(corner, 0.0, 1.0);
    out.direction = g.forward.xyz + corner.x * g.right.xyz + corner.y * g.up.xyz;
    return out;
}

@fragment
fn fs_sky(in: Sky) -> @location(0) vec4f {
    return vec4f(encode(sky(normalize(in.direction))), 1.0);
}
