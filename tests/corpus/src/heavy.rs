//! Good components with modules behind them that nobody uses, but somebody has to compile.

use anyhow::Result;

/// A component with this module, as text, behind it so many times.
///
/// # Errors
/// When the text is no module.
pub fn with_modules(mut component: Vec<u8>, module: &str, times: usize) -> Result<Vec<u8>> {
    let module = wat::parse_str(module)?;
    for _ in 0..times {
        component.push(1); // A core module.
        let mut size = module.len();
        while size >= 0x80 {
            component.push(size as u8 | 0x80);
            size >>= 7;
        }
        component.push(size as u8);
        component.extend(&module);
    }
    Ok(component)
}

/// A component that is dear to compile, and yet within the limits for a component.
///
/// # Errors
/// None.
pub fn laborious(component: Vec<u8>) -> Result<Vec<u8>> {
    let step = "(local.set 0 (i32.mul (i32.add (local.get 0) (i32.const 7)) (local.get 0)))";
    let body = step.repeat(5_000);
    let function = format!("(func (param i32) (result i32) {body} (local.get 0))");
    with_modules(component, &format!("(module {})", function.repeat(150)), 1)
}
