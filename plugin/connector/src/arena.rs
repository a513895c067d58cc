//! The component's allocator: a bump pointer with a list of free blocks per size.
//!
//! A call of the connector is a fresh memory, some hundred to some ten thousand small blocks, and an end. The standard library's allocator for
//! this target asks the host for memory with its first block and touches pages of its own to keep its books, which costs a fresh instance
//! more than the call itself. This one begins in the memory that the module has from its start (`--initial-memory`), keeps its books in the
//! free blocks, and takes about three instructions where a block of the size was freed before.
//!
//! Owns the sizes, the blocks and growth. Freed blocks are used again by blocks of the same size only, so memory stays bounded by what each
//! size had at its peak: an instance that lives on (a host may call one many times) does not grow from call to call. One thread: the
//! component has no others.

// An allocator hands out raw memory; that is what it is.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};

/// Blocks begin at multiples of this: what `v128`, the most demanding type of the target, asks for. Types that ask for more (there are none
/// here) get a block that is longer by as much.
const GRAIN: usize = 16;

/// Sizes in a doubling: 16, 20, 24, 28, 32, 40, 48, ... grains. No block is more than a quarter longer than what was asked for.
const STEPS: usize = 4;

/// Four sizes for the first doublings in single grains, and four for each doubling up to 2^32 bytes.
const SIZES: usize = STEPS * 28;

/// Where memory comes from.
pub(crate) trait Source {
    /// The first address that may be used, and the first that may not.
    fn room(&self) -> (usize, usize);
    /// Makes room up to `end` at least; the new end, or none.
    fn grow(&self, end: usize) -> Option<usize>;
}

pub(crate) struct Arena<S> {
    source: S,
    books: UnsafeCell<Books>,
}

struct Books {
    /// The first byte that was never handed out, and the end of the room. Equal to 0 before the first block.
    next: usize,
    end: usize,
    /// By size: the block that was freed last. Its first word leads to the one before.
    free: [Option<NonNull<Free>>; SIZES],
}

struct Free {
    before: Option<NonNull<Free>>,
}

// Never entered twice: the target has one thread and no interrupts, and the allocator calls nothing that allocates.
unsafe impl<S: Sync> Sync for Arena<S> {}

impl<S: Source> Arena<S> {
    pub(crate) const fn new(source: S) -> Self {
        Self { source, books: UnsafeCell::new(Books { next: 0, end: 0, free: [None; SIZES] }) }
    }

    /// A new block behind all others.
    #[cold]
    fn extend(&self, books: &mut Books, bytes: usize) -> Option<NonNull<u8>> {
        if books.end == 0 {
            let (start, end) = self.source.room();
            (books.next, books.end) = (start.next_multiple_of(GRAIN), end);
        }
        let end = books.next.checked_add(bytes)?;
        if end > books.end {
            books.end = self.source.grow(end)?;
        }
        let block = books.next;
        books.next = end;
        NonNull::new(ptr::with_exposed_provenance_mut(block))
    }
}

/// The number of the smallest size that holds so many bytes, and that size.
#[inline]
fn size(bytes: usize) -> (usize, usize) {
    let grains = bytes.div_ceil(GRAIN).max(1);
    // 1 to 4 grains are sizes of their own; from there on the two bits behind the leading one choose the step, rounded up.
    if grains <= STEPS {
        return (grains - 1, grains * GRAIN);
    }
    let doubling = (usize::BITS - 1 - (grains - 1).leading_zeros()) as usize;
    let step = (grains - 1) >> (doubling - 2);
    (STEPS * (doubling - 1) + (step & 3), (step + 1) << (doubling - 2) << 4)
}

/// Bytes of a block for the layout.
#[inline]
fn needed(layout: &Layout) -> usize {
    if layout.align() <= GRAIN { layout.size() } else { layout.size().saturating_add(layout.align()) }
}

unsafe impl<S: Source> GlobalAlloc for Arena<S> {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (number, bytes) = size(needed(&layout));
        // SAFETY: one thread, and no reference outlives the call.
        let books = unsafe { &mut *self.books.get() };
        let block = match books.free.get_mut(number) {
            Some(free) => match *free {
                Some(block) => {
                    // SAFETY: a block in the list is free, as long as its size says, and begins with a `Free`.
                    *free = unsafe { block.as_ref() }.before;
                    Some(block.cast())
                }
                None => self.extend(books, bytes),
            },
            None => None,
        };
        let Some(block) = block else { return ptr::null_mut() };
        let block: *mut u8 = block.as_ptr();
        if layout.align() <= GRAIN {
            block
        } else {
            // The block is longer by the alignment. `dealloc` finds its beginning in the word before.
            let aligned = block.wrapping_add(GRAIN).map_addr(|address| address.next_multiple_of(layout.align()));
            unsafe { aligned.cast::<*mut u8>().sub(1).write(block) };
            aligned
        }
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let (number, bytes) = size(needed(&layout));
        // SAFETY: as above; an over-aligned block has its beginning in the word before it.
        let block = if layout.align() <= GRAIN { block } else { unsafe { block.cast::<*mut u8>().sub(1).read() } };
        let books = unsafe { &mut *self.books.get() };
        if block.addr().wrapping_add(bytes) == books.next {
            books.next = block.addr();
            return;
        }
        if let (Some(free), Some(block)) = (books.free.get_mut(number), NonNull::new(block.cast::<Free>())) {
            // SAFETY: the block is nobody's any more, aligned to a grain and at least a grain long.
            unsafe { block.write(Free { before: *free }) };
            *free = Some(block);
        }
    }

    #[inline(never)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, wanted: usize) -> *mut u8 {
        let old = size(needed(&layout)).1;
        if layout.align() <= GRAIN {
            let new = size(wanted).1;
            if new == old {
                return block;
            }
            // SAFETY: one thread, and no reference outlives the call.
            let books = unsafe { &mut *self.books.get() };
            // The block behind all others, most often a text that is being written, grows where it stands.
            if block.addr().wrapping_add(old) == books.next
                && let Some(end) = block.addr().checked_add(new)
                && end <= books.end
            {
                books.next = end;
                return block;
            }
        }
        // SAFETY: the caller's promises on `layout` and `wanted`.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(wanted, layout.align()));
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(wanted));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_size_holds_what_was_asked_for_and_hardly_more() {
        let mut last = (0, 0);
        for bytes in (1..5_000).chain((13..31).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 1])) {
            let (number, room) = size(bytes);
            assert!(room >= bytes && number < SIZES, "{bytes}: {number}, {room}");
            assert!(room - bytes <= (bytes / 4).max(GRAIN), "{bytes} in {room}");
            assert_eq!(room % GRAIN, 0);
            // Two sizes are two numbers, and a number is one size.
            assert!(last.0 == 0 || (number == last.0) == (room == last.1), "{bytes}");
            assert!((number, room) >= last, "{bytes}");
            last = (number, room);
        }
    }

    /// 1 MiB that is there, and 16 more in steps.
    struct Slab(usize, UnsafeCell<usize>);
    unsafe impl Sync for Slab {}

    impl Slab {
        fn new() -> Self {
            let layout = Layout::from_size_align(17 << 20, 65_536).unwrap();
            // Never given back: it ends with the test.
            let start = unsafe { std::alloc::alloc(layout) }.expose_provenance();
            Self(start, UnsafeCell::new(start + (1 << 20)))
        }
    }

    impl Source for Slab {
        fn room(&self) -> (usize, usize) {
            (self.0 + 3, unsafe { *self.1.get() })
        }
        fn grow(&self, end: usize) -> Option<usize> {
            let end = end.next_multiple_of(65_536);
            (end <= self.0 + (17 << 20)).then(|| {
                unsafe { *self.1.get() = end };
                end
            })
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Take(usize, usize),
        Give(prop::sample::Index),
        Resize(prop::sample::Index, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let bytes = || prop_oneof![8 => 1..600_usize, 1 => 600..70_000_usize];
        prop_oneof![
            4 => (bytes(), 0..8_u32).prop_map(|(bytes, align)| Step::Take(bytes, 1 << align)),
            3 => any::<prop::sample::Index>().prop_map(Step::Give),
            2 => (any::<prop::sample::Index>(), bytes()).prop_map(|(index, bytes)| Step::Resize(index, bytes)),
        ]
    }

    proptest! {
        #[test]
        fn no_block_is_anybody_elses_and_what_was_written_stays(steps in prop::collection::vec(step(), 1..400)) {
            let arena = Arena::new(Slab::new());
            let mut held: Vec<(*mut u8, Layout, u8)> = Vec::new();
            let check = |(block, layout, mark): &(*mut u8, Layout, u8), bytes: usize| {
                let bytes = unsafe { std::slice::from_raw_parts(*block, bytes.min(layout.size())) };
                bytes.iter().all(|byte| byte == mark)
            };
            for (at, step) in steps.into_iter().enumerate() {
                let mark = at as u8;
                match step {
                    Step::Take(bytes, align) => {
                        let layout = Layout::from_size_align(bytes, align).unwrap();
                        let block = unsafe { arena.alloc(layout) };
                        prop_assert!(!block.is_null() && block.addr() % align == 0);
                        unsafe { block.write_bytes(mark, bytes) };
                        held.push((block, layout, mark));
                    }
                    Step::Give(index) if !held.is_empty() => {
                        let (block, layout, mark) = held.swap_remove(index.index(held.len()));
                        prop_assert!(check(&(block, layout, mark), usize::MAX));
                        unsafe { arena.dealloc(block, layout) };
                    }
                    Step::Resize(index, bytes) if !held.is_empty() => {
                        let place = index.index(held.len());
                        let (block, layout, old) = held[place];
                        let block = unsafe { arena.realloc(block, layout, bytes) };
                        prop_assert!(!block.is_null() && block.addr() % layout.align() == 0);
                        prop_assert!(check(&(block, layout, old), bytes));
                        unsafe { block.write_bytes(mark, bytes) };
                        held[place] = (block, Layout::from_size_align(bytes, layout.align()).unwrap(), mark);
                    }
                    Step::Give(_) | Step::Resize(..) => {}
                }
            }
            for block in &held {
                prop_assert!(check(block, usize::MAX));
            }
        }
    }

    #[test]
    fn the_same_work_again_takes_no_more_memory() {
        let arena = Arena::new(Slab::new());
        let work = || {
            let layouts: Vec<Layout> = (1..900).map(|n| Layout::from_size_align(n, 1 << (n % 5)).unwrap()).collect();
            let blocks: Vec<*mut u8> = layouts.iter().map(|layout| unsafe { arena.alloc(*layout) }).collect();
            for (block, layout) in blocks.iter().zip(&layouts) {
                unsafe { arena.dealloc(*block, *layout) };
            }
            unsafe { (*arena.books.get()).next }
        };
        let once = work();
        assert!((0..50).all(|_| work() == once));
    }

    #[test]
    fn what_does_not_fit_is_refused_and_the_rest_goes_on() {
        let arena = Arena::new(Slab::new());
        let take = |bytes| unsafe { arena.alloc(Layout::from_size_align(bytes, 8).unwrap()) };
        assert!(take(64 << 20).is_null());
        assert!(!take(1 << 20).is_null());
    }
}
