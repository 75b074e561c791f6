//! TorchScript archives, as OpenAI publishes CLIP: the parameters of a program's modules.
//!
//! Such a file is a zip archive. Its `data.pkl` holds the modules as Python objects whose attributes are numbers, tensors and
//! further modules; `data/<key>` holds the elements of each storage. No code of the archive runs: of the pickle, only the
//! attributes count, and whatever is neither a tensor nor a module is skipped.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use safetensors::Dtype;
use zip::{CompressionMethod, ZipArchive};

/// More than any CLIP has; bounds what a broken file can demand.
const MAX_PICKLE: u64 = 64 << 20;
const MAX_OBJECTS: usize = 1_000_000;
const MAX_DEPTH: u8 = 64;

/// The tensors of an archive, by the names that the modules' `state_dict()` gives them.
pub(super) struct TorchScript {
    path: PathBuf,
    tensors: HashMap<String, Tensor>,
}

/// A tensor of an archive.
#[derive(Clone)]
pub(super) struct Tensor {
    pub dtype: Dtype,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Where its storage begins in the file.
    start: u64,
    /// Elements of the storage.
    elements: usize,
    /// The first element, and the distance between neighbours of each dimension, in elements.
    offset: usize,
    strides: Vec<usize>,
}

impl TorchScript {
    /// Reads the list of tensors; their elements stay in the file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(io::Error::other)?;
        let pickle = archive.file_names().flatten().find(|name| name.ends_with("/data.pkl")).map(Cow::into_owned);
        let pickle = pickle.ok_or_else(|| broken("no data.pkl"))?;
        let root = pickle.strip_suffix("data.pkl").expect("its ending").to_string();
        let mut bytes = Vec::new();
        archive.by_name(&pickle).map_err(io::Error::other)?.take(MAX_PICKLE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_PICKLE {
            return Err(broken("data.pkl is too long"));
        }
        let mut storage = |key: &str| {
            let entry = archive.by_name(&format!("{root}data/{key}")).map_err(io::Error::other)?;
            match (entry.compression(), entry.data_start()) {
                (CompressionMethod::Stored, Some(start)) => match length.checked_sub(start) {
                    Some(rest) if entry.size() <= rest => Ok((start, entry.size())),
                    _ => Err(broken("the file ends before a storage does")),
                },
                _ => Err(broken("a storage is compressed")),
            }
        };
        let module = Machine { bytes: &bytes, stack: Vec::new(), memo: HashMap::new(), storage: &mut storage }.run()?;
        let mut tensors = HashMap::new();
        flatten(String::new(), &module, &mut tensors, &mut 0)?;
        Ok(TorchScript { path: path.into(), tensors })
    }

    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.tensors.keys()
    }

    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// The elements of a tensor of this archive, row-major and little-endian.
    pub fn read(&self, tensor: &Tensor) -> io::Result<Vec<u8>> {
        let size = tensor.dtype.bitsize() / 8;
        let count: usize = tensor.shape.iter().product();
        let mut file = File::open(&self.path)?;
        let mut from = |first: usize, elements: usize| {
            let mut bytes = vec![0; elements * size];
            file.seek(SeekFrom::Start(tensor.start + (first * size) as u64))?;
            file.read_exact(&mut bytes)?;
            Ok::<_, io::Error>(bytes)
        };
        if tensor.strides == contiguous(&tensor.shape) || count == 0 {
            return from(tensor.offset, count);
        }
        let storage = from(0, tensor.elements)?;
        let mut bytes = Vec::with_capacity(count * size);
        let mut index = vec![0; tensor.shape.len()];
        for _ in 0..count {
            let element =
                tensor.offset + index.iter().zip(&tensor.strides).map(|(i, stride)| i * stride).sum::<usize>();
            bytes.extend_from_slice(&storage[element * size..][..size]);
            for (i, length) in index.iter_mut().zip(&tensor.shape).rev() {
                *i += 1;
                if *i < *length {
                    break;
                }
                *i = 0;
            }
        }
        Ok(bytes)
    }
}

/// The strides of a row-major tensor.
fn contiguous(shape: &[usize]) -> Vec<usize> {
    (1..=shape.len()).map(|i| shape[i..].iter().product()).collect()
}

fn broken(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// The tensors below a module. `visited` counts objects, since a small file may name one of them in many places.
fn flatten(
    name: String,
    object: &Object,
    tensors: &mut HashMap<String, Tensor>,
    visited: &mut usize,
) -> io::Result<()> {
    *visited += 1;
    if *visited > MAX_OBJECTS {
        return Err(broken("too many objects"));
    }
    match object {
        Object::Dict(attributes, _) => {
            for (attribute, object) in attributes.iter() {
                let name = if name.is_empty() { attribute.to_string() } else { format!("{name}.{attribute}") };
                flatten(name, object, tensors, visited)?;
            }
            Ok(())
        }
        Object::Tensor(tensor) => {
            tensors.insert(name, Tensor::clone(tensor));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A value of the pickle.
#[derive(Clone)]
enum Object {
    /// What does not matter here.
    Other,
    Mark,
    Int(i64),
    Text(Rc<str>),
    /// `module name`.
    Global(Rc<str>),
    Storage(Rc<Storage>),
    Tensor(Rc<Tensor>),
    /// The number is the depth of what it holds.
    Tuple(Rc<[Object]>, u8),
    /// A dictionary, or a module's attributes.
    Dict(Rc<Vec<(Rc<str>, Object)>>, u8),
}

struct Storage {
    dtype: Dtype,
    start: u64,
    elements: usize,
}

impl Object {
    fn depth(&self) -> u8 {
        match self {
            Object::Tuple(_, depth) | Object::Dict(_, depth) => *depth,
            _ => 0,
        }
    }
}

/// One more than the deepest of `objects`: what is nested without bounds would overflow the stack.
fn depth<'a>(objects: impl Iterator<Item = &'a Object>) -> io::Result<u8> {
    let depth = objects.map(Object::depth).max().unwrap_or(0) + 1;
    if depth > MAX_DEPTH { Err(broken("nested too deeply")) } else { Ok(depth) }
}

/// Where the elements of a storage are in the file, and how many bytes they have.
type Find<'a> = dyn FnMut(&str) -> io::Result<(u64, u64)> + 'a;

/// Python's pickle machine, as far as TorchScript uses it.
struct Machine<'a> {
    bytes: &'a [u8],
    stack: Vec<Object>,
    memo: HashMap<u32, Object>,
    storage: &'a mut Find<'a>,
}

impl Machine<'_> {
    fn run(mut self) -> io::Result<Object> {
        loop {
            match self.byte()? {
                0x80 => drop(self.byte()?),
                b'.' => return self.pop(),
                b'(' => self.stack.push(Object::Mark),
                b'N' | b']' | 0x88 | 0x89 => self.stack.push(Object::Other),
                b'G' => self.array::<8>().map(|_| self.stack.push(Object::Other))?,
                b'K' => self.byte().map(|n| self.stack.push(Object::Int(n.into())))?,
                b'M' => self.array().map(|n| self.stack.push(Object::Int(u16::from_le_bytes(n).into())))?,
                b'J' => self.array().map(|n| self.stack.push(Object::Int(i32::from_le_bytes(n).into())))?,
                0x8a => self.long()?,
                b'X' => {
                    let length = self.length()?;
                    let text = String::from_utf8_lossy(self.take(length)?).into();
                    self.stack.push(Object::Text(text));
                }
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.stack.push(Object::Global(format!("{module} {name}").into()));
                }
                b'q' => self.byte().and_then(|n| self.put(n.into()))?,
                b'r' => self.array().and_then(|n| self.put(u32::from_le_bytes(n)))?,
                b'h' => self.byte().and_then(|n| self.get(n.into()))?,
                b'j' => self.array().and_then(|n| self.get(u32::from_le_bytes(n)))?,
                b')' => self.tuple(Vec::new())?,
                b't' => self.marked().and_then(|objects| self.tuple(objects))?,
                n @ 0x85..=0x87 => {
                    let first = self.stack.len().checked_sub(usize::from(n - 0x84)).ok_or_else(|| broken("stack"))?;
                    let objects = self.stack.split_off(first);
                    self.tuple(objects)?;
                }
                b'}' => self.stack.push(Object::Dict(Rc::default(), 1)),
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.set(vec![key, value])?;
                }
                b'u' => self.marked().and_then(|objects| self.set(objects))?,
                b'a' => drop(self.pop()?),
                b'e' => drop(self.marked()?),
                // A new object has no attributes but those that BUILD gives it.
                0x81 => {
                    let (_arguments, _class) = (self.pop()?, self.pop()?);
                    self.stack.push(Object::Other);
                }
                b'b' => {
                    let (state, _) = (self.pop()?, self.pop()?);
                    self.stack.push(if let Object::Dict(..) = state { state } else { Object::Other });
                }
                b'Q' => self.persistent()?,
                b'R' => self.reduce()?,
                code => return Err(broken(&format!("unknown pickle instruction {code:#x}"))),
            }
        }
    }

    fn take(&mut self, length: usize) -> io::Result<&[u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or_else(|| broken("data.pkl ends early"))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        self.take(N).map(|bytes| bytes.try_into().expect("N bytes"))
    }

    fn byte(&mut self) -> io::Result<u8> {
        self.array().map(|[byte]| byte)
    }

    fn length(&mut self) -> io::Result<usize> {
        self.array().map(|n| u32::from_le_bytes(n) as usize)
    }

    fn line(&mut self) -> io::Result<String> {
        let length = self.bytes.iter().position(|b| *b == b'\n').ok_or_else(|| broken("data.pkl ends early"))?;
        let line = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.byte()?;
        Ok(line)
    }

    /// An integer of any length.
    fn long(&mut self) -> io::Result<()> {
        let length = self.byte()?.into();
        let bytes = self.take(length)?;
        let mut value = [if bytes.last().is_some_and(|b| *b >= 0x80) { 0xff } else { 0 }; 8];
        let fits = bytes.len() <= value.len();
        if fits {
            value[..bytes.len()].copy_from_slice(bytes);
        }
        self.stack.push(if fits { Object::Int(i64::from_le_bytes(value)) } else { Object::Other });
        Ok(())
    }

    fn pop(&mut self) -> io::Result<Object> {
        self.stack.pop().ok_or_else(|| broken("stack"))
    }

    /// What was pushed since the last mark.
    fn marked(&mut self) -> io::Result<Vec<Object>> {
        let mark = self.stack.iter().rposition(|object| matches!(object, Object::Mark));
        let objects = self.stack.split_off(mark.ok_or_else(|| broken("stack"))? + 1);
        self.stack.pop();
        Ok(objects)
    }

    fn tuple(&mut self, objects: Vec<Object>) -> io::Result<()> {
        let depth = depth(objects.iter())?;
        self.stack.push(Object::Tuple(objects.into(), depth));
        Ok(())
    }

    fn put(&mut self, n: u32) -> io::Result<()> {
        let top = self.stack.last().cloned().ok_or_else(|| broken("stack"))?;
        self.memo.insert(n, top);
        Ok(())
    }

    fn get(&mut self, n: u32) -> io::Result<()> {
        self.stack.push(self.memo.get(&n).cloned().ok_or_else(|| broken("memo"))?);
        Ok(())
    }

    /// Adds pairs of keys and values to the dictionary below them.
    fn set(&mut self, objects: Vec<Object>) -> io::Result<()> {
        let deeper = depth(objects.iter())?;
        let Some(Object::Dict(entries, depth)) = self.stack.last_mut() else { return Ok(()) };
        *depth = deeper.max(*depth);
        let entries = Rc::make_mut(entries);
        for pair in objects.chunks_exact(2) {
            if let Object::Text(key) = &pair[0] {
                entries.push((key.clone(), pair[1].clone()));
            }
        }
        Ok(())
    }

    /// `("storage", torch.HalfStorage, key, device, elements)`.
    fn persistent(&mut self) -> io::Result<()> {
        let Object::Tuple(id, _) = self.pop()? else { return Err(broken("a storage")) };
        let [_, Object::Global(class), Object::Text(key), _, Object::Int(_)] = &id[..] else {
            return Err(broken("a storage"));
        };
        let dtype = match &**class {
            "torch HalfStorage" => Dtype::F16,
            "torch BFloat16Storage" => Dtype::BF16,
            "torch FloatStorage" => Dtype::F32,
            "torch DoubleStorage" => Dtype::F64,
            "torch LongStorage" => Dtype::I64,
            "torch IntStorage" => Dtype::I32,
            "torch BoolStorage" => Dtype::BOOL,
            _ => return Err(broken(&format!("a tensor of type {class}"))),
        };
        let (start, bytes) = (self.storage)(key)?;
        let elements = bytes as usize / (dtype.bitsize() / 8);
        self.stack.push(Object::Storage(Rc::new(Storage { dtype, start, elements })));
        Ok(())
    }

    /// `torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...)`; other calls do not matter.
    fn reduce(&mut self) -> io::Result<()> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let Object::Tuple(arguments, _) = arguments else { return Err(broken("a call")) };
        let is_tensor = matches!(&function, Object::Global(name) if &**name == "torch._utils _rebuild_tensor_v2");
        let object = match &arguments[..] {
            [Object::Storage(storage), Object::Int(offset), Object::Tuple(size, _), Object::Tuple(stride, _), ..]
                if is_tensor =>
            {
                Object::Tensor(Rc::new(tensor(storage, *offset, size, stride)?))
            }
            _ if is_tensor => return Err(broken("a tensor")),
            _ => Object::Other,
        };
        self.stack.push(object);
        Ok(())
    }
}

fn tensor(storage: &Storage, offset: i64, size: &[Object], stride: &[Object]) -> io::Result<Tensor> {
    let outside = || broken("a tensor is larger than its storage");
    let sizes = |objects: &[Object]| {
        let sizes = objects.iter().map(|object| match object {
            Object::Int(n) => usize::try_from(*n).map_err(|_| outside()),
            _ => Err(outside()),
        });
        sizes.collect::<io::Result<Vec<usize>>>()
    };
    let (shape, strides) = (sizes(size)?, sizes(stride)?);
    let offset = usize::try_from(offset).map_err(|_| outside())?;
    let count = shape.iter().try_fold(1usize, |count, n| count.checked_mul(*n));
    let last = shape.iter().zip(&strides).try_fold(offset, |last, (n, stride)| {
        n.saturating_sub(1).checked_mul(*stride).and_then(|steps| last.checked_add(steps))
    });
    // An expanded tensor (stride 0) may have more elements than its storage; no parameter is one.
    let sound = shape.len() == strides.len()
        && count.is_some_and(|count| {
            count <= storage.elements && (count == 0 || last.is_some_and(|last| last < storage.elements))
        });
    if !sound {
        return Err(outside());
    }
    let Storage { dtype, start, elements } = *storage;
    Ok(Tensor { dtype, shape, start, elements, offset, strides })
}
