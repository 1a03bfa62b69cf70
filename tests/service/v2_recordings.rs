//! Reading recordings of version 2, and what of an answer counts: ids by their first appearance, no times.

use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::path::Path;

/// One exchange.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    pub(super) note: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    /// Frames of a socket, and whether we sent them.
    pub(super) frames: Vec<(bool, String)>,
    status: u16,
    kind: String,
    answer: String,
}

impl Exchange {
    /// What counts of the recorded answer.
    pub(super) fn answer(&self) -> Vec<String> {
        if self.frames.is_empty() {
            return normal(self.status, &self.kind, &self.answer);
        }
        let received = self.frames.iter().filter(|(ours, _)| !ours).map(|(_, text)| text.as_str());
        normal(101, "frames", &received.collect::<Vec<_>>().join("\n"))
    }
}

/// The exchanges of a file.
pub(super) fn read(file: &Path) -> Vec<Exchange> {
    let text = std::fs::read_to_string(file).expect("a recording");
    let mut exchanges: Vec<Exchange> = Vec::new();
    let (mut in_body, mut in_request_body) = (false, false);
    for line in text.lines() {
        if in_body {
            in_body = line != "----- end";
            if in_body {
                let exchange = exchanges.last_mut().expect("begun");
                exchange.answer.push_str(line);
                exchange.answer.push('\n');
            }
            continue;
        }
        if let Some(note) = line.strip_prefix("# ") {
            exchanges.push(Exchange { note: note.to_owned(), ..Exchange::default() });
            in_request_body = false;
            continue;
        }
        let Some(exchange) = exchanges.last_mut() else { continue };
        if let Some(rest) = line.strip_prefix(">>>") {
            request_line(exchange, rest.strip_prefix(' ').unwrap_or(rest), &mut in_request_body);
        } else if let Some(rest) = line.strip_prefix("<<< ") {
            match rest.strip_prefix("HTTP/1.1 ") {
                Some(status) => exchange.status = status[..3].parse().expect("a status"),
                None if rest.starts_with("content-type: ") => {
                    let kind = rest.trim_start_matches("content-type: ").split(';').next();
                    exchange.kind = kind.unwrap_or_default().to_owned();
                }
                None => {}
            }
        } else if let Some(frame) = line.strip_prefix("--> ") {
            exchange.frames.push((true, frame.to_owned()));
        } else if let Some(frame) = line.strip_prefix("<-- ") {
            exchange.frames.push((false, frame.to_owned()));
        }
        in_body = line == "----- body";
    }
    exchanges
}

fn request_line(exchange: &mut Exchange, line: &str, in_body: &mut bool) {
    if exchange.method.is_empty() {
        let mut words = line.split(' ');
        exchange.method = words.next().unwrap_or_default().to_owned();
        exchange.path = words.next().unwrap_or_default().to_owned();
    } else if *in_body {
        exchange.body.push_str(line);
    } else if line.is_empty() {
        *in_body = true;
    } else if let Some((name, value)) = line.split_once(": ") {
        exchange.headers.push((name.to_owned(), value.to_owned()));
    }
}

/// What counts of an answer, a line for each part.
pub(super) fn normal(status: u16, kind: &str, body: &str) -> Vec<String> {
    let mut norm = Norm::default();
    let mut lines = vec![format!("status {status}"), format!("type {kind}")];
    let values: Vec<Value> = match kind {
        "text/event-stream" => {
            let data = body.lines().filter_map(|line| line.strip_prefix("data: "));
            data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| json!(data))).collect()
        }
        _ => body.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| json!(line))).collect(),
    };
    lines.extend(values.into_iter().map(|value| norm.part(value).to_string()));
    lines
}

/// Ids in the order in which they appear.
#[derive(Default)]
struct Norm {
    ids: HashMap<String, usize>,
}

impl Norm {
    fn part(&mut self, value: Value) -> Value {
        let mut value = self.value(value);
        if let Some(chunks) = value.get_mut("chunks").and_then(Value::as_array_mut) {
            chunks.iter_mut().for_each(settle);
        }
        settle(&mut value);
        value
    }

    fn value(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => {
                let field = |(key, value): (String, Value)| {
                    let timed = key == "timestamp" && value.is_number();
                    let value = if timed { json!("<time>") } else { self.value(value) };
                    (key, value)
                };
                Value::Object(fields.into_iter().map(field).collect::<Map<_, _>>())
            }
            Value::Number(number) => match number.as_f64() {
                Some(real) if real.fract() == 0.0 && real.abs() < 9e15 => json!(real as i64),
                _ => Value::Number(number),
            },
            other => other,
        }
    }

    /// Ids, names of results and times as marks; what the runtime of version 2 wrote by itself as `<any>`.
    fn text(&mut self, text: &str) -> String {
        for own in ["Invalid request: ", "Error executing query: ", "Tool failed: "] {
            if let Some(at) = text.find(own) {
                return format!("{}<any>", &text[..at + own.len()]);
            }
        }
        let mut marked = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            match id_length(rest) {
                Some(length) => {
                    let (id, after) = rest.split_at(length);
                    let next = self.ids.len() + 1;
                    let number = self.ids.entry(id.to_owned()).or_insert(next);
                    marked.push_str(&format!("<id {number}>"));
                    rest = after;
                }
                None if is_time(rest) => {
                    marked.push_str("<time>");
                    rest = rest[19..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
                }
                None => {
                    marked.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        marked
    }
}

/// How long the id is that a text begins with.
fn id_length(text: &str) -> Option<usize> {
    let hex = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(uuid) = text.get(..36) {
        let lengths = [8, 4, 4, 4, 12];
        let parts: Vec<&str> = uuid.split('-').collect();
        if parts.len() == 5 && parts.iter().zip(lengths).all(|(part, length)| hex(part, length)) {
            return Some(36);
        }
    }
    ["conv_", "query_results_"].iter().find_map(|prefix| {
        let end = prefix.len() + 8;
        text.get(..end).filter(|id| id.starts_with(prefix) && hex(&id[prefix.len()..], 8)).map(|_| end)
    })
}

fn is_time(text: &str) -> bool {
    let pattern = "dddd-dd-ddTdd:dd:dd";
    text.get(..19).is_some_and(|start| {
        start.chars().zip(pattern.chars()).all(|(c, p)| if p == 'd' { c.is_ascii_digit() } else { c == p })
    })
}

/// What is repaired or drawn by another library: nulls that empty the input field, and how a chart looks.
fn settle(chunk: &mut Value) {
    if let Some(detail) = chunk.get_mut("detail").and_then(|detail| detail.get_mut(0)) {
        detail["ctx"] = json!("<any>");
        detail["loc"] = json!("<any>");
    }
    let Some(rich) = chunk.get_mut("rich") else { return };
    if rich["type"] == "chat_input_update"
        && let Some(data) = rich["data"].as_object_mut()
    {
        data.retain(|_, value| !value.is_null());
    }
    if rich["type"] == "chart" {
        let traces: Vec<Value> = rich["data"]["data"]
            .as_array()
            .expect("traces")
            .iter()
            .map(|trace| json!({"type": trace["type"], "x": trace["x"], "y": unpacked(&trace["y"])}))
            .collect();
        rich["data"] = json!({"title": rich["data"]["title"], "traces": traces});
    }
}

/// Numbers that were packed as bytes, one each.
fn unpacked(numbers: &Value) -> Value {
    use base64::Engine as _;
    let Some(packed) = numbers.get("bdata").and_then(Value::as_str) else { return numbers.clone() };
    assert_eq!(numbers["dtype"], "i1");
    let bytes = base64::engine::general_purpose::STANDARD.decode(packed).expect("base64");
    bytes.into_iter().map(|byte| json!(byte.cast_signed())).collect()
}
