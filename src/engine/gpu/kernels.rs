//! The kernels: the table of what each is made of, and their WGSL, put together for a device.
//!
//! Every kernel is a file of `kernels/`. Files of `shared/` are what several kernels include. Numbers that Rust and WGSL
//! both need (workgroup sizes, tiles, head widths, activation codes) are defined here and passed in as constants.

use std::fmt::Write;

use super::device::{Capabilities, Tiling};
use super::tuning::Tile;
use super::unroll::unroll;
use crate::engine::Activation;
use crate::quant::Format;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kernel {
    /// In f32.
    Linear(Format, Tile),
    LinearF16(Format, Tile),
    LinearDot8(Format, Tile),
    LinearDirect(Format),
    LinearQuads(Format),
    Gemv(Format),
    QuantizeActivations,
    Embed(Format),
    Gather,
    LayerNorm,
    /// By the width of a head.
    Attention(u32),
    AttentionQuads(u32),
    AddScaled,
    Scale,
    Multiply,
    L2Normalize,
}

/// What a kernel is made of.
pub(super) struct Definition {
    /// The text of its file in `kernels/`.
    source: &'static str,
    /// The files of `shared/` that it includes.
    parts: Vec<Part>,
    /// The members of its `Params`, in order; the last one of `embed` and `gather` is an array.
    pub parameters: &'static [&'static str],
    /// How many tensors it reads: bindings 1 to `inputs` of group 0. Binding 0 is `Params`, the last one the result.
    pub inputs: usize,
    /// Invocations of a workgroup: `THREADS` in WGSL.
    threads: u32,
    /// Further constants of the WGSL, and counts of the loops that [`unroll`] writes out.
    constants: Vec<(&'static str, u32)>,
}

/// What kernels include.
#[derive(Clone, Copy)]
enum Part {
    /// A file of `shared/`.
    File(&'static str),
    /// The activations, and their codes as constants.
    Activations,
    /// The sums over a workgroup, in the way that suits the device.
    Reduce,
    /// The matrix in this format, in `real` numbers.
    Weights(Format),
}

/// The text of a kernel's file.
macro_rules! kernel {
    ($name:literal) => {
        include_str!(concat!("kernels/", $name, ".wgsl"))
    };
}

/// The text of a shared file.
macro_rules! shared {
    ($name:literal) => {
        include_str!(concat!("shared/", $name, ".wgsl"))
    };
}

const EPILOGUE: Part = Part::File(shared!("epilogue"));
const IDS: Part = Part::File(shared!("ids"));
const QKV: Part = Part::File(shared!("qkv"));

/// Row numbers that fit the parameters of `embed` and `gather`.
pub(super) const MAX_IDS: usize = 56;
/// Invocations of a workgroup of the kernels that have no reason for another number.
pub(super) const THREADS: u32 = 64;
/// Keys that a workgroup of [`Kernel::Attention`] reads at a time: two for each of the eight invocations of a query.
const KEYS: u32 = 16;
/// Invocations of a workgroup of the kernels that share values by quads.
const QUAD: u32 = 4;

impl Kernel {
    /// The table of kernels.
    pub fn definition(self) -> Definition {
        use Kernel::*;
        let define = |source, parts: &[Part], inputs, parameters| Definition {
            source,
            parts: parts.to_vec(),
            inputs,
            parameters,
            threads: THREADS,
            constants: Vec::new(),
        };
        let product = |source, format| {
            let parameters = &["m", "n", "columns", "first", "blocks", "bias", "activation", "residual"];
            let Tile { rows, panels, each } = self.tile();
            Definition {
                constants: vec![("ROWS", rows), ("PANELS", panels), ("EACH", each)],
                ..define(source, &[Part::Weights(format), Part::Activations, EPILOGUE], 3, parameters)
            }
        };
        // `vectors` of x are in a block of the tile.
        let tiled = |source, format, tile: Tile, vectors: u32, further: (&'static str, u32)| {
            let mut definition = Definition { threads: tile.threads(), ..product(source, format) };
            let reads = |vectors: u32| vectors.div_ceil(tile.threads());
            definition.constants.extend([("READS_X", reads(vectors)), ("READS_W", reads(8 * tile.panels)), further]);
            definition
        };
        let attention = |source, width| Definition {
            constants: vec![
                ("WIDTH", width),
                ("VECTORS", width / 4),
                ("SPANS", width.div_ceil(32)),
                ("QUERIES", self.queries()),
            ],
            ..define(source, &[QKV], 1, &["tokens", "heads", "causal", "scale"])
        };
        let ids = |source, parts: &[Part], inputs| Definition {
            constants: vec![("MAX_IDS", MAX_IDS as u32)],
            ..define(source, parts, inputs, &["first", "count", "columns", "start", "rows", "ids"])
        };
        match self {
            Linear(format, tile) => tiled(kernel!("linear"), format, tile, 8 * tile.rows, ("IS_F16", 0)),
            LinearF16(format, tile) => tiled(kernel!("linear"), format, tile, 8 * tile.rows, ("IS_F16", 1)),
            LinearDot8(format, tile) => {
                tiled(kernel!("linear_dot8"), format, tile, 2 * tile.rows, ("QUADS", tile.each / 4))
            }
            LinearDirect(format) => product(kernel!("linear_direct"), format),
            LinearQuads(format) => Definition { threads: QUAD, ..product(kernel!("linear_quads"), format) },
            Gemv(format) => product(kernel!("gemv"), format),
            QuantizeActivations => define(kernel!("quantize_activations"), &[], 1, &["rows", "blocks", "scales"]),
            Embed(format) => ids(kernel!("embed"), &[Part::Weights(format), IDS], 0),
            Gather => ids(kernel!("gather"), &[IDS], 1),
            LayerNorm => define(kernel!("layer_norm"), &[Part::Reduce], 3, &["rows", "columns", "eps"]),
            L2Normalize => define(kernel!("l2_normalize"), &[Part::Reduce], 1, &["rows", "columns"]),
            Attention(width) => {
                // Eight invocations make `each` queries. Wider heads leave registers for fewer.
                let each = if width <= 96 { 4 } else { 2 };
                let threads = 8 * self.queries() / each;
                let mut definition = Definition { threads, ..attention(kernel!("attention"), width) };
                let reads = (KEYS * width / 4).div_ceil(threads);
                definition.constants.extend([("EACH", each), ("KEYS", KEYS), ("READS", reads)]);
                definition
            }
            AttentionQuads(width) => Definition { threads: QUAD, ..attention(kernel!("attention_quads"), width) },
            AddScaled => define(kernel!("add_scaled"), &[], 2, &["length", "repeat", "alpha", "beta"]),
            Scale => define(kernel!("scale"), &[], 1, &["length", "factor"]),
            Multiply => define(kernel!("multiply"), &[], 2, &["length"]),
        }
    }

    /// The part of the result that a workgroup of a matrix product makes.
    pub fn tile(self) -> Tile {
        match self {
            Kernel::Linear(_, tile) | Kernel::LinearF16(_, tile) | Kernel::LinearDot8(_, tile) => tile,
            Kernel::LinearDirect(_) => Tile { rows: 64, panels: 8, each: 8 },
            Kernel::LinearQuads(_) => Tile { rows: 16, panels: 2, each: 16 },
            Kernel::Gemv(_) => Tile { rows: 4, panels: 1, each: 4 },
            _ => unreachable!("not a matrix product"),
        }
    }

    /// The queries that a workgroup of an attention works on. Wider heads leave workgroup memory for fewer.
    pub fn queries(self) -> u32 {
        match self {
            Kernel::Attention(..=64) => 32,
            Kernel::Attention(..=96) => 16,
            Kernel::Attention(_) | Kernel::AttentionQuads(_) => 8,
            _ => unreachable!("not an attention"),
        }
    }

    /// The format of the matrix that it reads, if it reads one.
    pub fn format(self) -> Option<Format> {
        use Kernel::*;
        match self {
            Linear(f, _) | LinearF16(f, _) | LinearDot8(f, _) => Some(f),
            LinearDirect(f) | LinearQuads(f) | Gemv(f) | Embed(f) => Some(f),
            _ => None,
        }
    }

    pub fn is_product(self) -> bool {
        self.format().is_some() && !matches!(self, Kernel::Embed(_))
    }

    /// Whether it reads activations in int8.
    pub fn reads_codes(self) -> bool {
        matches!(self, Kernel::LinearDot8(..) | Kernel::LinearQuads(_))
    }

    /// The kernel's WGSL for a device with these capabilities.
    pub fn wgsl(self, capabilities: &Capabilities) -> String {
        use Kernel::*;
        let Definition { source, parts, threads, constants, .. } = self.definition();
        let reduces = parts.iter().any(|part| matches!(part, Part::Reduce));
        let f16 = matches!(self, LinearF16(..));
        let subgroups = capabilities.subgroups;
        let quads = capabilities.tiling == Tiling::Quads;

        let mut wgsl = String::new();
        if f16 {
            wgsl += "enable f16;\n";
        }
        // naga has the functions without the directive, which it does not know.
        if cfg!(target_arch = "wasm32") && subgroups && (reduces || matches!(self, LinearQuads(_) | AttentionQuads(_)))
        {
            wgsl += "enable subgroups;\n";
        }
        let threads = if reduces && subgroups && quads { QUAD } else { threads };
        let real = if f16 { "f16" } else { "f32" };
        let _ = writeln!(wgsl, "alias real = {real};\nconst THREADS = {threads}u;");
        for (name, value) in &constants {
            let _ = writeln!(wgsl, "const {name} = {value}u;");
        }
        for part in parts {
            match part {
                Part::File(text) => wgsl += text,
                Part::Activations => {
                    for activation in Activation::ALL {
                        let _ = writeln!(wgsl, "const {activation:?} = {}u;", activation as u32);
                    }
                    wgsl += shared!("activation");
                }
                Part::Reduce if subgroups && quads => wgsl += shared!("reduce_quads"),
                Part::Reduce if subgroups => wgsl += shared!("reduce_subgroups"),
                Part::Reduce => wgsl += shared!("reduce"),
                Part::Weights(format) => {
                    wgsl += shared!("groups");
                    wgsl += match format {
                        Format::F32 => shared!("f32"),
                        Format::F16 => shared!("f16"),
                        Format::Q8 => concat!(shared!("codes"), shared!("decode"), shared!("q8")),
                        Format::Q4 => concat!(shared!("codes"), shared!("decode"), shared!("q4")),
                    };
                }
            }
        }
        wgsl += source;
        unroll(&wgsl, &constants)
    }
}

#[cfg(test)]
mod tests {
    use naga::valid::{Capabilities as Features, ValidationFlags, Validator};
    use naga::{AddressSpace, Module};
    use pollster::block_on;

    use super::*;
    use crate::engine::gpu::tuning::{LinearVariant, Numbers, WORKGROUP_MEMORY};
    use crate::engine::gpu::{Gpu, GpuOptions};
    use crate::engine::{HEAD_WIDTH_STEP, MAX_HEAD_WIDTH};

    /// Every combination of what a device may offer.
    fn capabilities() -> impl Iterator<Item = Capabilities> {
        let tilings = [Tiling::Workgroup, Tiling::Direct, Tiling::Quads];
        let flags = [false, true];
        let flags = flags.map(|f16| flags.map(|subgroups| flags.map(|dot8| (f16, subgroups, dot8))));
        let flags = flags.into_iter().flatten().flatten();
        flags
            .flat_map(move |(f16, subgroups, dot8)| tilings.map(|tiling| Capabilities { f16, subgroups, dot8, tiling }))
    }

    /// Every kernel that an engine on a device may ask for.
    fn kernels(capabilities: &Capabilities) -> Vec<Kernel> {
        use Kernel::*;
        let quads = capabilities.subgroups && capabilities.tiling == Tiling::Quads;
        let mut kernels = vec![QuantizeActivations, Gather, LayerNorm, AddScaled, Scale, Multiply, L2Normalize];
        for format in Format::ALL {
            kernels.extend([LinearDirect(format), Gemv(format), Embed(format)]);
            kernels.extend(LinearVariant::all(capabilities, format).map(|variant| variant.kernel(format)));
        }
        kernels.extend(quads.then_some([LinearQuads(Format::Q8), LinearQuads(Format::Q4)]).into_iter().flatten());
        for width in (HEAD_WIDTH_STEP..=MAX_HEAD_WIDTH).step_by(HEAD_WIDTH_STEP) {
            kernels.push(Attention(width as u32));
            kernels.extend(quads.then_some(AttentionQuads(width as u32)));
        }
        kernels
    }

    fn parse(kernel: Kernel, capabilities: &Capabilities) -> Module {
        let wgsl = kernel.wgsl(capabilities);
        let module = naga::front::wgsl::parse_str(&wgsl);
        let module = module.unwrap_or_else(|e| panic!("{kernel:?}, {capabilities:?}: {}", e.emit_to_string(&wgsl)));
        // For `unpack2x16float`, which every WebGPU device has.
        let mut features = Features::SHADER_FLOAT16_IN_FLOAT32;
        features.set(Features::SHADER_FLOAT16, capabilities.f16);
        features.set(Features::SUBGROUP, capabilities.subgroups);
        let mut validator = Validator::new(ValidationFlags::all(), features);
        if capabilities.subgroups {
            validator.subgroup_operations(naga::valid::SubgroupOperationSet::all());
            validator.subgroup_stages(naga::valid::ShaderStages::COMPUTE);
        }
        if let Err(e) = validator.validate(&module) {
            panic!("{kernel:?}, {capabilities:?}: {}", e.emit_to_string(&wgsl));
        }
        module
    }

    /// Calls `check` with every kernel, once for each text that it has.
    fn each(check: impl Fn(Kernel, &Capabilities, &Module)) {
        let mut seen = std::collections::HashSet::new();
        for capabilities in capabilities() {
            for kernel in kernels(&capabilities) {
                if seen.insert((kernel, kernel.wgsl(&capabilities))) {
                    check(kernel, &capabilities, &parse(kernel, &capabilities));
                }
            }
        }
        assert!(seen.len() > 64, "{} kernels", seen.len());
    }

    /// On whatever adapter is here. tests/gpu-compilers starts it for each of its GPUs, and reads which kernel comes next, and
    /// the WGSL.
    #[test]
    fn every_kernel_compiles_on_this_adapter() {
        let options = GpuOptions { software: true, tiling: Some(Tiling::Workgroup), ..Default::default() };
        let gpu = block_on(Gpu::new(&options)).unwrap();
        for kernel in kernels(&gpu.device.capabilities) {
            if matches!(kernel, Kernel::LinearDirect(_)) {
                // For software adapters.
                continue;
            }
            let wgsl = kernel.wgsl(&gpu.device.capabilities);
            eprintln!("@kernel {kernel:?}\n@wgsl\n{wgsl}@end");
            gpu.recorder.compile(kernel);
            block_on(gpu.device.fault()).unwrap();
        }
    }

    /// Bytes of workgroup memory.
    fn memory(module: &Module) -> u32 {
        let variables = module.global_variables.iter().map(|(_, variable)| variable);
        let shared = variables.filter(|variable| variable.space == AddressSpace::WorkGroup);
        shared.map(|variable| module.types[variable.ty].inner.size(module.to_ctx())).sum()
    }

    #[test]
    fn every_kernel_compiles_and_is_what_the_table_says() {
        each(|kernel, _, module| {
            let definition = kernel.definition();
            let variables: Vec<_> = module.global_variables.iter().map(|(_, variable)| variable).collect();
            let group = |group| {
                let bindings = variables.iter().filter_map(|variable| variable.binding.as_ref());
                let mut bindings: Vec<u32> =
                    bindings.filter(|binding| binding.group == group).map(|binding| binding.binding).collect();
                bindings.sort();
                bindings
            };
            // Embed reads no tensor: the result follows the parameters.
            assert_eq!(group(0), (0..definition.inputs as u32 + 2).collect::<Vec<_>>(), "{kernel:?}");
            assert_eq!(!group(1).is_empty(), kernel.format().is_some(), "{kernel:?}");

            let parameters = variables.iter().find(|variable| variable.space == AddressSpace::Uniform).unwrap();
            let naga::TypeInner::Struct { members, span } = &module.types[parameters.ty].inner else {
                panic!("{kernel:?}: parameters are no struct")
            };
            let names: Vec<&str> = members.iter().filter_map(|member| member.name.as_deref()).collect();
            assert_eq!(names, definition.parameters, "{kernel:?}");
            assert!(*span <= 256, "{kernel:?}: {span} bytes of parameters");
        });
    }

    #[test]
    fn workgroups_fit_every_device() {
        each(|kernel, capabilities, module| {
            let [x, y, z] = module.entry_points[0].workgroup_size;
            let threads = if matches!(kernel, Kernel::LayerNorm | Kernel::L2Normalize)
                && capabilities.subgroups
                && capabilities.tiling == Tiling::Quads
            {
                QUAD
            } else {
                kernel.definition().threads
            };
            assert_eq!(x * y * z, threads, "{kernel:?}");
            assert!(threads <= 256, "{kernel:?}");
            let memory = memory(module);
            assert!(memory <= WORKGROUP_MEMORY, "{kernel:?}: {memory} bytes of workgroup memory");
            // The choice of tiles depends on it.
            let variant = match kernel {
                Kernel::Linear(_, tile) => LinearVariant { numbers: Numbers::F32, tile },
                Kernel::LinearF16(_, tile) => LinearVariant { numbers: Numbers::F16, tile },
                Kernel::LinearDot8(_, tile) => LinearVariant { numbers: Numbers::Int8, tile },
                _ => return,
            };
            assert_eq!(variant.memory(), memory, "{kernel:?}");
        });
    }
}
