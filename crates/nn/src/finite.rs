//! Where numbers stop being numbers.
use crate::tensors::Path;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

struct Search {
    path: Path,
    found: Option<String>,
}

impl ModuleVisitor for Search {
    fn enter_module(&mut self, name: &str, kind: &str) {
        self.path.enter(name, kind);
    }
    fn exit_module(&mut self, _: &str, kind: &str) {
        self.path.exit(kind);
    }
    fn visit_float<const D: usize>(&mut self, p: &Param<Tensor<D>>) {
        if self.found.is_none() && !is_finite(p.val()) {
            self.found = Some(self.path.name());
        }
    }
}

/// Whether no number of a tensor is infinite or NaN.
pub fn is_finite<const D: usize>(t: Tensor<D>) -> bool {
    let t = if t.is_autodiff() { t.inner() } else { t };
    crate::numbers(t).iter().all(|v| v.is_finite())
}

/// The name of a network's first parameter, in the order of its layers, that holds a number which is not finite.
pub fn first_not_finite<M: Module>(network: &M) -> Option<String> {
    let mut search = Search {
        path: Path::default(),
        found: None,
    };
    network.visit(&mut search);
    search.found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Init, Linear};
    use burn::tensor::Device;
    use menagerie_data::Key;

    #[test]
    fn the_first_parameter_by_its_name() {
        let init = Init::new(Key::new(1), &Device::flex());
        let mut layers = vec![Linear::of([2, 2]).init(&init), Linear::of([2, 2]).init(&init)];
        assert_eq!(first_not_finite(&layers), None);
        let bias = layers[1].bias.take().unwrap();
        layers[1].bias = Some(bias.map(|b| b * f32::NAN));
        let name = first_not_finite(&layers).unwrap();
        assert!(name.contains('1') && name.ends_with("bias"), "{name}");
    }
}
