//! Networks on other devices than their own, and the names of their arrays there.
use crate::tensors::Path;
use burn::backend::Capture;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use std::cell::RefCell;

thread_local!(static NAMES: RefCell<Option<Vec<(String, u64)>>> = const { RefCell::new(None) });

/// Runs `record` and gives, beside its result, the names of the arrays of the networks that [`on_device`] brought to a
/// recording device meanwhile, each with the number of the recorded tensor that it became.
pub fn recorded<T>(record: impl FnOnce() -> T) -> (T, Vec<(String, u64)>) {
    /// What was under way before goes on, however `record` ends.
    struct Outer(Option<Vec<(String, u64)>>);
    impl Drop for Outer {
        fn drop(&mut self) {
            NAMES.set(self.0.take());
        }
    }
    let _outer = Outer(NAMES.replace(Some(Vec::new())));
    let result = record();
    (result, NAMES.take().unwrap_or_default())
}

/// Whether [`recorded`] is under way: what is made of tensors now lives no longer than it.
pub fn is_recording() -> bool {
    NAMES.with_borrow(Option::is_some)
}

/// A network as it is to be used, on that device: without autodiff, in evaluation mode. `name` stands before the names of its
/// arrays.
pub fn on_device<M: Module>(network: M, name: &str, device: &Device) -> M {
    // Running statistics are shared between clones: those of the original must stay where they are.
    let network = network.valid().to_device(device);
    if !is_recording() {
        return network;
    }
    let mut visit = Visit {
        path: Path::default(),
        network: name,
        found: Vec::new(),
    };
    network.visit(&mut visit);
    NAMES.with_borrow_mut(|names| names.iter_mut().for_each(|n| n.append(&mut visit.found)));
    network
}

struct Visit<'a> {
    path: Path,
    network: &'a str,
    found: Vec<(String, u64)>,
}

impl ModuleVisitor for Visit<'_> {
    fn visit_float<const D: usize>(&mut self, p: &Param<Tensor<D>>) {
        if let Ok(t) = p.val().try_into_primitive::<Capture>() {
            let name = match self.network {
                "" => self.path.name(),
                network => format!("{network}.{}", self.path.name()),
            };
            self.found.push((name, t.id().value()));
        }
    }
    fn enter_module(&mut self, name: &str, kind: &str) {
        self.path.enter(name, kind);
    }
    fn exit_module(&mut self, _: &str, kind: &str) {
        self.path.exit(kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A recording that panics leaves no trace: what a network computes afterwards is not taken for a part of it.
    #[test]
    fn a_recording_ends_however_it_ends() {
        let failed = std::panic::catch_unwind(|| recorded(|| panic!("as a kernel would")));
        assert!(failed.is_err() && !is_recording());
        let (inner, names) = recorded(|| recorded(is_recording).0 && is_recording());
        assert!(inner && names.is_empty() && !is_recording());
    }
}
