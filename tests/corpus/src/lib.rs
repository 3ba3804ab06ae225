//! Components that break the rules, each in its own way, for every hook that there is. They are made from
//! the contract itself: a module whose exports have the types that the hook's functions have in a core
//! module, and bodies that no compiler would make.

mod heavy;
mod misdeeds;

use std::path::Path;

use anyhow::{Context as _, Result};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Resolve, WorldId, WorldItem};

pub use heavy::{laborious, with_modules};
pub use misdeeds::{MISDEEDS, Misdeed};

/// The contract: every hook, with the types of its functions in a core module.
pub struct Contract {
    resolve: Resolve,
    hooks: Vec<Hook>,
}

struct Hook {
    name: String,
    world: WorldId,
    functions: Vec<Function>,
}

struct Function {
    /// As a core module exports it.
    export: String,
    params: Vec<WasmType>,
    results: Vec<WasmType>,
}

/// A component of the corpus.
pub struct Specimen {
    /// The hook that it exports.
    pub hook: String,
    /// What it does.
    pub misdeed: &'static str,
    pub bytes: Vec<u8>,
}

impl Contract {
    /// Reads `wit/`.
    pub fn read(wit: &Path) -> Result<Self> {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(wit).context("wit/")?;
        let all = resolve.select_world(&[package], Some("plugin"))?;
        let names: Vec<String> = resolve.worlds[all]
            .exports
            .iter()
            .filter_map(|(_, item)| match item {
                WorldItem::Interface { id, .. } => resolve.interfaces[*id].name.clone(),
                _ => None,
            })
            .collect();
        let hooks = names
            .into_iter()
            .map(|name| hook(&mut resolve, name))
            .collect::<Result<_>>()?;
        Ok(Self { resolve, hooks })
    }

    /// The hooks' names.
    pub fn hooks(&self) -> impl Iterator<Item = &str> {
        self.hooks.iter().map(|hook| hook.name.as_str())
    }

    /// Every misdeed in every hook.
    pub fn specimens(&self) -> impl Iterator<Item = Result<Specimen>> {
        self.hooks.iter().flat_map(move |hook| {
            MISDEEDS.iter().map(move |misdeed| {
                let bytes = self
                    .make(hook, misdeed)
                    .with_context(|| format!("{} in {}", misdeed.name, hook.name))?;
                Ok(Specimen {
                    hook: hook.name.clone(),
                    misdeed: misdeed.name,
                    bytes,
                })
            })
        })
    }

    /// A component with one hook whose functions return what is at `address` of a memory that begins
    /// with `memory`: whatever that is.
    pub fn returning(&self, hook: &str, memory: &[u8], address: u32) -> Result<Vec<u8>> {
        let found = self.hooks.iter().find(|known| known.name == hook);
        let hook = found.with_context(|| format!("no hook `{hook}`"))?;
        let data: String = memory.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let misdeed = Misdeed {
            body: &format!("(i32.const {})", address as i32),
            more: &format!("(data (i32.const 0) \"{data}\")"),
            ..Misdeed::GOOD
        };
        self.make(hook, &misdeed)
    }

    fn make(&self, hook: &Hook, misdeed: &Misdeed<'_>) -> Result<Vec<u8>> {
        let mut module = wat::parse_str(module(hook, misdeed))?;
        embed_component_metadata(&mut module, &self.resolve, hook.world, StringEncoding::UTF8)?;
        let encoder = ComponentEncoder::default().validate(true);
        let mut component = encoder.module(&module)?.encode()?;
        append_manifest(&mut component, &manifest(&hook.name));
        Ok(component)
    }
}

/// A hook, with a world of its own that has it as its one export.
fn hook(resolve: &mut Resolve, name: String) -> Result<Hook> {
    let text = format!(
        "package corpus:of-{name};
         world hook {{ import althing:plugin/log@0.1.0; export althing:plugin/{name}@0.1.0; }}"
    );
    let package = resolve.push_str(format!("{name}.wit"), &text)?;
    let world = resolve.select_world(&[package], Some("hook"))?;
    let mut functions = Vec::new();
    for (key, item) in &resolve.worlds[world].exports {
        let WorldItem::Interface { id, .. } = item else {
            continue;
        };
        let interface = resolve.name_world_key(key);
        for function in resolve.interfaces[*id].functions.values() {
            let signature = resolve.wasm_signature(AbiVariant::GuestExport, function);
            functions.push(Function {
                export: format!("{interface}#{}", function.name),
                params: signature.params,
                results: signature.results,
            });
        }
    }
    Ok(Hook {
        name,
        world,
        functions,
    })
}

fn module(hook: &Hook, misdeed: &Misdeed<'_>) -> String {
    let mut functions = String::new();
    for function in &hook.functions {
        let types = |types: &[WasmType]| -> String {
            types.iter().map(|of| format!("{} ", word(*of))).collect()
        };
        let (name, params) = (&function.export, types(&function.params));
        let results = types(&function.results);
        // What leads nowhere ends in `unreachable`, which has every type.
        let body = match function.results.is_empty() {
            true => "",
            false => misdeed.body,
        };
        functions.push_str(&format!(
            "(func (export \"{name}\") (param {params}) (result {results}) (local $n i32) {body})\n"
        ));
        if let Some(after) = misdeed.after {
            functions.push_str(&format!(
                "(func (export \"cabi_post_{name}\") (param {results}) {after})\n"
            ));
        }
    }
    format!(
        "(module
            (import \"althing:plugin/log@0.1.0\" \"log\" (func $log (param i32 i32 i32)))
            (memory (export \"memory\") {memory})
            (table $table 1 {table} funcref)
            (func (export \"cabi_realloc\") (param $old i32) (param $size i32) (param $align i32)
                (param $new i32) (result i32) {realloc})
            (type $none (func))
            {more}
            {functions})",
        memory = misdeed.memory,
        table = misdeed.table_max,
        realloc = misdeed.realloc,
        more = misdeed.more,
    )
}

fn word(of: WasmType) -> &'static str {
    match of {
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
    }
}

/// What the manifest lists must be what the component does.
fn manifest(hook: &str) -> String {
    let more = match hook {
        "events" => "events = ['message.new']",
        "commands" => "commands = [{ name = 'a', description = 'b' }]",
        "message-kind" => "kinds = [{ name = 'a', title = 'b' }]",
        "feed" => "feeds = [{ name = 'a', title = 'b', kinds = ['text'] }]",
        _ => "",
    };
    format!("name = 'bad'\nversion = '1.0.0'\ntitle = 'Bad'\n{more}\n")
}

fn append_manifest(component: &mut Vec<u8>, manifest: &str) {
    const NAME: &[u8] = b"althing:manifest";
    fn number(mut of: usize, out: &mut Vec<u8>) {
        loop {
            let byte = (of & 0x7f) as u8;
            of >>= 7;
            if of == 0 {
                return out.push(byte);
            }
            out.push(byte | 0x80);
        }
    }
    let mut section = Vec::new();
    number(NAME.len(), &mut section);
    section.extend_from_slice(NAME);
    section.extend_from_slice(manifest.as_bytes());
    component.push(0);
    number(section.len(), component);
    component.extend_from_slice(&section);
}
