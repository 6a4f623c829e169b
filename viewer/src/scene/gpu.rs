//! What goes to the graphics device: layouts of vertices, instances and globals, and small helpers.

/// Position (3), normal (3), side: where along z the shape is pulled apart, −1, 0 or 1.
pub(super) type Vertex = [f32; 7];

/// One copy of a mesh: position (3) and stretch (m by which `side` is pulled apart), quaternion
/// `[x, y, z, w]`, scale (3) and material, linear colour.
pub(super) type Instance = [f32; 16];

/// What all shaders know, 16 bytes a row; see `Globals` in `scene.wgsl`.
pub(super) type Globals = [[f32; 4]; GLOBALS];

/// Rows of [`Globals`].
pub(super) const GLOBALS: usize = 20;

/// How a surface looks; the numbers are those in `scene.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Material {
    /// Matt, lit.
    Body = 0,
    /// One colour, a little lit so that its form shows.
    Mark = 1,
    /// Quarters in the colour and black, as centres of mass are marked.
    Quarters = 2,
    /// Ground with a grid.
    Terrain = 3,
    /// Unlit.
    Flat = 4,
}

/// Makes an instance.
pub(super) fn instance(
    frame: &nalgebra::Isometry3<f32>,
    scale: [f32; 3],
    stretch: f32,
    material: Material,
    [r, g, b, a]: [f32; 4],
) -> Instance {
    let (p, q, [sx, sy, sz]) = (frame.translation.vector, frame.rotation, scale);
    let material = f32::from(material as u8);
    [p.x, p.y, p.z, stretch, q.i, q.j, q.k, q.w, sx, sy, sz, material, r, g, b, a]
}

pub(super) const VERTEX_LAYOUT: wgpu::VertexBufferLayout<'_> = wgpu::VertexBufferLayout {
    array_stride: size_of::<Vertex>() as u64,
    step_mode: wgpu::VertexStepMode::Vertex,
    attributes: &wgpu::vertex_attr_array![0 => Float32x3, 1 => Float32x3, 2 => Float32],
};

pub(super) const INSTANCE_LAYOUT: wgpu::VertexBufferLayout<'_> = wgpu::VertexBufferLayout {
    array_stride: size_of::<Instance>() as u64,
    step_mode: wgpu::VertexStepMode::Instance,
    attributes: &wgpu::vertex_attr_array![3 => Float32x4, 4 => Float32x4, 5 => Float32x4, 6 => Float32x4],
};

/// A buffer that is made anew when what is written does not fit.
pub(super) struct Growing {
    buffer: Option<wgpu::Buffer>,
}

impl Growing {
    pub fn new() -> Self {
        Self { buffer: None }
    }

    /// Writes vertex data; `None` if there is none.
    pub fn write(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        bytes: &[u8],
    ) -> Option<&wgpu::Buffer> {
        if bytes.is_empty() {
            return None;
        }
        let size = bytes.len() as u64;
        if self.buffer.as_ref().is_none_or(|b| b.size() < size) {
            self.buffer = Some(device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("instances"),
                size: size.next_power_of_two(),
                usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }));
        }
        let buffer = self.buffer.as_ref()?;
        queue.write_buffer(buffer, 0, bytes);
        Some(buffer)
    }
}

/// A texture to draw into, of which nothing but the view is used.
pub(super) fn attachment(
    device: &wgpu::Device,
    label: &str,
    [width, height]: [u32; 2],
    sample_count: u32,
    format: wgpu::TextureFormat,
    usage: wgpu::TextureUsages,
) -> wgpu::TextureView {
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some(label),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: usage | wgpu::TextureUsages::RENDER_ATTACHMENT,
        view_formats: &[],
    });
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}
