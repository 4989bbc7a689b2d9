//! Buffers that come back: a batch takes some megabytes, thousands are made, and memory that is new each time costs
//! more than filling it.

use arrow_buffer::{ArrowNativeType, Buffer};
use std::{collections::VecDeque, mem};

/// Batches are on their way one after another: this many at most are waited for, written or being made.
const MAX_BUFFERS: usize = 4;
/// A buffer with more than that held a value out of the ordinary.
const MAX_BUFFER_BYTES: usize = 4 << 20;

/// The buffers of a column that were handed over, oldest first. Each is filled again once nobody else holds it.
#[derive(Default)]
pub(super) struct Spare(VecDeque<Buffer>);

impl Spare {
    /// Hands over `full`, and leaves an empty vector in its place.
    pub(super) fn hand_over<T: ArrowNativeType>(&mut self, full: &mut Vec<T>) -> Buffer {
        let bytes = full.capacity() * size_of::<T>();
        let next = self.returned().unwrap_or_else(|| {
            let few = MAX_BUFFER_BYTES / size_of::<T>();
            Vec::with_capacity(full.capacity().min(few))
        });
        let buffer = Buffer::from_vec(mem::replace(full, next));
        if bytes <= MAX_BUFFER_BYTES && self.0.len() < MAX_BUFFERS {
            self.0.push_back(buffer.clone());
        }
        buffer
    }

    fn returned<T: ArrowNativeType>(&mut self) -> Option<Vec<T>> {
        match self.0.pop_front()?.into_vec() {
            Ok(mut returned) => {
                returned.clear();
                Some(returned)
            }
            Err(held) => {
                self.0.push_front(held);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_filled_again_when_nobody_holds_it() {
        let mut spare = Spare::default();
        let mut values: Vec<i32> = vec![1, 2, 3];
        let first = spare.hand_over(&mut values);
        let at = first.as_ptr();
        values.push(4);
        let second = spare.hand_over(&mut values);
        assert_eq!(first.typed_data::<i32>(), [1, 2, 3]);
        assert_ne!(second.as_ptr(), at);
        drop(first);
        spare.hand_over(&mut values);
        values.push(5);
        assert_eq!(values.as_ptr().cast(), at, "the first buffer has come back");
        assert_eq!(second.typed_data::<i32>(), [4]);
    }

    #[test]
    fn a_value_out_of_the_ordinary_is_not_kept() {
        let mut spare = Spare::default();
        let mut values = vec![0u8; MAX_BUFFER_BYTES + 1];
        drop(spare.hand_over(&mut values));
        assert!(spare.0.is_empty() && values.capacity() <= MAX_BUFFER_BYTES);
    }
}
