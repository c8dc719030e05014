//! Values that are looked at again whenever something moved, and tell only when they are others.
//!
//! All of them stand on one type of memo: each further one would cost kilobytes of the first load.

use std::{any::Any, marker::PhantomData, sync::Arc};

use leptos::prelude::*;

/// A value made of signals; whoever reads it follows it, and is told when it changes.
pub struct Kept<T> {
    memo: Memo<Seen>,
    value: PhantomData<fn() -> T>,
}

impl<T> Copy for Kept<T> {}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        *self
    }
}

#[derive(Clone)]
struct Seen {
    value: Arc<dyn Any + Send + Sync>,
    is_same: fn(&dyn Any, &dyn Any) -> bool,
}

impl PartialEq for Seen {
    fn eq(&self, other: &Self) -> bool {
        (self.is_same)(&*self.value, &*other.value)
    }
}

/// What `read` gives, kept until it gives another.
pub fn kept<T: PartialEq + Send + Sync + 'static>(read: impl Fn() -> T + Send + Sync + 'static) -> Kept<T> {
    let is_same: fn(&dyn Any, &dyn Any) -> bool = |one, other| one.downcast_ref::<T>() == other.downcast_ref::<T>();
    let memo = remember(Box::new(move || Seen { value: Arc::new(read()), is_same }));
    Kept { memo, value: PhantomData }
}

fn remember(see: Box<dyn Fn() -> Seen + Send + Sync>) -> Memo<Seen> {
    Memo::new(move |_| see())
}

impl<T: Clone + 'static> Kept<T> {
    /// The value; followed.
    pub fn get(self) -> T {
        read(&self.memo.get())
    }

    /// The value, not followed.
    pub fn get_untracked(self) -> T {
        read(&self.memo.get_untracked())
    }
}

impl<T: 'static> Kept<T> {
    /// What `look` makes of the value; followed.
    pub fn with<R>(self, look: impl FnOnce(&T) -> R) -> R {
        look(of(&self.memo.get()))
    }
}

fn read<T: Clone + 'static>(seen: &Seen) -> T {
    of::<T>(seen).clone()
}

fn of<T: 'static>(seen: &Seen) -> &T {
    match seen.value.downcast_ref() {
        Some(value) => value,
        None => unreachable!("a kept value is of the type it was made with"),
    }
}
