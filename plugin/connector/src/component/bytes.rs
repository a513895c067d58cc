//! Copying, filling and comparing bytes, as the built module does it everywhere.
//!
//! Rendering texts is copying short pieces. The target's instructions for that (`memory.copy`, `memory.fill`) are a call out of the sandbox for
//! the engine, which costs more than most pieces; and the compiler's own `memcmp` compares byte by byte. These take 16 bytes at a time, and
//! pieces of up to 32 without a loop. `memcmp` and `bcmp` replace the compiler's by their name. `memory_copy` and `memory_fill` are called
//! wherever the compiler wrote one of the two instructions: the build puts the calls there (`xtask/src/module.rs`), in the standard library's
//! code too, which comes compiled.
//!
//! Owns the four functions. Never called by name from Rust.

// These are the functions that slices are copied with; they cannot be made of slices.
#![allow(unsafe_code)]

use core::arch::wasm32::{i8x16_splat, v128, v128_load, v128_store};

/// Copies `count` bytes, whichever way they overlap: everything is read before anything is written.
///
/// # Safety
/// Both ends are valid for `count` bytes, and `count` is at most 32.
#[inline(always)]
unsafe fn copy_short(to: *mut u8, from: *const u8, count: usize) {
    /// The first and the last `T` of the piece, which overlap in the middle.
    #[inline(always)]
    unsafe fn ends<T>(to: *mut u8, from: *const u8, count: usize) {
        unsafe {
            let first = from.cast::<T>().read_unaligned();
            let last = from.add(count - size_of::<T>()).cast::<T>().read_unaligned();
            to.cast::<T>().write_unaligned(first);
            to.add(count - size_of::<T>()).cast::<T>().write_unaligned(last);
        }
    }
    unsafe {
        match count {
            16.. => {
                let first = v128_load(from.cast());
                let last = v128_load(from.add(count - 16).cast());
                v128_store(to.cast(), first);
                v128_store(to.add(count - 16).cast(), last);
            }
            8..16 => ends::<u64>(to, from, count),
            4..8 => ends::<u32>(to, from, count),
            2..4 => ends::<u16>(to, from, count),
            1 => to.write(from.read()),
            0 => {}
        }
    }
}

/// # Safety
/// That of C's `memmove`, which is the instruction's.
#[unsafe(no_mangle)]
unsafe extern "C" fn memory_copy(to: *mut u8, from: *const u8, count: usize) {
    unsafe {
        if count <= 32 {
            copy_short(to, from, count);
        } else if to.addr().wrapping_sub(from.addr()) >= count {
            // `to` lies before `from`, or they do not touch: upwards, nothing is overwritten before it was read, but for the end.
            let last = v128_load(from.add(count - 16).cast());
            let mut done = 0;
            // Each turn of a loop looks at the engine's clock: four at a time.
            while done + 64 < count {
                let four = [0, 16, 32, 48].map(|at| v128_load(from.add(done + at).cast()));
                v128_store(to.add(done).cast(), four[0]);
                v128_store(to.add(done + 16).cast(), four[1]);
                v128_store(to.add(done + 32).cast(), four[2]);
                v128_store(to.add(done + 48).cast(), four[3]);
                done += 64;
            }
            while done < count - 16 {
                v128_store(to.add(done).cast(), v128_load(from.add(done).cast()));
                done += 16;
            }
            v128_store(to.add(count - 16).cast(), last);
        } else {
            let first = v128_load(from.cast());
            let mut left = count;
            while left > 16 {
                left -= 16;
                v128_store(to.add(left).cast(), v128_load(from.add(left).cast()));
            }
            v128_store(to.cast(), first);
        }
    }
}

/// # Safety
/// That of C's `memset`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memory_fill(to: *mut u8, byte: i32, count: usize) {
    // The instruction takes a number of which the low eight bits count.
    let byte = byte as u8;
    unsafe {
        if count < 16 {
            // Volatile, or the compiler would see a `memset` in it.
            for at in 0..count {
                to.add(at).write_volatile(byte);
            }
            return;
        }
        let sixteen: v128 = i8x16_splat(byte as i8);
        let mut done = 0;
        while done < count - 16 {
            v128_store(to.add(done).cast(), sixteen);
            done += 16;
        }
        v128_store(to.add(count - 16).cast(), sixteen);
    }
}

/// # Safety
/// That of C's `memcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    let mut at = 0;
    unsafe {
        while at + 8 <= count {
            let (l, r) = (left.add(at).cast::<u64>().read_unaligned(), right.add(at).cast::<u64>().read_unaligned());
            if l != r {
                // The first byte decides, so it must be the most significant one.
                return if l.swap_bytes() < r.swap_bytes() { -1 } else { 1 };
            }
            at += 8;
        }
        while at < count {
            let (l, r) = (left.add(at).read(), right.add(at).read());
            if l != r {
                return i32::from(l) - i32::from(r);
            }
            at += 1;
        }
    }
    0
}

/// # Safety
/// That of C's `bcmp`.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    #[inline(always)]
    unsafe fn differ<T: PartialEq>(left: *const u8, right: *const u8, count: usize) -> bool {
        unsafe {
            let last = count - size_of::<T>();
            (left.cast::<T>().read_unaligned() != right.cast::<T>().read_unaligned())
                | (left.add(last).cast::<T>().read_unaligned() != right.add(last).cast::<T>().read_unaligned())
        }
    }
    unsafe {
        i32::from(match count {
            0 => false,
            1 => left.read() != right.read(),
            2..4 => differ::<u16>(left, right, count),
            4..8 => differ::<u32>(left, right, count),
            8..=16 => differ::<u64>(left, right, count),
            _ => {
                let mut at = 0;
                while at + 8 < count {
                    if left.add(at).cast::<u64>().read_unaligned() != right.add(at).cast::<u64>().read_unaligned() {
                        return 1;
                    }
                    at += 8;
                }
                differ::<u64>(left.add(count - 8), right.add(count - 8), 8)
            }
        })
    }
}
