//! Lets nothing but small pictures be uploaded.

use althing_plugin::prelude::*;

struct Pictures;

const BYTES_MAX: u64 = 5 << 20;

impl FileGuard for Pictures {
    fn before_keep(_ctx: &Context, file: File, _head: &[u8]) -> Result<(), Rejection> {
        look(&file.media_type, file.bytes)
    }
}

fn look(media_type: &str, bytes: u64) -> Result<(), Rejection> {
    if !media_type.starts_with("image/") {
        return Err(Rejection::new("no_picture", "Pictures only, please."));
    }
    if bytes > BYTES_MAX {
        return Err(Rejection::new("too_large", "At most 5 MiB, please."));
    }
    Ok(())
}

althing_plugin::plugin!(Pictures: FileGuard, manifest = "plugin.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_small_pictures() {
        assert!(look("image/png", BYTES_MAX).is_ok());
        assert!(look("image/png", BYTES_MAX + 1).is_err());
        assert!(look("application/pdf", 1).is_err());
    }
}
