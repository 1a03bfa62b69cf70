// The plain page: ask, watch the answer stream, see its evidence, replay past conversations.
// Everything that was not written here goes into the page as text, never as markup.

const PREFIX = document.querySelector('meta[name="prefix"]').content;
const EXAMPLES = [
  "What is the total revenue?",
  "revenue by month in 2024",
  "How many customers are there in each country?",
  "top 5 artists by revenue",
];
const RETRIES = 8;
const BARS = 40;

const $ = (id) => document.getElementById(id);
const state = { conversation: null, running: null, next: null, token: sessionStorage.getItem("token") };

// ---------------------------------------------------------------- elements

function make(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function draw(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

const say = (text) => { $("status").textContent = text; };
const complain = (text) => { $("trouble").textContent = text; };

// ---------------------------------------------------------------- calls

class Refusal extends Error {
  constructor(status, error, retryAfter) {
    super(error.message || `The service answered with status ${status}.`);
    this.status = status;
    this.correlation = error.correlation_id;
    this.retryAfter = retryAfter;
  }
  get mayPass() { return this.status === 429 || this.status === 503; }
  toString() { return this.correlation ? `${this.message} (quote ${this.correlation})` : this.message; }
}

async function call(path, options = {}) {
  const headers = { ...options.headers };
  if (state.token) headers.authorization = `Bearer ${state.token}`;
  const response = await fetch(PREFIX + path, { ...options, headers });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  if (response.status === 401) $("door").hidden = false;
  throw new Refusal(response.status, problem.error || {}, Number(response.headers.get("retry-after")));
}

function post(path, body) {
  return call(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

// The events of a response, one by one: {id, event, data}.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const frames = text.split("\n\n");
    text = frames.pop();
    for (const frame of frames) {
      const fields = { data: [] };
      for (const line of frame.split("\n")) {
        const at = line.indexOf(": ");
        if (at <= 0) continue;
        const [name, rest] = [line.slice(0, at), line.slice(at + 2)];
        if (name === "data") fields.data.push(rest); else fields[name] = rest;
      }
      if (fields.data.length) yield { ...fields, data: JSON.parse(fields.data.join("\n")) };
    }
  }
}

// ---------------------------------------------------------------- asking

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Runs a turn to its terminal event, over as many connections as it takes. The ids are ours, so
// asking again attaches to the same turn, and the journal has every event that was missed.
async function run(turn) {
  const base = `/conversations/${turn.conversation}`;
  let last = null;
  for (let attempt = 0; attempt <= RETRIES; attempt++) {
    let pause = Math.min(10, 0.5 * 2 ** attempt);
    try {
      const response = last
        ? await call(`${base}/events?follow=true&request_id=${turn.request}`, { headers: { "last-event-id": last } })
        : await post("/chat/events", { message: turn.message, conversation_id: turn.conversation, request_id: turn.request });
      for await (const event of events(response)) {
        last = event.id;
        attempt = 0;
        turn.view.show(event.data);
        if (event.event === "done" || event.event === "error") return;
      }
    } catch (error) {
      if (error instanceof Refusal && !error.mayPass) throw error;
      if (attempt === RETRIES) throw error;
      pause = error.retryAfter || pause;
    }
    say("The connection was lost. Reconnecting; nothing of the answer is lost …");
    await new Promise((resolve) => setTimeout(resolve, pause * 1000));
  }
  throw new Error("The service cannot be reached. Ask again later; the question may already be answered.");
}

async function ask(message) {
  complain("");
  state.conversation ??= newId();
  const view = new Turn(message);
  const turn = { message, conversation: state.conversation, request: newId(), view };
  $("turns").append(view.article);
  running(turn);
  say("Asking …");
  try {
    await run(turn);
  } catch (error) {
    say("");
    complain(error instanceof TypeError ? "The service cannot be reached. Is it running?" : String(error));
    if (view.empty) view.article.remove();
  } finally {
    running(null);
    list();
  }
}

function running(turn) {
  state.running = turn;
  $("send").disabled = $("fresh").disabled = Boolean(turn);
  $("cancel").hidden = !turn;
}

// ---------------------------------------------------------------- one turn on the page

class Turn {
  constructor(question) {
    this.empty = true;
    this.answer = make("p", { class: "answer", "aria-live": "polite" });
    this.article = make("article", {}, make("h2", {}, question), this.answer);
  }

  show(event) {
    this.empty = false;
    const act = this[`on_${event.event_type}`];
    if (act) act.call(this, event.payload);
  }

  on_status({ message }) { say(message); }
  on_tool_start({ name }) { say(`Running ${name} …`); }
  on_tool_result({ summary }) { say(summary); }
  on_assistant_text({ text, delta }) {
    this.answer.textContent = delta ? this.answer.textContent + text : text;
    // A warning that the answer itself spells out need not be read twice.
    for (const warning of this.article.querySelectorAll(".warning")) {
      if (warning.textContent === this.answer.textContent) warning.remove();
    }
  }
  on_table_result(payload) { this.article.append(table(payload)); }
  on_chart_spec({ chart_spec }) {
    const figure = chart(chart_spec);
    if (figure) this.article.append(figure);
  }
  on_warning({ message }) { this.article.append(make("p", { class: "warning" }, message)); }
  on_lineage(payload) { this.article.append(evidence(payload.evidence || payload)); }
  on_error({ code, message, correlation_id }) {
    say("");
    this.article.append(make("p", { class: "error" }, `${message} (${code}, quote ${correlation_id})`));
  }
  on_done() { say("Done."); }
}

// ---------------------------------------------------------------- tables

function table({ columns, column_types, rows, row_count, truncated }) {
  const numeric = (column) => ["integer", "number"].includes(column_types[column]);
  const cell = (row, column) => {
    const value = row[column];
    if (value === null || value === undefined) return make("td", { class: "none" }, "none");
    const text = typeof value === "object" ? JSON.stringify(value) : readable(value);
    return make("td", { class: numeric(column) ? "number" : "text" }, text);
  };
  const head = make("tr", {}, ...columns.map((column) => make("th", { scope: "col" }, column)));
  const body = rows.map((row) => make("tr", {}, ...columns.map((column) => cell(row, column))));
  const count = truncated ? `The first ${rows.length} of ${row_count} rows` : `${row_count} rows`;
  const grid = make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
  const frame = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table" }, grid);
  return make("div", {}, frame, make("p", { class: "note" }, count));
}

// Sums of prices carry binary noise that no one wants to read; the events keep every digit.
function readable(value) {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(12)) : value;
}

// ---------------------------------------------------------------- charts

// Draws a line or bars from the declarative encoding alone; anything else is left to the table.
function chart({ format, spec, dataset }) {
  const rows = dataset && dataset.rows;
  const { x, y } = (spec && spec.encoding) || {};
  if (format !== "vega-lite" || !rows || !x || !y || !x.field || !y.field) return null;
  const mark = typeof spec.mark === "object" ? spec.mark.type : spec.mark;
  const named = (channel) => ({ ...channel, field: channel.field.replace(/\\(.)/g, "$1") });
  const [value, label] = (x.type === "quantitative" && y.type !== "quantitative" ? [x, y] : [y, x]).map(named);
  const points = rows
    .filter((row) => row[value.field] !== null && Number.isFinite(Number(row[value.field])))
    .map((row) => ({ label: String(row[label.field] ?? "none"), value: Number(row[value.field]), text: String(readable(row[value.field])) }));
  if (!points.length || !["line", "bar"].includes(mark)) return null;
  const title = typeof spec.title === "object" ? spec.title.text : spec.title;
  const caption = title || `${value.title || value.field} by ${label.title || label.field}`;
  const picture = mark === "line" ? lineChart(points) : barChart(points.slice(0, BARS));
  picture.setAttribute("aria-label", `${caption}; the table has the values`);
  const note = mark === "bar" && points.length > BARS ? ` (the first ${BARS})` : "";
  return make("figure", {}, make("figcaption", {}, caption + note), picture);
}

function scale(points, from, to) {
  const low = Math.min(0, ...points.map((point) => point.value));
  const high = Math.max(0, ...points.map((point) => point.value));
  const span = high - low || 1;
  return { low, high: low + span, at: (value) => from + ((value - low) / span) * (to - from) };
}

const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const round = (number) => number.toLocaleString("en", { maximumSignificantDigits: 3, notation: "compact" });

function lineChart(points) {
  const [width, height, left, bottom] = [640, 260, 60, 30];
  const y = scale(points, height - bottom, 10);
  const x = (index) => left + (points.length > 1 ? index / (points.length - 1) : 0.5) * (width - left - 30);
  const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
  for (let step = 0; step <= 4; step++) {
    const value = y.low + ((y.high - y.low) * step) / 4;
    picture.append(
      draw("line", { class: "axis", x1: left, x2: width - 30, y1: y.at(value), y2: y.at(value) }),
      draw("text", { x: left - 6, y: y.at(value) + 4, "text-anchor": "end" }, round(value)),
    );
  }
  const every = Math.ceil(points.length / 8);
  points.forEach((point, index) => {
    if (index % every === 0) {
      picture.append(draw("text", { x: x(index), y: height - 10, "text-anchor": "middle" }, short(point.label, 10)));
    }
    const dot = draw("circle", { class: "mark", cx: x(index), cy: y.at(point.value), r: points.length > 60 ? 1.5 : 3 });
    dot.append(draw("title", {}, `${point.label}: ${point.text}`));
    picture.append(dot);
  });
  const path = points.map((point, index) => `${x(index)},${y.at(point.value)}`).join(" ");
  picture.append(draw("polyline", { class: "mark-line", points: path }));
  return picture;
}

function barChart(points) {
  const [width, left, row] = [640, 150, 24];
  const x = scale(points, left, width - 70);
  const picture = draw("svg", { viewBox: `0 0 ${width} ${points.length * row + 4}`, role: "img" });
  points.forEach((point, index) => {
    const [from, to] = [Math.min(x.at(0), x.at(point.value)), Math.max(x.at(0), x.at(point.value))];
    const bar = draw("rect", { class: "mark", x: from, y: index * row + 4, width: Math.max(1, to - from), height: row - 8 });
    bar.append(draw("title", {}, `${point.label}: ${point.text}`));
    picture.append(
      draw("text", { x: left - 6, y: index * row + row / 2 + 4, "text-anchor": "end" }, short(point.label, 22)),
      bar,
      draw("text", { x: to + 5, y: index * row + row / 2 + 4 }, short(point.text, 10)),
    );
  });
  picture.append(draw("line", { class: "axis", x1: x.at(0), x2: x.at(0), y1: 0, y2: points.length * row + 4 }));
  return picture;
}

// ---------------------------------------------------------------- evidence

function evidence(found) {
  const { confidence = {}, semantic = {}, journal = {} } = found;
  const tier = ["High", "Medium", "Low"].includes(confidence.tier) ? confidence.tier : "unknown";
  const box = make("details", {}, make("summary", {}, "Evidence: confidence ", make("span", { class: `tier ${tier}` }, tier)));
  const part = (title, items) => {
    if (items.length) box.append(make("h3", {}, title), make("ul", {}, ...items.map((item) => make("li", {}, item))));
  };
  part("Why this confidence", confidence.signals || []);
  part("Semantic model", [
    `coverage: ${semantic.coverage || "unknown"}`,
    ...(semantic.missing || []).map((missing) => `missing: ${missing}`),
    ...(semantic.fallback_reason ? [`instead: ${semantic.fallback_reason}`] : []),
  ]);
  for (const run of found.executed_sql || []) {
    const about = `SQL (${run.dialect}, ${run.source}, ${run.row_count} rows, ${run.runtime_ms} ms)`;
    box.append(make("h3", {}, about), make("pre", { tabindex: "0" }, run.sql));
  }
  const check = ({ name, passed, detail }) => `${passed ? "passed" : "NOT passed"}: ${name}${detail ? ` (${detail})` : ""}`;
  part("Checks", (found.validation_checks || []).map(check));
  part("Schema", [`${found.schema_hash || "unknown"}${found.schema_drifted ? ", changed since the model was made" : ""}`]);
  part("In the journal", [
    `stream ${journal.stream}, versions ${journal.first_version} to ${journal.last_version}`,
    `head ${journal.head_hash}`,
  ]);
  return box;
}

// ---------------------------------------------------------------- past conversations

async function list(after) {
  try {
    const query = after ? `?limit=20&after=${encodeURIComponent(after)}` : "?limit=20";
    const page = await (await call(`/conversations${query}`)).json();
    if (!after) $("past").replaceChildren();
    for (const item of page.conversations) {
      const open = make("button", { type: "button" }, item.title || item.conversation_id);
      open.addEventListener("click", () => replay(item.conversation_id));
      $("past").append(make("li", {}, open));
    }
    state.next = page.next;
    $("more").hidden = !page.next;
  } catch (error) {
    if (!(error instanceof Refusal && error.status === 401)) complain("The past conversations cannot be listed now.");
  }
}

async function replay(conversation) {
  if (state.running) return;
  complain("");
  say("Replaying …");
  const path = `/conversations/${encodeURIComponent(conversation)}`;
  try {
    const { turns = [] } = await (await call(path)).json();
    const questions = new Map(turns.map((turn) => [turn.request_id, turn.message]));
    const views = new Map();
    $("turns").replaceChildren();
    state.conversation = conversation;
    for await (const { data } of events(await call(`${path}/events`))) {
      if (!views.has(data.request_id)) {
        const view = new Turn(questions.get(data.request_id) || `Request ${data.request_id}`);
        views.set(data.request_id, view);
        $("turns").append(view.article);
      }
      views.get(data.request_id).show(data);
    }
    say(`Replayed from the journal: ${views.size} ${views.size === 1 ? "answer" : "answers"}.`);
  } catch (error) {
    say("");
    complain(error instanceof TypeError ? "The service cannot be reached. Is it running?" : String(error));
  }
}

// ---------------------------------------------------------------- controls

$("ask").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  const message = $("question").value.trim();
  if (message && !state.running) ask(message);
});

$("question").addEventListener("keydown", (key) => {
  if (key.key === "Enter" && !key.shiftKey && !key.isComposing) {
    key.preventDefault();
    $("ask").requestSubmit();
  }
});

$("cancel").addEventListener("click", () => {
  const { conversation, request } = state.running;
  call(`/conversations/${conversation}/requests/${request}/cancel`, { method: "POST" }).catch((error) => complain(String(error)));
});

$("fresh").addEventListener("click", () => {
  state.conversation = null;
  $("turns").replaceChildren();
  say("");
  complain("");
  $("question").focus();
});

$("door").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  state.token = $("token").value.trim();
  sessionStorage.setItem("token", state.token);
  $("door").hidden = true;
  complain("");
  list();
});

$("more").addEventListener("click", () => list(state.next));

for (const example of EXAMPLES) {
  const button = make("button", { type: "button" }, example);
  button.addEventListener("click", () => {
    $("question").value = example;
    $("ask").requestSubmit();
  });
  $("examples").append(make("li", {}, button));
}

list();
