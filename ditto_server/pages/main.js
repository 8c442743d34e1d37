// The page: a face, and the ways to talk to it.

import { at, inWords, made } from "./dom.js";
import { joined } from "./face.js";
import { Figures } from "./figures.js";
import { decoded, devices, microphone, played } from "./microphone.js";
import { Server } from "./server.js";

const GREETING = "A face to talk to";
const RECORDED = "What the face says is recorded.";

const server = new Server("ditto-live");
const video = at("face");
let session, wire, media, chosen, told;
let mode = "off";
let playing = 0; // counts interruptions, which end a file that is being sent
const lines = new Map(); // utterance to its line in the log

const figures = new Figures(video, (shown) =>
  at("figures").replaceChildren(...Object.entries(shown).flatMap(([name, value]) => [made("dt", { textContent: name }), made("dd", { textContent: value })])),
);

// ---- what is blocked, in words

const checks = {};
function check(name, state, words) {
  checks[name] = { state, words };
  at("checks").replaceChildren(
    ...Object.values(checks).map((one) => {
      const line = made("li", { textContent: one.words });
      line.dataset.state = one.state;
      return line;
    }),
  );
  const states = Object.values(checks).map((one) => one.state);
  const worst = ["bad", "wait", "good"].find((one) => states.includes(one)) ?? "off";
  at("dot").dataset.state = worst;
  at("state").textContent = { bad: "something is blocked", wait: "connecting …", good: "all is well" }[worst] ?? "not connected";
  if (worst === "bad") at("connection").open = true;
  const trouble = Object.values(checks).find((one) => one.state === "bad" || one.state === "wait");
  at("badge").hidden = !trouble || !session;
  at("badge").textContent = trouble?.state === "bad" ? "Connection trouble" : "Connecting …";
}

// ---- the log and the captions

function line(text, state) {
  const made_ = made("li", { textContent: text });
  made_.dataset.state = state;
  at("log").append(made_);
  while (at("log").children.length > 100) at("log").firstChild.remove();
  at("log").scrollTop = at("log").scrollHeight;
  return made_;
}

const problem = (words) => line(words, "problem");

function caption(text) {
  at("caption").textContent = text ?? "";
  at("caption").hidden = !text;
}

const happenings = {
  caption: ({ utterance, text }) => lines.set(utterance, lines.get(utterance) ?? line(text, "waiting")),
  started({ utterance }) {
    const spoken = lines.get(utterance);
    if (spoken) spoken.dataset.state = "speaking";
    caption(spoken?.textContent);
  },
  finished: ({ utterance }) => ended(utterance, "spoken"),
  interrupted: ({ utterance }) => ended(utterance, "interrupted"),
  failed({ utterance, reason }) {
    ended(utterance, "problem");
    problem(reason);
  },
  listening: ({ speaks }) => at("stage").classList.toggle("listening", speaks),
  restored: () => cutAll(),
  recording: ({ on }) => line(on ? RECORDED : "The recording has ended.", "note"),
  degraded: ({ said }) => line(`The server is short of time: ${said}.`, "note"),
};

function ended(utterance, state) {
  const spoken = lines.get(utterance);
  if (spoken) spoken.dataset.state = state;
  lines.delete(utterance);
  if (!spoken || at("caption").textContent === spoken.textContent) caption();
}

function cutAll() {
  for (const utterance of [...lines.keys()]) ended(utterance, "interrupted");
}

// ---- a session

async function start() {
  at("start").disabled = true;
  try {
    if (at("key").value) server.remember({ key: at("key").value });
    if (!chosen) return await open();
    session = await server.ask("POST", "/v1/sessions", { avatar: chosen });
    server.remember({ session: session.id });
    join();
  } catch (error) {
    welcome("It cannot start", error.message, error.status === 401);
  }
}

function join() {
  at("welcome").hidden = true;
  usable(true);
  check("server", "good", "The server answers.");
  check("wire", "wait", "Opening the way for text and commands …");
  ({ wire, media } = joined(server, session, video, new URLSearchParams(location.search).get("transport")));
  wire.addEventListener("open", () => {
    check("wire", "good", "Text and commands get through.");
    ask("mode", { microphone: mode });
  });
  wire.addEventListener("lost", () => {
    playing++; // what is left of a file would go on at another rate
    check("wire", "wait", "The server was lost; trying again. The face is kept for half a minute.");
  });
  wire.addEventListener("over", ({ detail }) => leave(detail));
  wire.addEventListener("problem", ({ detail }) => problem(detail));
  wire.addEventListener("event", ({ detail }) => happenings[detail.type]?.(detail));
  if (session.recorded) line(RECORDED, "note");
  media.addEventListener("state", ({ detail }) => check("media", detail.state, detail.words));
  media.addEventListener("silent", quietly);
  media.join();
  document.documentElement.dataset.session = session.id;
  at("text").focus({ preventScroll: true });
}

function leave(reason) {
  media.close();
  setMode("off");
  cutAll();
  playing++;
  session = undefined;
  server.remember({ session: undefined });
  caption();
  for (const name of Object.keys(checks)) delete checks[name];
  check("server", "off", "Not connected.");
  usable(false);
  welcome("The session is over", reason);
}

function usable(now) {
  for (const control of [at("say"), at("interrupt"), at("file"), ...at("microphone").children]) control.disabled = !now;
}

function welcome(title, text, key = false) {
  at("welcome-title").textContent = title;
  at("welcome-text").textContent = text;
  at("key-row").hidden = !key;
  at("welcome").hidden = false;
  at("start").disabled = false;
}

// A browser that plays no sound before a click shows the face without it.
async function quietly() {
  video.muted = true;
  at("unmute").hidden = false;
  await video.play().catch(() => {});
}

// ---- the microphone

async function setMode(wanted) {
  let reached = wanted;
  try {
    if (wanted === "off") {
      media?.microphone?.stop();
      await media?.send(null);
    } else if (!media.microphone || media.microphone.readyState === "ended") {
      await media.send(await microphone(at("input").value));
      check("microphone", "good", "The microphone is open.");
      listDevices();
    }
    if (session) await wire.ask("mode", { microphone: wanted });
  } catch (error) {
    reached = mode === wanted ? "off" : mode;
    check("microphone", "bad", error.message);
    problem(error.message);
  }
  if (reached === "off") delete checks.microphone;
  mode = reached;
  for (const button of at("microphone").children) button.setAttribute("aria-pressed", button.dataset.mode === mode);
}

async function listDevices() {
  for (const [id, kind] of [["input", "audioinput"], ["output", "audiooutput"]]) {
    const before = at(id).value;
    const found = await devices(kind);
    at(id).replaceChildren(made("option", { value: "", textContent: "The usual one" }), ...found.filter((one) => one.deviceId).map((one) => made("option", { value: one.deviceId, textContent: one.label || "Unnamed" })));
    at(id).value = before;
  }
  at("output-row").hidden = !("setSinkId" in video);
}

// ---- what can be asked

async function ask(type, more) {
  try {
    return await wire.ask(type, more);
  } catch (error) {
    problem(error.message);
  }
}

async function interrupt() {
  playing++;
  media.silence();
  await ask("interrupt");
}

async function play(file) {
  if (!session || !file) return;
  const mine = ++playing;
  try {
    const samples = await decoded(file, session.rate);
    line(`♪ ${file.name}`, "note");
    await played(wire, samples, session.rate, () => playing === mine);
  } catch (error) {
    problem(error.message);
  }
}

at("composer").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = at("text").value.trim();
  if (text && session && (await ask("say", { text }))) at("text").value = "";
});
at("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    at("composer").requestSubmit();
  }
});
at("interrupt").addEventListener("click", interrupt);
addEventListener("keydown", (event) => event.key === "Escape" && session && !document.fullscreenElement && interrupt());
at("microphone").addEventListener("click", ({ target }) => target.dataset.mode && session && setMode(target.dataset.mode));
at("file").addEventListener("change", ({ target }) => {
  play(target.files[0]);
  target.value = "";
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", () => document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  play(event.dataTransfer.files[0]);
});
at("input").addEventListener("change", () => mode !== "off" && media.microphone.stop() === undefined && setMode(mode));
at("output").addEventListener("change", ({ target }) => video.setSinkId(target.value).catch((error) => problem(error.message)));
at("full").addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : at("stage").requestFullscreen()));
at("unmute").addEventListener("click", () => {
  video.muted = false;
  at("unmute").hidden = true;
});
at("welcome").addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});

setInterval(async () => {
  if (!session) return;
  const [measured] = await Promise.all([figures.measure(media.peer, told), wire.ask("figures").then((answer) => (told = answer.figures)).catch(() => {})]);
  media.buffered = measured.buffered;
  media.keepInStep(measured.offset);
}, 1000);

// ---- opening the page

function choose(name) {
  chosen = name;
  for (const button of at("avatars").children) button.setAttribute("aria-checked", button.value === name);
}

async function open() {
  usable(false);
  listDevices();
  check("server", "off", "Not connected.");
  try {
    const offered = await server.ask("GET", "/v1/avatars");
    at("avatars").replaceChildren(
      ...offered.avatars.map((one) => {
        const button = made("button", { type: "button", value: one.name, onclick: () => choose(one.name) }, made("img", { src: one.picture, alt: "" }), one.title);
        button.setAttribute("role", "radio");
        return button;
      }),
    );
    choose(offered.avatars[0].name);
    at("gestures").replaceChildren(...offered.gestures.map((name) => made("button", { type: "button", textContent: inWords(name), onclick: () => session && ask("gesture", { name }) })));
    at("feelings").replaceChildren(...offered.emotions.map((emotion) => made("button", { type: "button", textContent: emotion, onclick: () => session && ask("feel", { emotion }) })));
    if (!offered.speaks) {
      at("text").placeholder = "No speech synthesiser is installed on the server";
      at("text").disabled = true;
    }
    welcome(GREETING, "Choose who should answer, then type, speak or play a sound.");
  } catch (error) {
    welcome(error.status === 401 ? "This server needs a key" : "It cannot start", error.message, error.status === 401);
    return;
  }
  if (server.memory.session) {
    session = await server.ask("GET", `/v1/sessions/${server.memory.session}`).catch(() => undefined);
    if (session) join();
    else server.remember({ session: undefined });
  }
}

open();
