//! Finds an element in the join graph: which datasets are joined, many to one, to reach it.

use super::model::{Dim, Entity, EntityKind, FlowModel, Source};
use super::names::Item;
use crate::semantic::refusal::{Code, CompileError};

/// Longest way through the graph.
const MAX_HOPS: usize = 3;

/// Where an element is.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// Joins in order: the entity, and the dataset that it leads to.
    pub hops: Vec<(&'a str, &'a Source)>,
    /// The element.
    pub element: Element<'a>,
}

/// A field or a key.
#[derive(Clone, Copy, Debug)]
pub enum Element<'a> {
    /// A field.
    Dim(&'a Dim),
    /// A key.
    Entity(&'a Entity),
}

/// Finds an element from a dataset.
///
/// # Errors
/// `unknown_dimension`, `unreachable_dimension` or `ambiguous_path`.
pub fn locate<'a>(model: &'a FlowModel, from: &'a Source, item: &Item) -> Result<Found<'a>, CompileError> {
    let found = if item.path.is_empty() {
        bare(model, from, &item.name, None)
    } else if let ([dataset], true) = (item.path.as_slice(), model.short_names) {
        bare(model, from, &item.name, Some(dataset))
    } else {
        along(model, from, &item.path, &item.name, &[])
    };
    let shown = item.bare();
    let mut found = found;
    if found.is_empty() && !item.path.is_empty() && !model.short_names {
        found = below(model, from, item);
    }
    let nearest = found.iter().map(|way| way.hops.len()).min();
    found.retain(|way| Some(way.hops.len()) == nearest);
    match (found.len(), found.pop()) {
        (1, Some(way)) => Ok(way),
        (0, _) | (_, None) => Err(nowhere(model, from, item)),
        (_, Some(_)) => {
            let message = format!(
                "several ways of the same length lead from `{}` to `{shown}`; name the entities on the way",
                from.name
            );
            Err(CompileError::partial(Code::AmbiguousPath, message).naming(shown))
        }
    }
}

/// A path may leave out its beginning: what it names is then looked for behind one more entity.
fn below<'a>(model: &'a FlowModel, from: &'a Source, item: &Item) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    for entity in &from.entities {
        let path: Vec<String> = std::iter::once(&entity.name).chain(&item.path).cloned().collect();
        found.extend(along(model, from, &path, &item.name, &[]));
    }
    found.retain(|way| way.hops.len() <= 2);
    found
}

/// The whole path of an element whose path leaves out its beginning.
#[must_use]
pub fn whole_path(model: &FlowModel, from: &Source, item: &Item) -> Option<Vec<String>> {
    if model.short_names
        || item.path.is_empty()
        || !along(model, from, &item.path, &item.name, &[]).is_empty()
    {
        return None;
    }
    let found = locate(model, from, item).ok()?;
    Some(found.hops.iter().map(|(entity, _)| (*entity).to_owned()).collect())
}

fn nowhere(model: &FlowModel, from: &Source, item: &Item) -> CompileError {
    let shown = item.bare();
    let exists = model.sources.iter().any(|s| s.dim(&item.name).is_some() || s.entity(&item.name).is_some());
    if exists {
        let message = format!("`{shown}` cannot be joined to `{}` without multiplying its rows", from.name);
        return CompileError::partial(Code::UnreachableDimension, message).naming(shown);
    }
    let known = model.sources.iter().flat_map(|s| s.dims.iter().map(|dim| dim.name.as_str()));
    let suggestions = crate::semantic::fault::nearest(&item.name, known);
    CompileError::partial(Code::UnknownDimension, format!("there is no dimension `{shown}`"))
        .naming(shown)
        .suggesting(suggestions)
}

/// Whether a dataset can be joined under an entity without multiplying rows.
pub(super) fn joins(from: &Source, to: &Source, entity: &str) -> bool {
    let (Some(near), Some(far)) = (from.entity(entity), to.entity(entity)) else { return false };
    from.name != to.name
        && match far.kind {
            EntityKind::Primary | EntityKind::Unique => true,
            EntityKind::Natural => near.kind != EntityKind::Natural,
            EntityKind::Foreign => false,
        }
}

fn own<'a>(source: &'a Source, name: &str, under: &str) -> Option<Element<'a>> {
    let entity = || source.entity(name).filter(|entity| entity.name != under).map(Element::Entity);
    source.dim(name).map(Element::Dim).or_else(entity)
}

fn along<'a>(
    model: &'a FlowModel,
    from: &'a Source,
    path: &[String],
    name: &str,
    seen: &[&str],
) -> Vec<Found<'a>> {
    let Some((entity, rest)) = path.split_first() else { return Vec::new() };
    if seen.len() >= MAX_HOPS {
        return Vec::new();
    }
    if rest.is_empty()
        && from.is_under(entity)
        && let Some(element) = own(from, name, entity)
    {
        return vec![Found { hops: Vec::new(), element }];
    }
    let mut found = Vec::new();
    for to in model.sources.iter().filter(|to| joins(from, to, entity) && !seen.contains(&to.name.as_str())) {
        let Some(key) = to.entity(entity) else { continue };
        let first = (key.name.as_str(), to);
        if rest.is_empty() {
            found.extend(own(to, name, entity).map(|element| Found { hops: vec![first], element }));
            continue;
        }
        if rest.first().is_none_or(|next| to.entity(next).is_none()) {
            continue;
        }
        let mut seen = seen.to_vec();
        seen.push(&from.name);
        for way in along(model, to, rest, name, &seen) {
            let hops = std::iter::once(first).chain(way.hops).collect();
            found.push(Found { hops, element: way.element });
        }
    }
    found
}

/// The time that places the rows of a dataset: the first of its own, or that of the nearest dataset with one.
pub(super) fn nearest_time(model: &FlowModel, from: &Source) -> Option<String> {
    let mut front: Vec<(Vec<(&str, &Source)>, &Source)> = vec![(Vec::new(), from)];
    for _ in 0..=MAX_HOPS {
        let timed: Vec<&Dim> =
            front.iter().filter_map(|(_, at)| at.dims.iter().find(|dim| dim.grain.is_some())).collect();
        match timed.as_slice() {
            [] => {}
            [one] => return Some(one.name.clone()),
            _ => return None,
        }
        front = front.iter().flat_map(|(hops, at)| further(model, hops, at)).take(10_000).collect();
    }
    None
}

/// A name without a path: an entity of the dataset, or in models with short names the nearest field, of a
/// given dataset if there is one.
fn bare<'a>(model: &'a FlowModel, from: &'a Source, name: &str, of: Option<&str>) -> Vec<Found<'a>> {
    if let Some(entity) = from.entity(name).filter(|_| !model.short_names) {
        return vec![Found { hops: Vec::new(), element: Element::Entity(entity) }];
    }
    if !model.short_names {
        return Vec::new();
    }
    let mut found: Vec<Found<'a>> = Vec::new();
    let mut front: Vec<(Vec<(&'a str, &'a Source)>, &'a Source)> = vec![(Vec::new(), from)];
    for _ in 0..=MAX_HOPS {
        for (hops, at) in front.iter().filter(|(_, at)| of.is_none_or(|of| at.name.eq_ignore_ascii_case(of)))
        {
            let dim = at.dims.iter().find(|dim| dim.name.eq_ignore_ascii_case(name));
            found.extend(dim.map(|dim| Found { hops: hops.clone(), element: Element::Dim(dim) }));
        }
        if !found.is_empty() {
            break;
        }
        front = front.iter().flat_map(|(hops, at)| further(model, hops, at)).take(10_000).collect();
    }
    found
}

fn further<'a>(
    model: &'a FlowModel,
    hops: &[(&'a str, &'a Source)],
    at: &'a Source,
) -> Vec<(Vec<(&'a str, &'a Source)>, &'a Source)> {
    let mut next = Vec::new();
    for entity in &at.entities {
        for to in model.sources.iter().filter(|to| joins(at, to, &entity.name)) {
            if !hops.iter().any(|(_, seen)| seen.name == to.name) {
                let mut hops = hops.to_vec();
                hops.push((&entity.name, to));
                next.push((hops, to));
            }
        }
    }
    next
}
