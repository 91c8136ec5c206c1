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
        // SAFETY: the alignment is a power of two and larger than a pointer.
        unsafe { aligned::allocate(layout) }
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

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if layout.align() <= MALLOC_ALIGN {
            // SAFETY: the caller passes what this allocator returned for the layout, which is
            // memory of `malloc`, `calloc` or `realloc`.
            return unsafe { libc::free(memory.cast()) };
        }
        // SAFETY: the caller passes what this allocator returned for the layout.
        unsafe { aligned::free(memory) }
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

/// Memory that is aligned to more than that of `malloc`.
#[cfg(unix)]
mod aligned {
    use std::alloc::Layout;
    use std::ptr;

    /// # Safety
    /// The layout is aligned to more than a pointer.
    pub unsafe fn allocate(layout: Layout) -> *mut u8 {
        let mut memory = ptr::null_mut();
        // SAFETY: the alignment is a power of two and larger than a pointer, and `memory` is a
        // variable.
        match unsafe { libc::posix_memalign(&mut memory, layout.align(), layout.size()) } {
            0 => memory.cast(),
            _ => ptr::null_mut(),
        }
    }

    /// # Safety
    /// `memory` came from `allocate` and is not used any more.
    pub unsafe fn free(memory: *mut u8) {
        // SAFETY: `free` takes the memory of `posix_memalign`.
        unsafe { libc::free(memory.cast()) }
    }
}

/// Memory that is aligned to more than that of `malloc`.
#[cfg(windows)]
mod aligned {
    use std::alloc::Layout;

    /// # Safety
    /// The layout is aligned to more than a pointer.
    pub unsafe fn allocate(layout: Layout) -> *mut u8 {
        // SAFETY: the alignment is a power of two.
        unsafe { libc::aligned_malloc(layout.size(), layout.align()) }.cast()
    }

    /// # Safety
    /// `memory` came from `allocate` and is not used any more.
    pub unsafe fn free(memory: *mut u8) {
        // SAFETY: this function's own condition.
        unsafe { libc::aligned_free(memory.cast()) }
    }
}

/// Frees a string of the library, whose length need not be known.
///
/// # Safety
/// `memory` is NULL, or a string that the library has allocated and does not use any more.
pub unsafe fn free(memory: *mut c_void) {
    // SAFETY: bytes need no alignment, so that the string is memory of `malloc`.
    unsafe { libc::free(memory) };
}
