//! `cargo xtask reference`: writes docs/plugins/reference.md, the reference of every interface between
//! the host and its plugins, from `wit/`. What the contract's text can't say (which kind of call a hook
//! is, which permission an interface takes) stands in `facts`, and a test keeps the page true.

mod facts;

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use wit_parser::{
    Docs, Function, Handle, Interface, InterfaceId, Resolve, Type, TypeDef, TypeDefKind, TypeId,
    TypeOwner, WorldItem,
};

use facts::{HOOKS, HOST, Kind};

/// Where the page is.
const PAGE: &str = "docs/plugins/reference.md";

/// Writes the page.
pub fn run(root: &Path) -> Result<()> {
    std::fs::write(root.join(PAGE), page(root)?)?;
    println!("{PAGE} is written.");
    Ok(())
}

/// The contract, read from its text.
pub fn contract(root: &Path) -> Result<(Resolve, wit_parser::PackageId)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root.join("wit"))?;
    Ok((resolve, package))
}

/// The page as it should be.
fn page(root: &Path) -> Result<String> {
    let (resolve, package) = contract(root)?;
    let package = &resolve.packages[package];
    let world = package
        .worlds
        .get("plugin")
        .context("wit has no world `plugin`")?;
    let world = &resolve.worlds[*world];
    let interfaces = |items: &mut dyn Iterator<Item = &WorldItem>| -> Vec<InterfaceId> {
        let id = |item: &WorldItem| match item {
            WorldItem::Interface { id, .. } => Some(*id),
            _ => None,
        };
        items.filter_map(id).collect()
    };
    let hooks = interfaces(&mut world.exports.values());
    let host = interfaces(&mut world.imports.values());
    let (types, host): (Vec<_>, Vec<_>) = host
        .into_iter()
        .partition(|id| resolve.interfaces[*id].functions.is_empty());
    let page = Page {
        resolve: &resolve,
        text: String::new(),
    };
    page.write(&package.name.to_string(), &hooks, &host, &types)
}

/// The page as far as it is written.
struct Page<'r> {
    resolve: &'r Resolve,
    text: String,
}

impl Page<'_> {
    fn write(
        mut self,
        package: &str,
        hooks: &[InterfaceId],
        host: &[InterfaceId],
        types: &[InterfaceId],
    ) -> Result<String> {
        self.text
            .push_str(&facts::OPENING.replace("{package}", package));
        self.text.push_str(
            "\n## Hooks\n\n| hook | kind of call | what it is for |\n| --- | --- | --- |\n",
        );
        for id in hooks {
            let (name, hook) = (self.name(*id), self.hook(*id)?);
            let kinds: Vec<_> = hook.kinds().iter().map(|kind| kind.link()).collect();
            let first = first_sentence(&self.resolve.interfaces[*id].docs);
            self.line(&format!(
                "| [`{name}`](#{name}) | {} | {first} |",
                kinds.join(", ")
            ));
        }
        for id in hooks {
            self.write_hook(*id)?;
        }
        self.text.push_str("\n## Host interfaces\n\n| interface | permission | what it is for |\n| --- | --- | --- |\n");
        for id in host {
            let (name, facts) = (self.name(*id), self.host(*id)?);
            let permission = facts
                .permission
                .map_or_else(|| "none".into(), |of| format!("`{}`", of.0));
            let first = first_sentence(&self.resolve.interfaces[*id].docs);
            self.line(&format!("| [`{name}`](#{name}) | {permission} | {first} |"));
        }
        for id in host {
            self.write_host(*id)?;
        }
        for id in types {
            self.text.push_str("\n## Types that they share\n\n");
            self.docs(&self.resolve.interfaces[*id].docs);
            self.write_types(*id);
        }
        Ok(self.text.replace("\n\n\n", "\n\n"))
    }

    fn name(&self, id: InterfaceId) -> String {
        self.resolve.interfaces[id].name.clone().unwrap_or_default()
    }

    fn hook(&self, id: InterfaceId) -> Result<&'static facts::Hook> {
        let name = self.name(id);
        let Some(hook) = HOOKS.iter().find(|hook| hook.name == name) else {
            bail!("xtask/src/reference/facts.rs says nothing of the hook `{name}`");
        };
        Ok(hook)
    }

    fn host(&self, id: InterfaceId) -> Result<&'static facts::Host> {
        let name = self.name(id);
        let Some(host) = HOST.iter().find(|host| host.name == name) else {
            bail!("xtask/src/reference/facts.rs says nothing of the host interface `{name}`");
        };
        Ok(host)
    }

    fn write_hook(&mut self, id: InterfaceId) -> Result<()> {
        let hook = self.hook(id)?;
        self.line(&format!("\n### {}\n", hook.name));
        self.docs(&self.resolve.interfaces[id].docs);
        self.line("| | |\n| --- | --- |");
        self.line(&format!("| In Rust | the trait `{}` |", hook.rust));
        self.line(&format!("| In the manifest | {} |", hook.manifest));
        for function in self.resolve.interfaces[id].functions.values() {
            self.write_function(id, function, Some(hook.kind(&function.name)));
        }
        self.write_types(id);
        Ok(())
    }

    fn write_host(&mut self, id: InterfaceId) -> Result<()> {
        let host = self.host(id)?;
        self.line(&format!("\n### {}\n", host.name));
        self.docs(&self.resolve.interfaces[id].docs);
        self.line("| | |\n| --- | --- |");
        let permission = match host.permission {
            None => "none is needed".to_owned(),
            Some((name, words)) => format!("`{name}`: “{words}”"),
        };
        self.line(&format!("| Permission | {permission} |"));
        self.line(&format!("| Who may use it | {} |", host.who));
        self.line(&format!("| In Rust | {} |", host.rust));
        for (limit, what) in host.limits {
            self.line(&format!("| {limit} | {what} |"));
        }
        for function in self.resolve.interfaces[id].functions.values() {
            self.write_function(id, function, None);
        }
        self.write_types(id);
        Ok(())
    }

    fn write_function(&mut self, id: InterfaceId, function: &Function, kind: Option<Kind>) {
        let name = anchor(&self.name(id), &function.name);
        let params: Vec<_> = function
            .params
            .iter()
            .map(|param| format!("{}: {}", param.name, self.type_text(&param.ty)))
            .collect();
        let result = function.result.as_ref();
        let result = result.map_or_else(String::new, |ty| format!(" -> {}", self.type_text(ty)));
        self.line(&format!(
            "\n<a id=\"{name}\"></a>\n#### {}\n",
            function.name
        ));
        let one_line = format!("{}: func({}){result}", function.name, params.join(", "));
        let text = match one_line.len() {
            ..=96 => one_line,
            _ => format!(
                "{}: func(\n    {},\n){result}",
                function.name,
                params.join(",\n    ")
            ),
        };
        self.line(&format!("```wit\n{text}\n```\n"));
        self.docs(&function.docs);
        let mut links: Vec<String> = Vec::new();
        let used = function
            .params
            .iter()
            .map(|param| &param.ty)
            .chain(&function.result);
        for ty in used {
            self.named(ty, &mut |id, of| {
                let link = self.link(id, of);
                if of.name.as_deref() != Some("json") && !links.contains(&link) {
                    links.push(link);
                }
            });
        }
        match (kind, links.is_empty()) {
            (None, true) => {}
            (None, false) => self.line(&format!("See {}.", links.join(", "))),
            (Some(kind), _) => {
                let links: Vec<_> = links
                    .into_iter()
                    .filter(|link| !link.contains("[`context`]"))
                    .collect();
                let see = match links.is_empty() {
                    true => String::new(),
                    false => format!(" See {}.", links.join(", ")),
                };
                self.line(&format!("A {}.{see}", kind.link()));
            }
        }
    }

    fn write_types(&mut self, id: InterfaceId) {
        let interface: &Interface = &self.resolve.interfaces[id];
        for (name, ty) in &interface.types {
            let ty = &self.resolve.types[*ty];
            // A type that is used from another interface is described there.
            if let TypeDefKind::Type(Type::Id(of)) = &ty.kind
                && self.resolve.types[*of].owner != ty.owner
            {
                continue;
            }
            let anchor = anchor(&self.name(id), name);
            self.line(&format!(
                "\n<a id=\"{anchor}\"></a>\n#### {} `{name}`\n",
                ty.kind.as_str()
            ));
            self.docs(&ty.docs);
            self.write_type(ty);
        }
    }

    fn write_type(&mut self, ty: &TypeDef) {
        match &ty.kind {
            TypeDefKind::Record(record) => {
                self.line("| field | type | |\n| --- | --- | --- |");
                for field in &record.fields {
                    let (shown, docs) = (self.linked(&field.ty), cell(&field.docs));
                    self.line(&format!("| `{}` | {shown} | {docs} |", field.name));
                }
            }
            TypeDefKind::Variant(variant) => {
                self.line("| case | with | |\n| --- | --- | --- |");
                for case in &variant.cases {
                    let shown = case
                        .ty
                        .as_ref()
                        .map_or_else(String::new, |ty| self.linked(ty));
                    self.line(&format!(
                        "| `{}` | {shown} | {} |",
                        case.name,
                        cell(&case.docs)
                    ));
                }
            }
            TypeDefKind::Enum(cases) => {
                self.line("| value | |\n| --- | --- |");
                for case in &cases.cases {
                    self.line(&format!("| `{}` | {} |", case.name, cell(&case.docs)));
                }
            }
            TypeDefKind::Flags(flags) => {
                self.line("| flag | |\n| --- | --- |");
                for flag in &flags.flags {
                    self.line(&format!("| `{}` | {} |", flag.name, cell(&flag.docs)));
                }
            }
            TypeDefKind::Resource => {}
            other => {
                let text = self.kind_text(other);
                self.line(&format!("`{text}`"));
            }
        }
    }

    /// A type as a link to the first named type in it.
    fn linked(&self, ty: &Type) -> String {
        let text = format!("`{}`", self.type_text(ty));
        let mut to = None;
        self.named(ty, &mut |id, of| {
            to.get_or_insert_with(|| self.address(id, of));
        });
        to.map_or(text.clone(), |to| format!("[{text}](#{to})"))
    }

    fn link(&self, id: TypeId, ty: &TypeDef) -> String {
        let name = ty.name.as_deref().unwrap_or_default();
        format!("[`{name}`](#{})", self.address(id, ty))
    }

    /// Where a named type is described.
    fn address(&self, id: TypeId, ty: &TypeDef) -> String {
        if let TypeDefKind::Type(Type::Id(of)) = &ty.kind
            && *of != id
            && self.resolve.types[*of].name.is_some()
        {
            return self.address(*of, &self.resolve.types[*of]);
        }
        let owner = match ty.owner {
            TypeOwner::Interface(id) => self.name(id),
            _ => String::new(),
        };
        anchor(&owner, ty.name.as_deref().unwrap_or_default())
    }

    /// The named types in a type.
    fn named<'s>(&'s self, ty: &Type, found: &mut dyn FnMut(TypeId, &'s TypeDef)) {
        let Type::Id(id) = ty else { return };
        let of = &self.resolve.types[*id];
        if of.name.is_some() {
            return found(*id, of);
        }
        let mut go = |ty: &Type| self.named(ty, found);
        match &of.kind {
            TypeDefKind::Option(ty) | TypeDefKind::List(ty) | TypeDefKind::Type(ty) => go(ty),
            TypeDefKind::FixedLengthList(ty, _) => go(ty),
            TypeDefKind::Result(result) => result.ok.iter().chain(&result.err).for_each(go),
            TypeDefKind::Tuple(tuple) => tuple.types.iter().for_each(go),
            TypeDefKind::Future(ty) | TypeDefKind::Stream(ty) => ty.iter().for_each(go),
            TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => go(&Type::Id(*id)),
            _ => {}
        }
    }

    /// A type as the contract writes it.
    fn type_text(&self, ty: &Type) -> String {
        let text = match ty {
            Type::Bool => "bool",
            Type::U8 => "u8",
            Type::U16 => "u16",
            Type::U32 => "u32",
            Type::U64 => "u64",
            Type::S8 => "s8",
            Type::S16 => "s16",
            Type::S32 => "s32",
            Type::S64 => "s64",
            Type::F32 => "f32",
            Type::F64 => "f64",
            Type::Char => "char",
            Type::String => "string",
            Type::ErrorContext => "error-context",
            Type::Id(id) => {
                let of = &self.resolve.types[*id];
                return of.name.clone().unwrap_or_else(|| self.kind_text(&of.kind));
            }
        };
        text.to_owned()
    }

    fn kind_text(&self, kind: &TypeDefKind) -> String {
        let or_nothing = |ty: &Option<Type>| {
            ty.as_ref()
                .map_or_else(|| "_".into(), |ty| self.type_text(ty))
        };
        match kind {
            TypeDefKind::Option(ty) => format!("option<{}>", self.type_text(ty)),
            TypeDefKind::List(ty) => format!("list<{}>", self.type_text(ty)),
            TypeDefKind::Type(ty) => self.type_text(ty),
            TypeDefKind::FixedLengthList(ty, n) => format!("list<{}, {n}>", self.type_text(ty)),
            TypeDefKind::Result(result) => match (&result.ok, &result.err) {
                (None, None) => "result".into(),
                (ok, None) => format!("result<{}>", or_nothing(ok)),
                (ok, err) => format!("result<{}, {}>", or_nothing(ok), or_nothing(err)),
            },
            TypeDefKind::Tuple(tuple) => {
                let types: Vec<_> = tuple.types.iter().map(|ty| self.type_text(ty)).collect();
                format!("tuple<{}>", types.join(", "))
            }
            TypeDefKind::Handle(Handle::Own(id)) => self.type_text(&Type::Id(*id)),
            TypeDefKind::Handle(Handle::Borrow(id)) => {
                format!("borrow<{}>", self.type_text(&Type::Id(*id)))
            }
            TypeDefKind::Future(ty) => format!("future<{}>", or_nothing(ty)),
            TypeDefKind::Stream(ty) => format!("stream<{}>", or_nothing(ty)),
            other => other.as_str().to_owned(),
        }
    }

    fn docs(&mut self, docs: &Docs) {
        if let Some(text) = &docs.contents {
            self.line(&format!("{}\n", text.trim()));
        }
    }

    fn line(&mut self, line: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{line}");
    }
}

/// One address for each thing, whatever others are called.
fn anchor(interface: &str, name: &str) -> String {
    format!("{interface}.{name}")
}

/// Docs on one line, for a table.
fn cell(docs: &Docs) -> String {
    let text = docs.contents.as_deref().unwrap_or_default();
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

fn first_sentence(docs: &Docs) -> String {
    let text = cell(docs);
    match text.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_is_what_the_contract_says() {
        let root = crate::root();
        let written = std::fs::read_to_string(root.join(PAGE)).unwrap();
        let should_be = page(&root).unwrap();
        assert!(
            written == should_be,
            "{PAGE} is not up to date: cargo xtask reference"
        );
    }

    #[test]
    fn links_lead_somewhere() {
        let page = page(&crate::root()).unwrap();
        for link in page
            .split("](#")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let heading = page.lines().any(|line| {
                let words = line
                    .trim_start_matches('#')
                    .trim()
                    .to_lowercase()
                    .replace(' ', "-");
                line.starts_with('#') && words == link
            });
            assert!(
                heading || page.contains(&format!("<a id=\"{link}\"></a>")),
                "{link}"
            );
        }
    }
}
