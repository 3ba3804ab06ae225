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

    use talc::base::Talc;
    use talc::base::binning::Binning;
    use talc::cell::TalcSyncCell;
    use talc::source::Source;
    use talc::wasm::WasmBinning;

    const ARENA_BYTES: usize = 1024 * 1024;
    const PAGE_BYTES: usize = 64 * 1024;
    /// How much to grow by, as long as the host gives that much.
    const GROWTH_PAGES: usize = 16;
    /// What the allocator's own records and alignment may take of a new heap.
    const OVERHEAD_BYTES: usize = 1024;

    static mut ARENA: [MaybeUninit<u8>; ARENA_BYTES] = [MaybeUninit::uninit(); ARENA_BYTES];

    #[global_allocator]
    static ALLOCATOR: TalcSyncCell<ArenaThenGrow, WasmBinning> =
        TalcSyncCell::new_wasm(ArenaThenGrow { arena_used: false });

    #[derive(Debug)]
    struct ArenaThenGrow {
        arena_used: bool,
    }

    // SAFETY: `acquire` allocates nothing itself.
    unsafe impl Source for ArenaThenGrow {
        fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
            let (base, size) = if talc.source.arena_used {
                grow(layout).ok_or(())?
            } else {
                talc.source.arena_used = true;
                (&raw mut ARENA as *mut u8, ARENA_BYTES)
            };
            // SAFETY: the arena is claimed once and named nowhere else; grown memory is new.
            unsafe { talc.claim(base, size) }.map(drop).ok_or(())
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
