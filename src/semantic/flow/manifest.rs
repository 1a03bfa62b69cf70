//! Reads MetricFlow: the manifest that `dbt parse` writes, and YAML with one or many objects per document.

use super::model::{
    Agg, Conversion, Dim, Entity, EntityKind, FlowModel, Grain, Input, Measure, Metric, MetricKind,
    PeriodAgg, Semi, Source, Spine, Unit, Window,
};
use super::words::words;
use serde_json::Value;
use std::collections::BTreeMap;

/// Why a model cannot be read.
pub type Wrong = String;

pub(super) fn text(value: &Value, key: &str) -> Option<String> {
    scalar(value.get(key)?)
}

pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

pub(super) fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or_default()
}

pub(super) fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn name(value: &Value, what: &str) -> Result<String, Wrong> {
    text(value, "name").ok_or_else(|| format!("a {what} has no name"))
}

/// Measures of all datasets by name, as metrics of the older shape refer to them.
type Measures = BTreeMap<String, Measure>;

/// Reads a manifest; YAML documents are first put together as one.
///
/// # Errors
/// What is missing or not understood.
pub fn manifest(root: &Value) -> Result<FlowModel, Wrong> {
    let mut model = FlowModel::default();
    let mut measures = Measures::new();
    let mut created = Vec::new();
    model.spines = spines(root.get("project_configuration").unwrap_or(&Value::Null));
    for source in list(root, "semantic_models") {
        model.sources.push(dataset(source)?);
        collect_measures(source, &mut measures, &mut created)?;
    }
    for metric in list(root, "metrics") {
        self::metric(&mut model, metric, &measures)?;
    }
    for measure in created {
        if model.metric(&measure).is_none()
            && let Some(known) = measures.get(&measure)
        {
            model.metrics.push(Metric::new(measure, MetricKind::Simple(known.clone())));
        }
    }
    for saved in list(root, "saved_queries") {
        model.saved.push((name(saved, "saved query")?, saved.clone()));
    }
    Ok(model)
}

fn relation(value: &Value) -> Vec<String> {
    let node = value.get("node_relation").unwrap_or(&Value::Null);
    let parts: Vec<String> =
        ["database", "schema_name", "alias"].iter().filter_map(|key| text(node, key)).collect();
    if !parts.is_empty() {
        return parts;
    }
    let whole = text(node, "relation_name").or_else(|| text(value, "model")).unwrap_or_default();
    let whole = whole.trim().trim_start_matches("ref(").trim_end_matches(')').replace(['\'', '"', '`'], "");
    whole.split('.').map(str::to_owned).collect()
}

fn spines(project: &Value) -> Vec<Spine> {
    let mut found: Vec<Spine> = list(project, "time_spines")
        .filter_map(|spine| {
            let primary = spine.get("primary_column")?;
            let custom = list(spine, "custom_granularities").filter_map(|custom| {
                let name = text(custom, "name")?;
                let column = text(custom, "column_name").unwrap_or_else(|| name.clone());
                Some((name, column))
            });
            Some(Spine {
                sql: None,
                table: relation(spine),
                column: text(primary, "name")?,
                unit: Unit::parse(&text(primary, "time_granularity")?)?,
                custom: custom.collect(),
            })
        })
        .collect();
    for old in list(project, "time_spine_table_configurations") {
        let unit = text(old, "grain").and_then(|grain| Unit::parse(&grain)).unwrap_or(Unit::Day);
        let (Some(table), Some(column)) = (text(old, "location"), text(old, "column_name")) else { continue };
        if !found.iter().any(|spine| spine.unit == unit) {
            let table = table.split('.').map(str::to_owned).collect();
            found.push(Spine { table, column, unit, custom: Vec::new(), sql: None });
        }
    }
    found
}

fn dataset(value: &Value) -> Result<Source, Wrong> {
    let mut source =
        Source { name: name(value, "semantic model")?, table: relation(value), ..Source::default() };
    source.words = words(value);
    source.primary_entity = text(value, "primary_entity");
    source.default_time = value.get("defaults").and_then(|defaults| text(defaults, "agg_time_dimension"));
    for entity in list(value, "entities") {
        let name = name(entity, "entity")?;
        let kind = match text(entity, "type").unwrap_or_default().to_lowercase().as_str() {
            "primary" => EntityKind::Primary,
            "unique" => EntityKind::Unique,
            "natural" => EntityKind::Natural,
            "foreign" => EntityKind::Foreign,
            other => return Err(format!("entity `{name}` has the type `{other}`, which is not known")),
        };
        let expr = text(entity, "expr").unwrap_or_else(|| name.clone());
        source.entities.push(Entity { name, kind, exprs: vec![expr] });
    }
    for dim in list(value, "dimensions") {
        source.dims.push(field(dim)?);
    }
    Ok(source)
}

fn field(value: &Value) -> Result<Dim, Wrong> {
    let name = name(value, "dimension")?;
    let params = value.get("type_params").unwrap_or(&Value::Null);
    let validity = params.get("validity_params").unwrap_or(&Value::Null);
    let is_time = text(value, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("time"));
    let grain = text(params, "time_granularity").and_then(|grain| Unit::parse(&grain));
    Ok(Dim {
        expr: text(value, "expr").unwrap_or_else(|| name.clone()),
        grain: if is_time { Some(grain.unwrap_or(Unit::Day)) } else { None },
        partition: flag(value, "is_partition"),
        valid_from: flag(validity, "is_start"),
        valid_to: flag(validity, "is_end"),
        words: words(value),
        name,
        ..Dim::default()
    })
}

fn collect_measures(value: &Value, into: &mut Measures, created: &mut Vec<String>) -> Result<(), Wrong> {
    let source = name(value, "semantic model")?;
    for measure in list(value, "measures") {
        let name = name(measure, "measure")?;
        let expr = text(measure, "expr").unwrap_or_else(|| name.clone());
        let default = value.get("defaults").and_then(|defaults| text(defaults, "agg_time_dimension"));
        if flag(measure, "create_metric") {
            created.push(name.clone());
        }
        let read = measure_of(measure, source.clone(), expr, default)?;
        into.insert(name, read);
    }
    Ok(())
}

fn measure_of(
    value: &Value,
    source: String,
    expr: String,
    default: Option<String>,
) -> Result<Measure, Wrong> {
    let params = value.get("agg_params").unwrap_or(&Value::Null);
    let semi = value.get("non_additive_dimension").filter(|semi| semi.is_object()).and_then(|semi| {
        Some(Semi {
            dim: text(semi, "name")?,
            last: text(semi, "window_choice").is_some_and(|choice| choice.eq_ignore_ascii_case("max")),
            groupings: list(semi, "window_groupings").filter_map(scalar).collect(),
        })
    });
    let at = params.get("percentile").and_then(Value::as_f64);
    let agg = match text(value, "agg").unwrap_or_default().to_lowercase().as_str() {
        "sum" => Agg::Sum,
        "average" | "avg" => Agg::Avg,
        "min" => Agg::Min,
        "max" => Agg::Max,
        "count" => Agg::Count,
        "count_distinct" => Agg::CountDistinct,
        "sum_boolean" => Agg::SumBoolean,
        "median" => Agg::Percentile { at: 0.5, discrete: false },
        "percentile" => {
            let at = at.ok_or("a percentile does not say which")?;
            Agg::Percentile { at, discrete: flag(params, "use_discrete_percentile") }
        }
        other => return Err(format!("the aggregate `{other}` is not known")),
    };
    let time = text(value, "agg_time_dimension").or(default);
    Ok(Measure { source, agg, expr, time, semi })
}

/// Conditions in any of their spellings: text, a list, or under `where_filters`.
pub(super) fn filters(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => items.iter().flat_map(|item| filters(Some(item))).collect(),
        Some(object @ Value::Object(_)) => {
            let own = text(object, "where_sql_template").into_iter();
            own.chain(filters(object.get("where_filters"))).collect()
        }
        _ => Vec::new(),
    }
}

fn window(model: &FlowModel, value: Option<&Value>) -> Result<Option<Window>, Wrong> {
    let (count, unit) = match value {
        Some(Value::String(text)) => {
            let mut words = text.split_whitespace();
            (words.next().and_then(|word| word.parse().ok()), words.next().map(str::to_owned))
        }
        Some(object @ Value::Object(_)) => {
            let count =
                object.get("count").and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok());
            (count, text(object, "granularity"))
        }
        _ => return Ok(None),
    };
    let unit = unit.and_then(|unit| grain_of(model, &unit));
    let (Some(count), Some(grain)) = (count, unit) else {
        return Err(format!("`{}` is not a length of time", value.unwrap_or(&Value::Null)));
    };
    Ok(Some(Window { count, grain }))
}

fn grain_of(model: &FlowModel, name: &str) -> Option<Grain> {
    let name = name.trim().to_lowercase();
    model
        .grain(&name)
        .or_else(|| model.grain(name.strip_suffix('s').unwrap_or(&name)))
        .or_else(|| Unit::parse(&name).map(Grain::Unit))
}

fn input(model: &FlowModel, value: &Value) -> Result<Input, Wrong> {
    if let Value::String(metric) = value {
        return Ok(Input { metric: metric.clone(), ..Input::default() });
    }
    let to_grain = text(value, "offset_to_grain").and_then(|grain| grain_of(model, &grain));
    Ok(Input {
        metric: name(value, "metric input")?,
        alias: text(value, "alias"),
        filters: filters(value.get("filter")),
        offset: window(model, value.get("offset_window"))?,
        to_grain,
    })
}

/// An input that names a metric, or in the older shape a measure; a measure becomes a metric of its own.
fn metric_or_measure(
    model: &mut FlowModel,
    params: &Value,
    keys: (&str, &str),
    measures: &Measures,
    owner: &str,
) -> Result<Input, Wrong> {
    if let Some(metric) = params.get(keys.0).filter(|value| !value.is_null()) {
        return input(model, metric);
    }
    let value = params.get(keys.1).ok_or_else(|| format!("metric `{owner}` has no input"))?;
    let measure = scalar(value).or_else(|| text(value, "name")).unwrap_or_default();
    let known = measures.get(&measure).ok_or_else(|| format!("there is no measure `{measure}`"))?;
    let mut metric = Metric::new(format!("{owner}.{}", keys.1), MetricKind::Simple(known.clone()));
    metric.inner = true;
    metric.filters = filters(value.get("filter"));
    metric.fill = text(value, "fill_nulls_with");
    metric.spine = flag(value, "join_to_timespine");
    let input = Input { metric: metric.name.clone(), ..Input::default() };
    model.metrics.push(metric);
    Ok(input)
}

fn metric(model: &mut FlowModel, value: &Value, measures: &Measures) -> Result<(), Wrong> {
    let name = name(value, "metric")?;
    let params = value.get("type_params").unwrap_or(&Value::Null);
    let kind = match text(value, "type").unwrap_or_default().to_lowercase().as_str() {
        "simple" => MetricKind::Simple(simple(params, measures, &name, model)?),
        "ratio" => MetricKind::Ratio {
            numerator: input(model, params.get("numerator").ok_or("a ratio has no numerator")?)?,
            denominator: input(model, params.get("denominator").ok_or("a ratio has no denominator")?)?,
        },
        "derived" => MetricKind::Derived {
            expr: text(params, "expr").ok_or_else(|| format!("metric `{name}` has no expr"))?,
            inputs: list(params, "metrics").map(|value| input(model, value)).collect::<Result<_, _>>()?,
        },
        "cumulative" => cumulative(model, params, measures, &name)?,
        "conversion" => conversion(model, params, measures, &name)?,
        other => return Err(format!("metric `{name}` has the type `{other}`, which is not known")),
    };
    let measure = params.get("measure").unwrap_or(&Value::Null);
    let mut conditions = filters(value.get("filter"));
    let mut read = Metric::new(name, kind);
    if matches!(read.kind, MetricKind::Simple(_)) {
        let more = filters(measure.get("filter"));
        conditions.extend(more.into_iter().filter(|new| !conditions.contains(new)).collect::<Vec<_>>());
        read.fill = text(params, "fill_nulls_with").or_else(|| text(measure, "fill_nulls_with"));
        read.spine = flag(params, "join_to_timespine") || flag(measure, "join_to_timespine");
    }
    read.filters = conditions;
    read.words = words(value);
    read.grain = text(value, "time_granularity").and_then(|grain| Unit::parse(&grain));
    model.metrics.push(read);
    Ok(())
}

fn simple(params: &Value, measures: &Measures, name: &str, model: &FlowModel) -> Result<Measure, Wrong> {
    let named = params.get("measure").and_then(|value| scalar(value).or_else(|| text(value, "name")));
    let Some(own) = params.get("metric_aggregation_params").filter(|own| own.is_object()) else {
        let named = named.unwrap_or_else(|| name.to_owned());
        return measures.get(&named).cloned().ok_or_else(|| format!("there is no measure `{named}`"));
    };
    let source = text(own, "semantic_model").ok_or_else(|| format!("metric `{name}` has no dataset"))?;
    let default = model.source(&source).and_then(|source| source.default_time.clone());
    let expr = text(params, "expr").or(named).unwrap_or_else(|| name.to_owned());
    measure_of(own, source, expr, default)
}

fn cumulative(
    model: &mut FlowModel,
    params: &Value,
    measures: &Measures,
    name: &str,
) -> Result<MetricKind, Wrong> {
    let own = params.get("cumulative_type_params").unwrap_or(&Value::Null);
    let either = |key: &str| own.get(key).filter(|v| !v.is_null()).or_else(|| params.get(key)).cloned();
    let inner = own.get("metric").filter(|metric| !metric.is_null());
    let input = match inner {
        Some(metric) => input(model, metric)?,
        None => metric_or_measure(model, params, ("metric", "measure"), measures, name)?,
    };
    let to_date = either("grain_to_date").as_ref().and_then(scalar).and_then(|grain| grain_of(model, &grain));
    let period = match text(own, "period_agg").unwrap_or_default().to_lowercase().as_str() {
        "last" => PeriodAgg::Last,
        "average" => PeriodAgg::Average,
        _ => PeriodAgg::First,
    };
    Ok(MetricKind::Cumulative { input, window: window(model, either("window").as_ref())?, to_date, period })
}

fn conversion(
    model: &mut FlowModel,
    params: &Value,
    measures: &Measures,
    name: &str,
) -> Result<MetricKind, Wrong> {
    let own = params.get("conversion_type_params").unwrap_or(&Value::Null);
    let constant = list(own, "constant_properties")
        .filter_map(|pair| Some((text(pair, "base_property")?, text(pair, "conversion_property")?)));
    let constant = constant.collect();
    let base = metric_or_measure(model, own, ("base_metric", "base_measure"), measures, name)?;
    let event = metric_or_measure(model, own, ("conversion_metric", "conversion_measure"), measures, name)?;
    let entity = text(own, "entity").ok_or_else(|| format!("metric `{name}` has no entity"))?;
    let rate = text(own, "calculation").is_none_or(|calculation| calculation != "conversions");
    let window = window(model, own.get("window"))?;
    Ok(MetricKind::Conversion(Box::new(Conversion { base, event, entity, window, constant, rate })))
}
