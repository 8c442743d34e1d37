// The operator's page: sessions, processes and what is refused, as the server tells it.

import { at, made } from "./dom.js";
import { Server } from "./server.js";

const REFRESH = 2000; // ms
const SURE = 4000; // ms in which an end must be confirmed

const server = new Server("ditto-admin");
const rates = new Map(); // session to its rates, and the figures that they were last made of
let told; // the server's last answer
let last; // when that was
let timer;
let sure; // session that is ended by another click

// ---- numbers in words

const DASH = "–";

function duration(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

const percent = (share) => (share === undefined ? DASH : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`);
const megabytes = (bytes) => (bytes ? `${Math.round(bytes / 2 ** 20)} MB` : DASH);
const bits = (rate) => (rate ? `${Math.round(rate / 1000)} kbit/s` : DASH);

// Rates are growths of figures since they were told before: there are none at first.
function measure(sessions) {
  const seen = new Set(sessions.map(({ id }) => id));
  for (const id of rates.keys()) if (!seen.has(id)) rates.delete(id);
  for (const { id, figures } of sessions) {
    const { figures: then, ...known } = rates.get(id) ?? {};
    const seconds = then ? figures.age_seconds - then.age_seconds : 0;
    const growth = (name) => Math.max(0, figures[name] - then[name]) / seconds;
    const now = seconds > 0 ? { frames: growth("frames"), processor: growth("processor_seconds") } : known;
    if ("age_seconds" in figures) rates.set(id, { figures, ...now });
  }
}

// ---- tables

// A column: its name, what it shows, and whether it is text, or takes a line of its own on a phone.
const SESSION = [
  { name: "Session", kind: "text", wide: true, shows: ({ id, avatar }) => [made("code", { textContent: id.slice(0, 8), title: id }), ` ${avatar}`] },
  { name: "Worker", shows: ({ worker }) => (worker === null ? "moving" : worker || DASH) },
  { name: "Viewers", shows: ({ figures }) => figures.viewers },
  { name: "Age", shows: ({ figures }) => duration(figures.age_seconds) },
  { name: "Idle", shows: ({ figures }) => duration(figures.idle_seconds) },
  { name: "Frames/s", shows: ({ id }) => rates.get(id)?.frames?.toFixed(1) ?? DASH },
  { name: "Late", shows: ({ figures }) => percent(figures.frames ? figures.late / figures.frames : 0) },
  { name: "Bitrate", shows: ({ figures }) => bits(figures.bits_per_second) },
  { name: "Processor", shows: ({ id }) => percent(rates.get(id)?.processor) },
  { name: "Quality", kind: "text", wide: true, shows: ({ figures }) => `${figures.step ? `step ${figures.step}: ` : ""}${figures.quality}` },
  { name: "Outputs", kind: "text", wide: true, shows: ({ figures }) => figures.outputs.map(output) },
  { name: "", wide: true, shows: ({ id }) => end(id) },
];
const WORKER = [
  { name: "Worker", kind: "text", shows: ({ worker }) => worker || "this one" },
  { name: "Process", shows: ({ process }) => process },
  { name: "Sessions", shows: ({ sessions }) => sessions },
  { name: "Processor", shows: ({ cores }) => percent(cores) },
  { name: "Memory", shows: ({ memory_bytes }) => megabytes(memory_bytes) },
  { name: "Restarts", shows: ({ restarts }) => restarts },
];

function cell(column, row) {
  const shown = row.figures && !("age_seconds" in row.figures) && column.name !== "Session" && column.name !== "Worker" ? DASH : column.shows(row);
  const made_ = made("td", {}, made("div", {}, ...[shown].flat()));
  made_.dataset.name = column.name;
  made_.dataset.kind = column.kind ?? "number";
  made_.toggleAttribute("data-wide", column.wide ?? false);
  return made_;
}

function fill(table, columns, rows) {
  const head = made("tr", {}, ...columns.map(({ name, kind }) => {
    const title = made("th", { textContent: name, scope: "col" });
    title.dataset.kind = kind ?? "number";
    return title;
  }));
  table.replaceChildren(
    made("thead", {}, head),
    made("tbody", {}, ...rows.map((row) => made("tr", {}, ...columns.map((column) => cell(column, row))))),
  );
}

function output({ kind, file, problem }) {
  const told = made("div", { textContent: problem ? `${kind} failed` : (file ?? kind), title: problem ?? kind });
  if (problem) told.dataset.state = "bad";
  return told;
}

function end(id) {
  const button = made("button", { type: "button", textContent: sure === id ? "Really end" : "End" });
  button.dataset.session = id;
  button.toggleAttribute("data-sure", sure === id);
  button.addEventListener("click", () => (sure === id ? ended(id) : ask(id)));
  return button;
}

function ask(id) {
  sure = id;
  show();
  setTimeout(() => sure === id && ((sure = undefined), show()), SURE);
}

async function ended(id) {
  sure = undefined;
  at("problem").hidden = true;
  try {
    await server.ask("DELETE", `/v1/sessions/${id}`);
  } catch (error) {
    at("problem").textContent = error.message;
    at("problem").hidden = false;
  }
  refresh();
}

// ---- what the server tells

function show() {
  const { sessions, workers, admission, server: itself } = told;
  const held = document.activeElement?.dataset.session;
  at("server").textContent = `Ditto ${itself.version}, up for ${duration(itself.age_seconds)}`;
  const viewers = sessions.reduce((sum, { figures }) => sum + (figures.viewers ?? 0), 0);
  const totals = {
    Sessions: `${sessions.length} of ${admission.max_sessions ?? "as many as fit"}`,
    Viewers: viewers,
    "Cores busy": `${admission.cores_busy.toFixed(1)} of ${admission.cores}`,
    Refused: admission.refused,
  };
  at("totals").replaceChildren(
    ...Object.entries(totals).map(([name, value]) => made("div", {}, made("dt", { textContent: name }), made("dd", { textContent: value }))),
  );
  at("refused").hidden = !admission.last_refusal;
  at("refused").textContent = `Last refused ${duration(admission.seconds_since_refusal ?? 0)} ago: ${admission.last_refusal}.`;
  fill(at("sessions"), SESSION, sessions);
  fill(at("workers"), WORKER, workers);
  if (held) document.querySelector(`[data-session="${held}"]`)?.focus();
}

function entrance(words) {
  at("told").hidden = Boolean(words);
  at("entrance").hidden = !words;
  at("refusal").textContent = words ?? "";
}

async function refresh() {
  clearTimeout(timer);
  try {
    told = await server.ask("GET", "/v1/sessions");
    last = Date.now();
    measure(told.sessions);
    show();
    entrance();
    at("state").textContent = "Refreshed every two seconds";
    delete at("state").dataset.state;
  } catch (error) {
    if (error.status === 401 || error.status === 403) {
      at("state").textContent = "";
      return entrance(error.message);
    }
    at("state").textContent = `${error.message}${last ? ` Figures are ${duration((Date.now() - last) / 1000)} old.` : ""}`;
    at("state").dataset.state = "bad";
  }
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(refresh, REFRESH);
}

at("entrance").addEventListener("submit", (event) => {
  event.preventDefault();
  server.remember({ key: at("key").value });
  refresh();
});
document.addEventListener("visibilitychange", () => !document.hidden && refresh());
refresh();
