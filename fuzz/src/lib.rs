//! What all targets share: an allocator that ends the run when somebody asks for more than any honest message
//! needs. A length field that is believed is found by it, whether or not the machine had the memory.

use std::alloc::{GlobalAlloc, Layout, System};

/// The largest message that is read whole has 4 MB, and a buffer grows by doubling.
const MOST: usize = 16 << 20;

struct Bounded;

fn check(bytes: usize) {
    if bytes > MOST {
        eprintln!("{bytes} bytes were asked for in one piece");
        std::process::abort();
    }
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        check(bytes);
        unsafe { System.realloc(pointer, layout, bytes) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static BOUNDED: Bounded = Bounded;
