//! The components as TypeScript sees them: `live.gen.ts`.
//!
//! An application's test writes the file or fails when it is stale, so the types the browser is compiled
//! with cannot drift from the server's. Nested types are declared by `ts-rs`, which knows serde's
//! attributes; how they are laid out, and what a component looks like, is decided in `print.rs`.

use std::any::{TypeId, type_name};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{env, fmt, fs};

use ts_rs::{Config, TS, TypeVisitor};

use crate::action::{ActionShape, Actions};
use crate::component::Component;
use crate::registry::Registration;
use crate::state::{FieldShape, State};
use crate::wire::Wire;

mod print;

/// Stands before the type of a field that need not be given, until it is known which way it travels.
const MAY_BE_LEFT_OUT: char = '\u{1}';

/// The types that components need, each declared once.
pub struct Types {
    config: Config,
    imported: BTreeSet<&'static str>,
    declared: BTreeMap<String, Declared>,
    complaints: Vec<String>,
}

/// One named type.
struct Declared {
    id: TypeId,
    rust: &'static str,
    declaration: String,
    docs: String,
    /// Whether clients send it, so that what serde fills in may be left out.
    taken: bool,
}

impl Default for Types {
    fn default() -> Self {
        // `JSON.parse` makes numbers, whatever their size in Rust.
        let config = Config::new().with_large_int("number");
        Self { config, imported: BTreeSet::new(), declared: BTreeMap::new(), complaints: Vec::new() }
    }
}

impl Types {
    /// The name of a type the server sends.
    pub fn shows<T: Wire>(&mut self) -> String {
        self.name::<T>(false)
    }

    /// The name of a type clients send as well.
    pub fn takes<T: Wire>(&mut self) -> String {
        self.name::<T>(true)
    }

    /// Names a type of `@fluxstack/client` that a field is described with.
    pub fn import(&mut self, name: &'static str) {
        self.imported.insert(name);
    }

    /// An argument: its name, its type, and whether it may be left out.
    pub fn argument<T: Wire>(&mut self, name: &'static str) -> (&'static str, String, bool) {
        (name, self.takes::<T>(), T::OPTIONAL)
    }

    fn name<T: Wire>(&mut self, taken: bool) -> String {
        let mut visit = Visit { types: self, taken };
        visit.visit::<T>();
        T::visit_generics(&mut visit);
        print::type_name(&T::name(&self.config))
    }
}

/// Declares what it meets, and what that needs.
struct Visit<'a> {
    types: &'a mut Types,
    taken: bool,
}

impl TypeVisitor for Visit<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // Only types with a name of their own have a file they could be written to.
        if T::output_path().is_none() {
            return;
        }
        let name = T::ident(&self.types.config);
        let id = TypeId::of::<T>();
        if let Some(known) = self.types.declared.get(&name) {
            // Two Rust types that are one in TypeScript may share their name.
            if known.id != id && known.declaration != T::decl(&self.types.config) {
                let complaint = format!(
                    "`{}` and `{}` would both be `{name}` in TypeScript: rename one of them",
                    known.rust,
                    type_name::<T>()
                );
                self.types.complaints.push(complaint);
                return;
            }
            if known.taken || !self.taken {
                return;
            }
        }
        let declared = Declared {
            id,
            rust: type_name::<T>(),
            declaration: T::decl(&self.types.config),
            docs: T::docs().as_deref().map(print::uncomment).unwrap_or_default(),
            taken: self.taken,
        };
        self.types.declared.insert(name, declared);
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

/// A field that serde fills in when it is not given. `#[wire]` names this type to `ts-rs`, never to serde.
#[doc(hidden)]
pub struct MayBeLeftOut<T>(std::marker::PhantomData<T>);

impl<T: TS> TS for MayBeLeftOut<T> {
    type WithoutGenerics = Self;
    type OptionInnerType = Self;

    fn name(config: &Config) -> String {
        format!("{MAY_BE_LEFT_OUT}{}", T::name(config))
    }

    fn inline(config: &Config) -> String {
        format!("{MAY_BE_LEFT_OUT}{}", T::inline(config))
    }

    fn visit_dependencies(visitor: &mut impl TypeVisitor)
    where
        Self: 'static,
    {
        T::visit_dependencies(visitor);
    }

    fn visit_generics(visitor: &mut impl TypeVisitor)
    where
        Self: 'static,
    {
        T::visit_generics(visitor);
        visitor.visit::<T>();
    }
}

/// One component, as TypeScript sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentShape {
    /// The name clients mount it by.
    pub name: &'static str,
    /// The version of its shape, which a page says when it mounts it.
    pub version: u32,
    /// Its doc comment.
    pub docs: &'static str,
    /// The type of its props; `None` for none.
    pub props: Option<String>,
    /// Its fields.
    pub state: Vec<FieldShape>,
    /// Its actions.
    pub actions: Vec<ActionShape>,
    /// The type of its events; `None` for none.
    pub event: Option<String>,
}

impl ComponentShape {
    /// Describes `C` and declares what it needs in `types`.
    #[must_use]
    pub fn of<C: Component>(types: &mut Types) -> Self {
        Self {
            name: C::NAME,
            version: C::VERSION,
            docs: C::DOCS,
            props: (!C::Props::NOTHING).then(|| types.takes::<C::Props>()),
            state: <C as State>::describe(types),
            actions: <C as Actions>::describe(types),
            event: (!C::Event::NOTHING).then(|| types.takes::<C::Event>()),
        }
    }
}

/// Why `live.gen.ts` is not what the components say.
#[derive(PartialEq, Eq)]
pub struct Stale(String);

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// A test that unwraps it shows the sentence.
impl fmt::Debug for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Stale {}

/// The text of `live.gen.ts` for these components.
///
/// # Errors
/// [`Stale`], if two types or components want the same name.
pub fn render(mut components: Vec<ComponentShape>, types: Types) -> Result<String, Stale> {
    let Types { declared, imported, mut complaints, .. } = types;
    components.sort_by_key(|component| component.name);
    for pair in components.windows(2) {
        if pair[0].name == pair[1].name {
            complaints
                .push(format!("two components are called `{}`: use `#[state(name = \"…\")]`", pair[0].name));
        }
    }
    for component in &components {
        let shape = format!("{}Shape", component.name);
        if let Some(other) = declared.get(&shape) {
            complaints.push(format!(
                "`{}` would be `{shape}`, the shape of `{}`: rename it",
                other.rust, component.name
            ));
        }
    }
    let mut taken = ["Component", "Components", "component"].iter().chain(&imported);
    if let Some(other) = taken.find_map(|name| declared.get(*name)) {
        complaints
            .push(format!("`{}` has the name of something in `@fluxstack/client`: rename it", other.rust));
    }
    if !complaints.is_empty() {
        complaints.dedup();
        return Err(Stale(complaints.join("\n")));
    }
    Ok(print::file(&components, &imported, &declared))
}

/// Whether the file says what the components linked into this binary are. With `LIVE_TYPES=write` in the
/// environment the file is written instead.
///
/// A relative path is relative to the current directory; [`live_types!`](crate::live_types) makes a test of
/// it with a path relative to the crate, which is what an application wants.
///
/// # Errors
/// [`Stale`], with the first line that differs and what to run.
pub fn check(path: impl AsRef<Path>) -> Result<(), Stale> {
    let path = path.as_ref();
    let mut types = Types::default();
    let components: Vec<_> =
        Registration::discovered().map(|registration| (registration.describe)(&mut types)).collect();
    if components.is_empty() {
        return Err(Stale(
            "no component is linked into this test: write `use your_crate as _;` at its top".into(),
        ));
    }
    let expected = render(components, types)?;
    let shown = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let failed = |error| Stale(format!("{shown}: {error}"));
    if env::var_os("LIVE_TYPES").is_some_and(|value| value == "write") {
        if fs::read_to_string(path).is_ok_and(|found| found == expected) {
            return Ok(());
        }
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
        return fs::write(path, expected).map_err(failed);
    }
    let found = match fs::read_to_string(path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    // A checkout may have changed the line ends.
    let same = expected.lines().eq(found.lines());
    if same {
        return Ok(());
    }
    let first = expected.lines().zip(found.lines()).take_while(|(expected, found)| expected == found).count();
    let line = |text: &str| text.lines().nth(first).unwrap_or("the end of the file").trim().to_owned();
    Err(Stale(format!(
        "{shown} is not what the components say. Line {}: `{}` should be `{}`. \
         Run this test with LIVE_TYPES=write in the environment",
        first + 1,
        line(&found),
        line(&expected)
    )))
}

/// Makes a test that fails when the file with the TypeScript types is stale, and writes it when run with
/// `LIVE_TYPES=write`. The path is relative to the crate.
///
/// ```text
/// //! tests/types.rs
/// use my_application as _;
///
/// fluxstack_live::live_types!("web/src/live.gen.ts");
/// ```
#[macro_export]
macro_rules! live_types {
    ($path:literal) => {
        #[test]
        fn the_types_of_the_client_are_those_of_the_server() {
            if let Err(stale) = $crate::typescript::check(concat!(env!("CARGO_MANIFEST_DIR"), "/", $path)) {
                panic!("{stale}");
            }
        }
    };
}
