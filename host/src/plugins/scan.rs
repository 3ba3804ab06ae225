//! Reads a component before anything compiles it: whether it is valid and within limits, what it
//! imports and exports at the top, and the manifest that lies in it. Hostile bytes end here.

use wasmparser::{
    CanonicalFunction, CanonicalOption, Encoding, FuncValidatorAllocations, Parser, Payload,
    ValidPayload, Validator, WasmFeatures,
};

use super::grants::Grants;
use super::interfaces::{self, Hooks};
use super::limits::Limits;
use super::refusal::Refusal;

/// The custom section that holds the manifest.
const MANIFEST_SECTION: &str = "althing:manifest";

/// What a component shows without being run.
pub(super) struct Scan<'a> {
    pub hooks: Hooks,
    /// The permissions that its imports need.
    pub needed: Grants,
    pub uses_wasi: bool,
    pub manifest: &'a [u8],
}

struct Scanner<'a, 'l> {
    limits: &'l Limits,
    depth: u32,
    parts: u32,
    functions: u32,
    hooks: Hooks,
    needed: Grants,
    uses_wasi: bool,
    manifest: Option<&'a [u8]>,
}

/// The proposals that `engine` turns on too.
fn features() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::SIMD
        | WasmFeatures::FLOATS
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::COMPONENT_MODEL
}

/// Refuses a component that is too long to be looked at.
pub(super) fn check_length(bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    let bytes_max = limits.component_bytes_max;
    match bytes.len() > bytes_max as usize {
        true => Err(too_complex(format!(
            "has {} bytes; at most {bytes_max}",
            bytes.len()
        ))),
        false => Ok(()),
    }
}

/// Reads a component whose length was checked.
pub(super) fn scan<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Scan<'a>, Refusal> {
    if !bytes.starts_with(b"\0asm") {
        return Err(Refusal::new(
            "plugin_invalid",
            "This is not WebAssembly. `althing plugin build` makes a component.",
        ));
    }
    if Parser::is_core_wasm(bytes) {
        return Err(Refusal::new(
            "plugin_not_a_component",
            "This is a core module, not a component. `althing plugin build` makes a component.",
        ));
    }
    let mut scanner = Scanner {
        limits,
        depth: 0,
        parts: 0,
        functions: 0,
        hooks: Hooks::default(),
        needed: Grants::default(),
        uses_wasi: false,
        manifest: None,
    };
    let mut validator = Validator::new_with_features(features());
    let mut allocations = FuncValidatorAllocations::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(invalid)?;
        // Limits first: what is refused for its size is not worth validating.
        scanner.look_at(&payload)?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload).map_err(invalid)? {
            let mut function = function.into_validator(allocations);
            function.validate(&body).map_err(invalid)?;
            allocations = function.into_allocations();
        }
    }
    if scanner.hooks.is_empty() {
        return Err(Refusal::new(
            "plugin_without_hooks",
            "The component exports no hook, so the host would never call it.",
        ));
    }
    let manifest = scanner.manifest.ok_or_else(|| {
        let detail = format!("The component has no custom section `{MANIFEST_SECTION}`.");
        Refusal::new("plugin_manifest_missing", detail)
    })?;
    Ok(Scan {
        hooks: scanner.hooks,
        needed: scanner.needed,
        uses_wasi: scanner.uses_wasi,
        manifest,
    })
}

impl<'a> Scanner<'a, '_> {
    fn look_at(&mut self, payload: &Payload<'a>) -> Result<(), Refusal> {
        match payload {
            Payload::Version { encoding, .. } => self.enter(*encoding),
            Payload::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                Ok(())
            }
            Payload::FunctionSection(section) => self.count_functions(section.count()),
            Payload::CodeSectionEntry(body) => self.check_function(body.range().len()),
            Payload::ComponentInstanceSection(section) => self.count_parts(section.count()),
            Payload::ComponentCanonicalSection(section) => {
                for function in section.clone() {
                    check_strings(&function.map_err(invalid)?)?;
                }
                Ok(())
            }
            Payload::ComponentImportSection(section) if self.depth == 1 => {
                for import in section.clone() {
                    let name = import.map_err(invalid)?.name.name;
                    interfaces::import(name, &mut self.needed)?;
                    self.uses_wasi |= name.starts_with("wasi:");
                }
                Ok(())
            }
            Payload::ComponentExportSection(section) if self.depth == 1 => {
                for export in section.clone() {
                    let hook = interfaces::export(export.map_err(invalid)?.name.name)?;
                    hook.into_iter().for_each(|hook| self.hooks.insert(hook));
                }
                Ok(())
            }
            Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                self.take_manifest(section.data())
            }
            _ => Ok(()),
        }
    }

    fn enter(&mut self, encoding: Encoding) -> Result<(), Refusal> {
        self.depth += 1;
        if self.depth > self.limits.depth_max + 1 {
            let depth_max = self.limits.depth_max;
            return Err(too_complex(format!("nests deeper than {depth_max}")));
        }
        if encoding == Encoding::Component && self.depth == 1 {
            return Ok(());
        }
        self.count_parts(1)
    }

    /// Modules, components and instances: a few of them that instantiate each other can multiply.
    fn count_parts(&mut self, more: u32) -> Result<(), Refusal> {
        self.parts = self.parts.saturating_add(more);
        if self.parts > self.limits.parts_max {
            let parts_max = self.limits.parts_max;
            return Err(too_complex(format!("has more than {parts_max} parts")));
        }
        Ok(())
    }

    fn count_functions(&mut self, more: u32) -> Result<(), Refusal> {
        self.functions = self.functions.saturating_add(more);
        if self.functions > self.limits.functions_max {
            let functions_max = self.limits.functions_max;
            return Err(too_complex(format!(
                "has more than {functions_max} functions"
            )));
        }
        Ok(())
    }

    fn check_function(&self, bytes: usize) -> Result<(), Refusal> {
        let bytes_max = self.limits.function_bytes_max;
        if bytes > bytes_max as usize {
            let detail = format!("has a function of {bytes} bytes; at most {bytes_max}");
            return Err(too_complex(detail));
        }
        Ok(())
    }

    /// The section may lie in the module that the compiler made and again in the component that a
    /// tool made of it; but then it must say the same.
    fn take_manifest(&mut self, data: &'a [u8]) -> Result<(), Refusal> {
        let bytes_max = self.limits.manifest_bytes_max;
        if data.len() > bytes_max as usize {
            return Err(Refusal::new(
                "plugin_manifest_invalid",
                format!(
                    "The manifest has {} bytes; at most {bytes_max}.",
                    data.len()
                ),
            ));
        }
        match self.manifest {
            Some(other) if other != data => Err(Refusal::new(
                "plugin_manifest_invalid",
                "The component has two different manifests.",
            )),
            _ => {
                self.manifest = Some(data);
                Ok(())
            }
        }
    }
}

/// Transcoding between string encodings has had memory bugs; all tools here can do UTF-8.
fn check_strings(function: &CanonicalFunction) -> Result<(), Refusal> {
    let (CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. }) =
        function
    else {
        return Ok(());
    };
    let is_other = |option: &_| {
        matches!(
            option,
            CanonicalOption::UTF16 | CanonicalOption::CompactUTF16
        )
    };
    if options.iter().any(is_other) {
        return Err(Refusal::new(
            "plugin_strings_not_utf8",
            "The component passes strings as UTF-16. Plugins on this host use UTF-8.",
        ));
    }
    Ok(())
}

fn too_complex(detail: String) -> Refusal {
    Refusal::new("plugin_too_large", format!("The component {detail}."))
}

fn invalid(error: wasmparser::BinaryReaderError) -> Refusal {
    let detail = format!("The bytes are not a valid component: {error}.");
    Refusal::new("plugin_invalid", detail)
}
