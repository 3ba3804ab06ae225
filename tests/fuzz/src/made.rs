//! What the derive of `arbitrary` does, without it: as a feature of a crate that cranelift uses too, it
//! would have all of that built anew.

/// Makes structs and enums of any bytes, field by field; an underscore stands for a variant's field.
macro_rules! made {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl<'a> arbitrary::Arbitrary<'a> for $name {
            fn arbitrary(bytes: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
                Ok(Self { $($field: bytes.arbitrary()?),* })
            }
        }
    };
    ($name:ident [ $($variant:ident $(($($field:tt),*))?),* $(,)? ]) => {
        impl<'a> arbitrary::Arbitrary<'a> for $name {
            fn arbitrary(bytes: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
                type Make<'a> = fn(&mut arbitrary::Unstructured<'a>) -> arbitrary::Result<$name>;
                let makers: &[Make<'a>] = &[$(|_bytes| Ok(Self::$variant $(($(made!(@ $field _bytes)),*))?)),*];
                let make = *bytes.choose(makers)?;
                make(bytes)
            }
        }
    };
    (@ _ $bytes:ident) => { $bytes.arbitrary()? };
}
