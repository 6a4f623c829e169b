//! The graphics adapter.

use std::sync::{Arc, Mutex};

use thiserror::Error;

/// A device that cannot be had, or that has failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BackendError {
    /// No adapter that can compute.
    #[error(
        "no graphics adapter for compute shaders was found ({reason}); valid: --backend cpu, or install \
         a Vulkan driver (Debian without a GPU: mesa-vulkan-drivers)"
    )]
    NoAdapter {
        /// What the search said.
        reason: String,
    },
    /// The adapter does not give what is needed.
    #[error("graphics adapter {adapter} cannot be used: {reason}; valid: --backend cpu")]
    Unusable {
        /// Name of the adapter.
        adapter: String,
        /// What is missing.
        reason: String,
    },
    /// One individual, or a whole population, does not fit.
    #[error("{what} takes {bytes} bytes, graphics adapter {adapter} allows {limit}; valid: {valid}")]
    TooLarge {
        /// What does not fit.
        what: &'static str,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
        /// Name of the adapter.
        adapter: String,
        /// What would be valid.
        valid: &'static str,
    },
    /// The device's memory is full.
    #[error(
        "out of memory on graphics adapter {adapter}: {bytes} bytes for {slots} individuals; valid: a smaller population or network, or --backend cpu"
    )]
    OutOfMemory {
        /// Name of the adapter.
        adapter: String,
        /// What was asked for.
        bytes: u64,
        /// For how many individuals.
        slots: usize,
    },
    /// The device has stopped working.
    #[error(
        "graphics adapter {adapter} was lost: {reason}; earlier results are kept. Continue with `evo resume`, or with --backend cpu"
    )]
    Lost {
        /// Name of the adapter.
        adapter: String,
        /// What the driver says.
        reason: String,
    },
}

/// Which kernel evaluates a network. Results do not depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GpuKernel {
    /// Weights are read where neurons spiked.
    #[default]
    Sparse,
    /// Weights stay in registers, where they fit. Tested in software alone, so nothing uses it unasked.
    Resident,
}

/// An open graphics adapter. Clones share it.
#[derive(Clone)]
pub struct Gpu {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    name: String,
    software: bool,
    /// Largest buffer that the kernel can see as one, bytes.
    pub(crate) largest: u64,
    /// What evaluators made from here on use; for tests and measurements.
    pub kernel: GpuKernel,
    failure: Arc<Mutex<Option<String>>>,
}

impl Gpu {
    /// Opens the adapter that the system prefers for speed, or the one whose name contains the value of
    /// the environment variable `WGPU_ADAPTER_NAME`.
    ///
    /// # Errors
    /// [`BackendError`] if there is none, or if it refuses.
    pub fn open() -> Result<Self, BackendError> {
        pollster::block_on(Self::open_async())
    }

    async fn open_async() -> Result<Self, BackendError> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let wanted = std::env::var("WGPU_ADAPTER_NAME").ok().map(|name| name.to_lowercase());
        let adapter = match wanted {
            Some(wanted) => {
                let adapters = instance.enumerate_adapters(wgpu::Backends::all()).await;
                let names: Vec<String> = adapters.iter().map(|a| a.get_info().name).collect();
                let found = names.iter().position(|name| name.to_lowercase().contains(&wanted));
                let reason = format!("none of {names:?} is called {wanted:?}");
                found
                    .and_then(|index| adapters.into_iter().nth(index))
                    .ok_or(BackendError::NoAdapter { reason })?
            }
            None => {
                let options = wgpu::RequestAdapterOptions {
                    power_preference: wgpu::PowerPreference::HighPerformance,
                    ..wgpu::RequestAdapterOptions::default()
                };
                let none =
                    |error: wgpu::RequestAdapterError| BackendError::NoAdapter { reason: error.to_string() };
                instance.request_adapter(&options).await.map_err(none)?
            }
        };
        let info = adapter.get_info();
        let unusable = |reason: String| BackendError::Unusable { adapter: info.name.clone(), reason };
        let downlevel = adapter.get_downlevel_capabilities();
        if !downlevel.flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS) {
            return Err(unusable("it has no compute shaders".into()));
        }
        // Buffers as large as the adapter allows; everything else as everywhere.
        let offered = adapter.limits();
        let limits = wgpu::Limits {
            max_buffer_size: offered.max_buffer_size,
            max_storage_buffer_binding_size: offered.max_storage_buffer_binding_size,
            max_compute_workgroup_storage_size: offered.max_compute_workgroup_storage_size,
            ..wgpu::Limits::downlevel_defaults()
        };
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("snn"),
            required_limits: wgpu::Limits { max_storage_buffers_per_shader_stage: 6, ..limits },
            ..wgpu::DeviceDescriptor::default()
        };
        let refused = |error: wgpu::RequestDeviceError| unusable(error.to_string());
        let (device, queue) = adapter.request_device(&descriptor).await.map_err(refused)?;
        let failure = Arc::new(Mutex::new(None));
        let keep = |failure: &Arc<Mutex<Option<String>>>, reason: String| {
            // The first failure explains the others.
            failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(reason);
        };
        let (lost, uncaptured) = (Arc::clone(&failure), Arc::clone(&failure));
        device.set_device_lost_callback(move |_, reason| keep(&lost, reason));
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| keep(&uncaptured, error.to_string())));
        let software = info.device_type == wgpu::DeviceType::Cpu;
        let limits = device.limits();
        let largest = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        Ok(Self { device, queue, name: info.name, software, largest, kernel: GpuKernel::default(), failure })
    }

    /// Name of the adapter, such as `llvmpipe (LLVM 15.0.6, 256 bits)`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the adapter is a CPU.
    #[must_use]
    pub fn is_software(&self) -> bool {
        self.software
    }

    /// Invocations per workgroup that suit the adapter: few where one core runs them all, at least
    /// a hardware warp elsewhere; never more than `neurons` need.
    pub(crate) fn workgroup(&self, neurons: usize) -> u32 {
        let (least, most) = if self.software { (8, 16) } else { (32, 64) };
        (neurons as u32).next_power_of_two().clamp(least, most)
    }

    /// What has gone wrong so far.
    pub(crate) fn check(&self) -> Result<(), BackendError> {
        let failure = self.failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &*failure {
            None => Ok(()),
            Some(reason) => Err(self.lost(reason.clone())),
        }
    }

    pub(crate) fn lost(&self, reason: String) -> BackendError {
        BackendError::Lost { adapter: self.name.clone(), reason }
    }
}
