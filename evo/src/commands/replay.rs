//! A recording as one page with a replay in plain JavaScript: scene, spikes and rewards over one timeline. The page
//! needs no server, no network and nothing that had to be built.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use records::checkpoint::{Checkpoint, Tensor, TensorData};
use serde_json::{Value, json};
use sim::{Geom, GeomKind, Model};

use super::page::{escaped, fill, in_tag, packed, whole};

const BODY: &str = include_str!("replay/page.html");
const STYLE: &str = include_str!("replay/page.css");
const SCRIPTS: [&str; 3] =
    [include_str!("replay/scene.js"), include_str!("replay/charts.js"), include_str!("replay/replay.js")];

/// Colour of trunks, and colours of limbs by turns, where a model gives none; sRGB.
const TRUNK: [f32; 4] = [0.9, 0.89, 0.86, 1.0];
const LIMBS: [[f32; 4]; 2] = [[0.32, 0.53, 0.77, 1.0], [0.9, 0.6, 0.35, 1.0]];
/// What a model has that gives none.
const GREY: [f32; 4] = [0.5, 0.5, 0.5, 1.0];

/// Writes the page `out` with `recording`, a file of `evo record`, of a robot.
pub(super) fn write(out: &Path, title: &str, recording: &Checkpoint, model: &Model) -> anyhow::Result<()> {
    let data = packed(&data(recording, model)?)?;
    let (heading, script) = (escaped(title), in_tag(&SCRIPTS.join("\n")));
    let body = fill(BODY, &[("{heading}", &heading), ("{recording}", &data), ("{script}", &script)]);
    fs::write(out, whole(title, STYLE, &body)).with_context(|| format!("cannot write {}", out.display()))
}

/// The length of a header, the header as JSON, and the arrays that it lists, all little-endian.
fn data(recording: &Checkpoint, model: &Model) -> anyhow::Result<Vec<u8>> {
    let meta = |key: &str| recording.meta.get(key).cloned().unwrap_or_default();
    let (mut episodes, mut arrays) = (Vec::new(), Vec::new());
    for (index, about) in meta("episodes").as_array().into_iter().flatten().enumerate() {
        let mut contents = Vec::new();
        let mut put = |name: &str, kind: &str, length: usize, bytes: &mut dyn Iterator<Item = u8>| {
            contents.push(json!({ "name": name, "type": kind, "length": length }));
            arrays.extend(bytes);
        };
        let array = |name: &str| recording.tensors.get(&format!("{index}.{name}")).map(Tensor::data);
        let Some(TensorData::F32(qpos)) = array("qpos") else { anyhow::bail!("episode {index} has no qpos") };
        let poses: Vec<f32> =
            qpos.chunks_exact(model.nq()).flat_map(|qpos| model.frames(qpos).poses).flatten().collect();
        put("poses", "f32", poses.len(), &mut poses.iter().flat_map(|x| x.to_le_bytes()));
        if let Some(TensorData::F32(terms)) = array("terms") {
            put("terms", "f32", terms.len(), &mut terms.iter().flat_map(|x| x.to_le_bytes()));
        }
        for layer in meta("layers").as_array().into_iter().flatten() {
            let of = |what: &str| format!("{}.{what}", layer["name"].as_str().unwrap_or_default());
            // In continuous time: control steps from the start to each spike.
            let (times, neurons) = (array(&of("spike_times")), array(&of("spike_neurons")));
            if let (Some(TensorData::F64(times)), Some(TensorData::F32(neurons)), Some(step)) =
                (times, neurons, layer["step"].as_f64())
                && let Some(TensorData::F64(offsets)) = array(&of("spike_offsets"))
            {
                let passed = |spike: usize| offsets.partition_point(|&first| first <= spike as f64) - 1;
                let place = |(spike, time): (usize, &f64)| (passed(spike) as f64 + time / step) as f32;
                let places: Vec<f32> = times.iter().enumerate().map(place).collect();
                put(&of("places"), "f32", places.len(), &mut places.iter().flat_map(|x| x.to_le_bytes()));
                let bytes = neurons.iter().flat_map(|x| x.to_le_bytes());
                put(&of("neurons"), "f32", neurons.len(), &mut bytes.into_iter());
                continue;
            }
            let name = of("spikes");
            if let Some(TensorData::U8(spikes)) = array(&name) {
                put(&name, "u8", spikes.len(), &mut spikes.iter().copied());
            }
        }
        episodes.push(json!({ "steps": about["length"], "return": about["return"], "contents": contents }));
    }
    let header = json!({
        "controlDt": meta("control_dt"),
        "terms": meta("terms"),
        "layers": meta("layers"),
        "episodes": episodes,
        "bodies": model.bodies.len(),
        "floor": floor(model),
        "geoms": geoms(model),
    });
    let header = serde_json::to_vec(&header)?;
    let size = u32::try_from(header.len()).context("the header is too long")?;
    Ok(size.to_le_bytes().into_iter().chain(header).chain(arrays).collect())
}

/// Height of the ground, m: the highest plane's, or some way below everything.
fn floor(model: &Model) -> f64 {
    let planes = model.geoms.iter().filter(|geom| geom.kind == GeomKind::Plane).map(|geom| geom.pos[2]);
    let terrain = model.geoms.iter().filter(|geom| geom.kind == GeomKind::Heightfield);
    let start: Vec<f32> = model.qpos0.iter().map(|&q| q as f32).collect();
    let poses = model.frames(&start).poses;
    let lowest = poses.iter().map(|pose| f64::from(pose[2])).fold(f64::INFINITY, f64::min);
    let below = terrain.map(|geom| geom.pos[2] - 0.01);
    planes.chain(below).reduce(f64::max).unwrap_or(lowest - 0.5)
}

/// Shapes as the page draws them; planes are its ground.
fn geoms(model: &Model) -> Vec<Value> {
    let limbs = sim::limbs(&model.bodies);
    let shown = model.shown_geoms().filter(|geom| geom.kind != GeomKind::Plane);
    shown
        .map(|geom| {
            let terrain = geom.heightfield.map(|index| &model.heightfields[index]);
            let mesh = geom.mesh.map(|index| &model.meshes[index]);
            let mesh = mesh.map(|mesh| json!({ "vertices": mesh.vertices, "faces": mesh.faces }));
            json!({
                "kind": geom.kind,
                "body": geom.body,
                "size": geom.size,
                "pos": geom.pos,
                "quat": geom.quat,
                "colour": colour(geom, limbs[geom.body].0),
                "terrain": terrain,
                "mesh": mesh,
            })
        })
        .collect()
}

fn colour(geom: &Geom, limb: Option<usize>) -> [f32; 4] {
    let [r, g, b, _] = match limb {
        _ if geom.rgba != GREY => geom.rgba,
        _ if geom.body == 0 => [0.62, 0.66, 0.7, 1.0],
        Some(limb) => LIMBS[limb % 2],
        None => TRUNK,
    };
    [r, g, b, 1.0]
}
