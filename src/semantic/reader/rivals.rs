//! Dimensions that share a word or a value: what the metrics reach decides, else the asker must.

use super::build::Draft;

impl Draft<'_> {
    /// The dimension that a noun names. Where the metrics reach several, none is a safe guess.
    pub(super) fn settled(&mut self, at: usize) -> Option<usize> {
        let dims = self.sentence.term(at).map(|term| term.dims.clone()).unwrap_or_default();
        let reached = self.reached(&dims);
        match reached.as_slice() {
            [] => dims.first().copied(),
            [one] => Some(*one),
            [first, ..] => {
                self.must_choose(&reached);
                Some(*first)
            }
        }
    }

    /// Gives each value the dimension that the metrics reach. An order of dimensions in the model decides between
    /// several.
    pub(super) fn settle_values(&mut self) {
        if self.metrics.is_empty() {
            return;
        }
        let mut picks = std::mem::take(&mut self.picks);
        for pick in picks.iter_mut().filter(|pick| !pick.rivals.is_empty()) {
            let model = &self.lexicon().model;
            if model.value_priority.iter().any(|name| name == self.lexicon().dim_name(pick.dim)) {
                continue;
            }
            let all: Vec<usize> = std::iter::once(pick.dim).chain(pick.rivals.iter().copied()).collect();
            let reached = self.reached(&all);
            if !reached.is_empty() {
                for at in &pick.places {
                    let guess = format!("'{}' read as ", self.sentence.raw(*at));
                    self.sentence.assumptions.retain(|assumption| !assumption.starts_with(&guess));
                }
            }
            if let Some(dim) = reached.first().copied().filter(|dim| *dim != pick.dim) {
                pick.dim = dim;
                for (at, value) in pick.places.iter().zip(&pick.values) {
                    let name = self.lexicon().dim_name(dim).to_owned();
                    self.sentence.read(*at, format!("{name} = {}", value.trim()));
                }
            }
            if reached.len() > 1 {
                self.must_choose(&reached);
            }
        }
        self.picks = picks;
    }

    /// Those of some dimensions that all metrics reach, by the shortest ways only.
    fn reached(&self, dims: &[usize]) -> Vec<usize> {
        let lexicon = self.lexicon();
        let steps = |dim: usize| lexicon.dim_name(dim).matches("__").count();
        let reached =
            dims.iter().copied().filter(|dim| self.metrics.iter().all(|m| lexicon.reaches(*m, *dim)));
        let reached: Vec<usize> = reached.collect();
        let shortest = reached.iter().map(|dim| steps(*dim)).min();
        reached.into_iter().filter(|dim| Some(steps(*dim)) == shortest).collect()
    }

    fn must_choose(&mut self, dims: &[usize]) {
        let names: Vec<String> = dims.iter().map(|dim| self.lexicon().dim_name(*dim).to_owned()).collect();
        self.choices.get_or_insert_default().extend(names);
    }
}
