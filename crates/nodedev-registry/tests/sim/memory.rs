//! How much memory the calling thread holds, counted at each allocation.
//!
//! The simulation is one thread, so that tests beside each other do not count each other's.

#![expect(unsafe_code, reason = "an allocator is unsafe by its nature; this one hands all on")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

/// Bytes that this thread has allocated and nobody has freed on it.
pub(crate) fn held() -> isize {
    HELD.get()
}

/// The most that it held since the last call.
pub(crate) fn most() -> isize {
    MOST.replace(held())
}

fn count(bytes: isize) {
    // A thread that is ending counts nothing any more.
    let _ = HELD.try_with(|held| {
        held.set(held.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(held.get())));
    });
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

// SAFETY: every call is handed on to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        // SAFETY: the caller keeps this function's contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-signed(layout.size()));
        // SAFETY: as above; the memory is of the same allocator.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(signed(new_size) - signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, new_size) }
    }
}

#[test]
fn what_is_freed_is_no_longer_held() {
    let before = held();
    most();
    let block = vec![0_u8; 1 << 20];
    assert!(held() - before >= 1 << 20);
    drop(block);
    assert!(held() - before < 1 << 10);
    assert!(most() - before >= 1 << 20);
}
