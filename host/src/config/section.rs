//! A section of the settings: a struct whose fields are declared once, with description, default
//! and check, by the macro `settings!`.

use super::source::Source;

/// What every section can do.
pub(super) trait Section: Sized + Default {
    /// Its name in the file; empty for the keys outside any section.
    const NAME: &'static str;
    /// What it is about, a line each.
    const DOC: &'static [&'static str];

    /// Takes its settings, notes faults, and fills in defaults.
    fn read(source: &mut Source) -> Self;

    /// Its settings with their defaults, for the example file.
    fn describe() -> Vec<Described>;
}

/// One setting for the example file.
pub(super) struct Described {
    pub key: &'static str,
    pub doc: &'static [&'static str],
    /// As TOML; `None` if the setting is unset by default.
    pub default: Option<String>,
    /// As TOML, for a setting without a default.
    pub example: Option<&'static str>,
}

/// `name: Type = default, check; example "…";` — the check and the example may be left out. A
/// check takes the value and says what it must be.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        struct $name:ident in $section:literal {
            $(
                $(#[doc = $doc:literal])+
                $field:ident: $type:ty = $default:expr $(, $check:expr)?;
                $(example $example:literal;)?
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $crate::config::section::Section for $name {
            const NAME: &'static str = $section;
            const DOC: &'static [&'static str] = &[$($about),+];

            fn read(source: &mut $crate::config::source::Source) -> Self {
                let default = Self::default();
                Self {
                    $($field: source.take(
                        $section,
                        stringify!($field),
                        default.$field,
                        |_value| {
                            $($check(_value)?;)?
                            Ok(())
                        },
                    ),)+
                }
            }

            fn describe() -> Vec<$crate::config::section::Described> {
                let default = Self::default();
                vec![$($crate::config::section::Described {
                    key: stringify!($field),
                    doc: &[$($doc),+],
                    default: $crate::config::value::Setting::write(&default.$field),
                    example: None$(.or(Some($example)))?,
                },)+]
            }
        }
    };
}
pub(super) use settings;
