//! What a document says and the model does not use: kept, so that nothing is lost, and listed, so that nobody
//! believes that it has an effect.

use super::detect::Format;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Something that is kept and has no effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The way to it: keys, and for the items of lists their names, or numbers from 0 where they have none.
    pub at: Vec<String>,
    /// What is there.
    pub value: Value,
}

impl Kept {
    /// The way to it as people read it.
    #[must_use]
    pub fn path(&self) -> String {
        self.at.join(".")
    }
}

/// Keys that are used; `*` is any item of a list, `**` is everything below.
const METRICFLOW: &[&str] = &[
    "semantic_models/*/name",
    "semantic_models/*/label",
    "semantic_models/*/description",
    "semantic_models/*/primary_entity",
    "semantic_models/*/model",
    "semantic_models/*/node_relation/**",
    "semantic_models/*/defaults/agg_time_dimension",
    "semantic_models/*/config/meta/synonyms/**",
    "semantic_models/*/entities/*/name",
    "semantic_models/*/entities/*/type",
    "semantic_models/*/entities/*/expr",
    "semantic_models/*/dimensions/*/name",
    "semantic_models/*/dimensions/*/label",
    "semantic_models/*/dimensions/*/description",
    "semantic_models/*/dimensions/*/type",
    "semantic_models/*/dimensions/*/expr",
    "semantic_models/*/dimensions/*/is_partition",
    "semantic_models/*/dimensions/*/config/meta/synonyms/**",
    "semantic_models/*/dimensions/*/type_params/time_granularity",
    "semantic_models/*/dimensions/*/type_params/validity_params/**",
    "semantic_models/*/measures/*/name",
    "semantic_models/*/measures/*/agg",
    "semantic_models/*/measures/*/expr",
    "semantic_models/*/measures/*/create_metric",
    "semantic_models/*/measures/*/agg_time_dimension",
    "semantic_models/*/measures/*/agg_params/percentile",
    "semantic_models/*/measures/*/agg_params/use_discrete_percentile",
    "semantic_models/*/measures/*/non_additive_dimension/**",
    "metrics/*/name",
    "metrics/*/label",
    "metrics/*/description",
    "metrics/*/type",
    "metrics/*/filter/**",
    "metrics/*/time_granularity",
    "metrics/*/config/meta/synonyms/**",
    "metrics/*/type_params/expr",
    "metrics/*/type_params/measure/**",
    // Written by the manifest from the others.
    "metrics/*/type_params/input_measures/**",
    "metrics/*/type_params/fill_nulls_with",
    "metrics/*/type_params/join_to_timespine",
    "metrics/*/type_params/numerator/**",
    "metrics/*/type_params/denominator/**",
    "metrics/*/type_params/metrics/**",
    "metrics/*/type_params/window/**",
    "metrics/*/type_params/grain_to_date",
    "metrics/*/type_params/cumulative_type_params/**",
    "metrics/*/type_params/conversion_type_params/**",
    "metrics/*/type_params/metric_aggregation_params/semantic_model",
    "metrics/*/type_params/metric_aggregation_params/agg",
    "metrics/*/type_params/metric_aggregation_params/agg_time_dimension",
    "metrics/*/type_params/metric_aggregation_params/agg_params/percentile",
    "metrics/*/type_params/metric_aggregation_params/agg_params/use_discrete_percentile",
    "metrics/*/type_params/metric_aggregation_params/non_additive_dimension/**",
    "saved_queries/**",
    "project_configuration/time_spines/*/node_relation/**",
    "project_configuration/time_spines/*/primary_column/**",
    "project_configuration/time_spines/*/custom_granularities/*/name",
    "project_configuration/time_spines/*/custom_granularities/*/column_name",
    "project_configuration/time_spine_table_configurations/**",
];

const SNOWFLAKE: &[&str] = &[
    "name",
    "description",
    "custom_instructions",
    "tables/*/name",
    "tables/*/synonyms/**",
    "tables/*/description",
    "tables/*/primary_key/columns/**",
    "tables/*/base_table/database",
    "tables/*/base_table/schema",
    "tables/*/base_table/table",
    "tables/*/dimensions/*/name",
    "tables/*/dimensions/*/synonyms/**",
    "tables/*/dimensions/*/description",
    "tables/*/dimensions/*/expr",
    "tables/*/dimensions/*/data_type",
    "tables/*/dimensions/*/sample_values/**",
    "tables/*/time_dimensions/*/name",
    "tables/*/time_dimensions/*/synonyms/**",
    "tables/*/time_dimensions/*/description",
    "tables/*/time_dimensions/*/expr",
    "tables/*/time_dimensions/*/data_type",
    "tables/*/facts/*/name",
    "tables/*/facts/*/description",
    "tables/*/facts/*/expr",
    "tables/*/facts/*/data_type",
    "tables/*/measures/*/name",
    "tables/*/measures/*/description",
    "tables/*/measures/*/expr",
    "tables/*/measures/*/data_type",
    "tables/*/metrics/*/name",
    "tables/*/metrics/*/synonyms/**",
    "tables/*/metrics/*/description",
    "tables/*/metrics/*/expr",
    "metrics/*/name",
    "metrics/*/synonyms/**",
    "metrics/*/description",
    "metrics/*/expr",
    "relationships/*/name",
    "relationships/*/left_table",
    "relationships/*/right_table",
    "relationships/*/relationship_columns/**",
    "verified_queries/*/name",
    "verified_queries/*/question",
    "verified_queries/*/sql",
    "verified_queries/*/verified_at",
    "verified_queries/*/verified_by",
];

const OSI: &[&str] = &[
    "semantic_model/*/name",
    "semantic_model/*/description",
    "semantic_model/*/ai_context/synonyms/**",
    "semantic_model/*/ai_context/instructions",
    "semantic_model/*/datasets/*/name",
    "semantic_model/*/datasets/*/source",
    "semantic_model/*/datasets/*/primary_key/**",
    "semantic_model/*/datasets/*/description",
    "semantic_model/*/datasets/*/ai_context/synonyms/**",
    "semantic_model/*/datasets/*/fields/*/name",
    "semantic_model/*/datasets/*/fields/*/label",
    "semantic_model/*/datasets/*/fields/*/description",
    "semantic_model/*/datasets/*/fields/*/dimension/is_time",
    "semantic_model/*/datasets/*/fields/*/ai_context/synonyms/**",
    "semantic_model/*/relationships/*/name",
    "semantic_model/*/relationships/*/from",
    "semantic_model/*/relationships/*/to",
    "semantic_model/*/relationships/*/from_columns/**",
    "semantic_model/*/relationships/*/to_columns/**",
    "semantic_model/*/metrics/*/name",
    "semantic_model/*/metrics/*/label",
    "semantic_model/*/metrics/*/description",
    "semantic_model/*/metrics/*/ai_context/synonyms/**",
];

/// Everything in a document of a format that has no effect.
#[must_use]
pub fn kept(format: Format, document: &Value) -> Vec<Kept> {
    let known = match format {
        Format::MetricFlow => METRICFLOW,
        Format::Snowflake => SNOWFLAKE,
        Format::Osi => OSI,
    };
    let mut walk = Walk { known, at: Vec::new(), pattern: Vec::new(), found: Vec::new() };
    walk.value(document);
    walk.found
}

struct Walk {
    known: &'static [&'static str],
    at: Vec<String>,
    pattern: Vec<String>,
    found: Vec<Kept>,
}

impl Walk {
    fn value(&mut self, value: &Value) {
        let here = self.pattern.join("/");
        let used = self.known.iter().any(|known| match known.strip_suffix("/**") {
            Some(above) => here == above || here.starts_with(&format!("{above}/")),
            None => here == *known,
        });
        // The expression of the dialect that is read.
        if used || self.pattern.last().is_some_and(|last| last == "dialects") && self.only_ansi(value) {
            return;
        }
        let inside = here.is_empty()
            || self.pattern.last().is_some_and(|last| last == "expression" || last == "dialects")
            || self.known.iter().any(|known| known.starts_with(&format!("{here}/")));
        match value {
            _ if !inside => self.found.push(Kept { at: self.at.clone(), value: value.clone() }),
            Value::Object(all) => {
                for (key, inner) in all.iter().filter(|(_, inner)| !is_nothing(inner)) {
                    self.step(key.clone(), key.clone(), inner);
                }
            }
            Value::Array(items) => {
                for (number, inner) in items.iter().enumerate().filter(|(_, inner)| !is_ansi(inner)) {
                    let name = inner.get("name").and_then(Value::as_str);
                    self.step(name.map_or_else(|| number.to_string(), str::to_owned), "*".to_owned(), inner);
                }
            }
            _ => self.found.push(Kept { at: self.at.clone(), value: value.clone() }),
        }
    }

    fn step(&mut self, at: String, pattern: String, value: &Value) {
        self.at.push(at);
        self.pattern.push(pattern);
        self.value(value);
        self.at.pop();
        self.pattern.pop();
    }

    fn only_ansi(&self, value: &Value) -> bool {
        value.as_array().is_some_and(|items| items.iter().all(is_ansi))
    }
}

fn is_ansi(value: &Value) -> bool {
    value.get("dialect").and_then(Value::as_str) == Some("ANSI_SQL")
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(all) => all.is_empty(),
        _ => false,
    }
}

/// Puts what was kept back to where it was.
pub fn put_back(document: &mut Value, kept: &[Kept]) {
    for one in kept {
        put(document, &one.at, &one.value);
    }
}

fn put(place: &mut Value, at: &[String], value: &Value) {
    let Some((step, rest)) = at.split_first() else {
        *place = value.clone();
        return;
    };
    if let Value::Array(items) = place {
        let named = items.iter().position(|item| item.get("name").and_then(Value::as_str) == Some(step));
        let number = named.or_else(|| step.parse().ok()).unwrap_or(items.len()).min(items.len());
        if rest.is_empty() || number == items.len() {
            items.insert(number, Value::Null);
        }
        if let Some(item) = items.get_mut(number) {
            put(item, rest, value);
        }
        return;
    }
    if !place.is_object() {
        *place = Value::Object(Map::new());
    }
    if let Some(object) = place.as_object_mut() {
        put(object.entry(step.clone()).or_insert(Value::Null), rest, value);
    }
}
