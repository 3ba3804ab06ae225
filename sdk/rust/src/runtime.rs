//! What a component needs beside its code: memory that costs little in a fresh instance, and last
//! words when it panics.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::bindings::log::{Level, log};

/// Sends the text of a panic to the plugin's log, where its author can read it. Called by every
/// hook before it runs.
pub fn start() {
    static STARTED: AtomicBool = AtomicBool::new(false);
    if !STARTED.swap(true, Ordering::Relaxed) {
        std::panic::set_hook(Box::new(|panic| log(Level::Error, &panic.to_string())));
    }
}

/// An arena in the instance's initial memory, and `memory.grow` only when it is full: growing costs
/// a fresh instance more than the rest of a small call.
#[cfg(target_os = "unknown")]
#[expect(unsafe_code, reason = "handing out memory is the allocator's work")]
mod memory {
    use core::alloc::Layout;
    use core::arch::wasm32::memory_grow;
    use core::mem::MaybeUninit;
    use core::ptr::NonNull;

    use talc::base::Talc;
    use talc::base::binning::Binning;
    use talc::cell::TalcSyncCell;
    use talc::source::Source;
    use talc::wasm::WasmBinning;

    use crate::bindings::log::{Level, log};

    const ARENA_BYTES: usize = 1024 * 1024;
    const PAGE_BYTES: usize = 64 * 1024;
    /// How much to grow by, as long as the host gives that much.
    const GROWTH_PAGES: usize = 16;
    /// What the allocator's own records may take of a new heap.
    const OVERHEAD_BYTES: usize = 1024;

    static mut ARENA: [MaybeUninit<u8>; ARENA_BYTES] = [MaybeUninit::uninit(); ARENA_BYTES];

    #[global_allocator]
    static ALLOCATOR: TalcSyncCell<ArenaThenGrow, WasmBinning> =
        TalcSyncCell::new_wasm(ArenaThenGrow::Unused);

    #[derive(Debug)]
    enum ArenaThenGrow {
        Unused,
        /// The arena is full, or will be.
        Arena,
        /// So is what was grown, up to this end.
        Grown(NonNull<u8>),
    }

    // SAFETY: `acquire` allocates nothing itself, and neither does the host while it takes a line.
    unsafe impl Source for ArenaThenGrow {
        fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
            if let ArenaThenGrow::Unused = talc.source {
                talc.source = ArenaThenGrow::Arena;
                // SAFETY: the arena is claimed here, once, and named nowhere else.
                let end = unsafe { talc.claim(&raw mut ARENA as *mut u8, ARENA_BYTES) };
                return end.map(drop).ok_or(());
            }
            let Some((base, size)) = grow(layout) else {
                // Running out mostly ends the call, and says nothing itself.
                log(Level::Error, "out of memory");
                return Err(());
            };
            let end = match talc.source {
                // SAFETY: the new memory begins where the heap ends.
                ArenaThenGrow::Grown(end) if end.as_ptr() == base => unsafe {
                    talc.extend(end, base.wrapping_add(size))
                },
                // SAFETY: the memory is new, so nobody else has it.
                _ => unsafe { talc.claim(base, size) }.ok_or(())?,
            };
            talc.source = ArenaThenGrow::Grown(end);
            Ok(())
        }
    }

    /// New memory that holds at least `layout`; `None` if the host's limit is reached.
    fn grow(layout: Layout) -> Option<(*mut u8, usize)> {
        let bytes = layout
            .size()
            .checked_add(layout.align())?
            .checked_add(OVERHEAD_BYTES)?;
        let least = bytes.div_ceil(PAGE_BYTES);
        [least.max(GROWTH_PAGES), least]
            .into_iter()
            .find_map(|pages| {
                let before = memory_grow::<0>(pages);
                (before != usize::MAX)
                    .then(|| ((before * PAGE_BYTES) as *mut u8, pages * PAGE_BYTES))
            })
    }
}
