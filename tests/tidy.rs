//! Rules that the sources keep.
