//! The types that a setting may have, and how they are read and written.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::address::Networks;
use crate::secrets::Secret;

/// What a value must be; ends the sentence "… must be".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotASetting(pub String);

impl From<&str> for NotASetting {
    fn from(expected: &str) -> Self {
        Self(expected.to_owned())
    }
}

/// A value as it was given.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub value: toml::Value,
    /// The text of a variable: for a setting that is a text, `80` is not a number.
    pub text: Option<String>,
}

impl Given {
    fn as_text(&self) -> Option<&str> {
        match (&self.value, &self.text) {
            (toml::Value::String(text), _) => Some(text),
            (_, text) => text.as_deref(),
        }
    }
}

/// A type of setting.
pub(super) trait Setting: Sized {
    fn read(given: &Given) -> Result<Self, NotASetting>;

    /// As TOML, for the example file; `None` for a setting that is unset.
    fn write(&self) -> Option<String>;
}

macro_rules! number {
    ($($type:ty),+) => {$(
        impl Setting for $type {
            fn read(given: &Given) -> Result<Self, NotASetting> {
                let number = given.value.as_integer().ok_or("a whole number")?;
                let sign = if number < 0 { "0 or more" } else { "a smaller number" };
                <$type>::try_from(number).map_err(|_| sign.into())
            }

            fn write(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )+};
}
number!(u32, u64, usize);

impl Setting for String {
    fn read(given: &Given) -> Result<Self, NotASetting> {
        given
            .as_text()
            .map(str::to_owned)
            .ok_or("a text in quotes".into())
    }

    fn write(&self) -> Option<String> {
        Some(toml::Value::String(self.clone()).to_string())
    }
}

impl Setting for PathBuf {
    fn read(given: &Given) -> Result<Self, NotASetting> {
        match given.as_text() {
            Some(path) if !path.is_empty() => Ok(path.into()),
            _ => Err("a path in quotes".into()),
        }
    }

    fn write(&self) -> Option<String> {
        self.display().to_string().write()
    }
}

impl Setting for Secret<String> {
    fn read(given: &Given) -> Result<Self, NotASetting> {
        String::read(given).map(Secret::new)
    }

    fn write(&self) -> Option<String> {
        None
    }
}

impl Setting for SocketAddr {
    fn read(given: &Given) -> Result<Self, NotASetting> {
        let address = given.as_text().and_then(|text| text.parse().ok());
        address.ok_or("an IP address and a port, such as \"127.0.0.1:7600\"".into())
    }

    fn write(&self) -> Option<String> {
        self.to_string().write()
    }
}

impl Setting for Networks {
    fn read(given: &Given) -> Result<Self, NotASetting> {
        let list = given.value.as_array().and_then(|values| {
            values
                .iter()
                .map(|value| value.as_str())
                .collect::<Option<Vec<_>>>()
        });
        let list = list.ok_or("a list of networks, such as [\"10.0.0.0/8\"]")?;
        Networks::parse(list).map_err(|error| NotASetting(format!("a list of networks: {error}")))
    }

    fn write(&self) -> Option<String> {
        let texts = self
            .iter()
            .map(|network| toml::Value::String(network.to_string()));
        Some(toml::Value::Array(texts.collect()).to_string())
    }
}

impl<T: Setting> Setting for Option<T> {
    fn read(given: &Given) -> Result<Self, NotASetting> {
        T::read(given).map(Some)
    }

    fn write(&self) -> Option<String> {
        self.as_ref().and_then(T::write)
    }
}

/// Checks that a number is in a range.
pub(super) fn within<T: PartialOrd + Display>(
    range: RangeInclusive<T>,
) -> impl Fn(&T) -> Result<(), NotASetting> {
    move |number| {
        if range.contains(number) {
            return Ok(());
        }
        Err(NotASetting(format!(
            "{} to {}, not {number}",
            range.start(),
            range.end()
        )))
    }
}
