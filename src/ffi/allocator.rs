//! The allocator of the library.

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_void;
use std::ptr;

/// The allocator of the C library. `cbsvc_string_free` can return a string to it without its
/// length, which the application may have changed by writing a NUL; Rust's own allocators need the
/// length.
struct CAllocator;

#[global_allocator]
static ALLOCATOR: CAllocator = CAllocator;

/// What `malloc` aligns to on every supported system.
const MALLOC_ALIGN: usize = 2 * size_of::<usize>();

// SAFETY: the functions of the C library do not unwind, and return NULL or memory of at least the
// size and alignment of the layout, as explained for each.
unsafe impl GlobalAlloc for CAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= MALLOC_ALIGN {
            // SAFETY: `malloc` takes every size.
            return unsafe { libc::malloc(layout.size()) }.cast();
        }
        let mut memory = ptr::null_mut();
        // SAFETY: the alignment is a power of two and larger than a pointer, and `memory` is a
        // variable.
        match unsafe { libc::posix_memalign(&mut memory, layout.align(), layout.size()) } {
            0 => memory.cast(),
            _ => ptr::null_mut(),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= MALLOC_ALIGN {
            // SAFETY: `calloc` takes every size, and returns zeroed memory.
            return unsafe { libc::calloc(1, layout.size()) }.cast();
        }
        // SAFETY: the caller passes a layout that `alloc` takes.
        let memory = unsafe { self.alloc(layout) };
        if !memory.is_null() {
            // SAFETY: the memory is as long as the layout says.
            unsafe { memory.write_bytes(0, layout.size()) };
        }
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, _: Layout) {
        // SAFETY: the caller passes what this allocator returned: memory of `malloc`, `calloc`,
        // `realloc` or `posix_memalign`, all of which `free` takes.
        unsafe { libc::free(memory.cast()) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.align() <= MALLOC_ALIGN {
            // SAFETY: the caller passes what this allocator returned for the layout, which is
            // memory of `malloc`.
            return unsafe { libc::realloc(memory.cast(), size) }.cast();
        }
        // SAFETY: the caller passes a size that gives a valid layout with this alignment.
        let moved = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !moved.is_null() {
            // SAFETY: both are as long as the smaller of their sizes, and do not overlap.
            unsafe { ptr::copy_nonoverlapping(memory, moved, layout.size().min(size)) };
            // SAFETY: the caller passes what this allocator returned for the layout, and does not
            // use it any more.
            unsafe { self.dealloc(memory, layout) };
        }
        moved
    }
}

/// Frees memory of the library's allocator, whose size need not be known.
///
/// # Safety
/// `memory` is NULL, or the library has allocated it and does not use it any more.
pub unsafe fn free(memory: *mut c_void) {
    // SAFETY: all memory of the library's allocator is memory that the C library's `free` takes.
    unsafe { libc::free(memory) };
}
