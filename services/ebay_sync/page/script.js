"use strict";
// The page of ebay_sync: signs in, begins and stops runs, shows one of them live and all of them in a table.

const API = "/ebay/sync";
const MOST_LINES = 5000; // older ones leave the terminal: a run of 100,000 SKUs says 200,000 lines
const LOOK_MILLISECONDS = 1000;
const BEGAN = { month: "short", day: "numeric", hour: "numeric", minute: "2-digit", second: "2-digit" };
const ACTIVE = new Set(["started", "running"]);

const byId = (id) => document.getElementById(id);
const terminal = byId("terminal");
let source = null; // the EventSource of the shown run
let shown = null; // its id
let waiting = []; // lines that are drawn with the next frame
let timer = 0;

async function call(method, path, body) {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  const answer = await fetch(API + path, options);
  const told = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.detail || answer.statusText), { status: answer.status, told });
  return told;
}

function complain(error) {
  const problem = byId("problem");
  problem.textContent = error ? error.message : "";
  problem.hidden = !error;
  if (error && error.status === 401) show(false);
}

function show(signedIn) {
  byId("signing-in").hidden = signedIn;
  byId("signed-in").hidden = !signedIn;
  byId("who").hidden = !signedIn;
  if (!signedIn) {
    watch(null);
    clearTimeout(timer);
  }
}

async function begin() {
  let told;
  try {
    told = await call("GET", "/accounts");
  } catch (error) {
    show(false);
    if (error.status !== 401) complain(error);
    byId("token").focus();
    return;
  }
  complain(null);
  byId("user").textContent = told.user_id;
  const account = byId("account");
  account.replaceChildren(...told.accounts.map((one) => new Option(`${one.account} (${one.marketplace_id})`, one.account)));
  byId("table").classList.toggle("several", told.accounts.length > 1);
  const none = told.accounts.length === 0;
  for (const id of ["sync-inventory", "sync-offers"]) byId(id).disabled = none;
  show(true);
  if (none) complain(new Error("You have no eBay account here."));
  await look(true);
}

async function act(work) {
  complain(null);
  try {
    await work();
  } catch (error) {
    complain(error);
    if (error.told && error.told.run_id) watch(error.told.run_id); // it runs already: show that one
  }
  await look();
}

function start(kind) {
  const query = new URLSearchParams({ account: byId("account").value, mode: byId("mode").value });
  return act(async () => watch((await call("POST", `/${kind}?${query}`)).run_id));
}

function watch(runId) {
  if (source) source.close();
  source = null;
  shown = runId;
  waiting = [];
  terminal.replaceChildren();
  byId("run").textContent = runId || "No run is shown.";
  byId("status").hidden = true;
  byId("counts").textContent = "";
  byId("stop").disabled = true;
  if (!runId) return;
  source = new EventSource(`${API}/events/${encodeURIComponent(runId)}`); // reconnects by itself, from the last event
  source.onmessage = (event) => say(JSON.parse(event.data));
  source.addEventListener("end", (event) => {
    source.close();
    tell(JSON.parse(event.data));
    look();
  });
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) complain(new Error("The events of this run cannot be had."));
  };
}

function say(line) {
  if (waiting.length === 0) requestAnimationFrame(draw);
  waiting.push(line);
}

function draw() {
  const atEnd = terminal.scrollHeight - terminal.scrollTop - terminal.clientHeight < 40;
  const fresh = waiting.slice(-MOST_LINES).map((line) => {
    const row = document.createElement("div");
    row.className = line.kind;
    row.textContent = `[${clock(line.time)}]${line.line.slice(line.line.indexOf("]") + 1)}`;
    return row;
  });
  waiting = [];
  terminal.append(...fresh);
  while (terminal.childElementCount > MOST_LINES) terminal.firstElementChild.remove();
  if (atEnd) terminal.scrollTop = terminal.scrollHeight; // who reads further up is not moved
}

function clock(time) {
  return new Date(time).toLocaleTimeString("en-GB"); // HH:MM:SS where the reader is, as in the table of runs
}

function tell(run) {
  if (run.run_id !== shown) return;
  const status = byId("status");
  status.textContent = run.stopping ? "stopping" : run.status;
  status.className = `badge ${run.status}`;
  status.hidden = false;
  const { fetched, stored, unchanged, failed } = run.counts;
  const more = [unchanged && `Unchanged: ${unchanged}`, failed && `Failed: ${failed}`].filter(Boolean);
  const counts = [`Fetched: ${fetched}, Stored: ${stored}`, ...more].join(", ");
  if (byId("counts").textContent !== counts) byId("counts").textContent = counts; // said aloud only when it changes
  byId("stop").disabled = run.stopping || !ACTIVE.has(run.status);
}

async function look(first) {
  clearTimeout(timer);
  try {
    const { runs } = await call("GET", "/runs?limit=20");
    const active = runs.find((run) => ACTIVE.has(run.status));
    if (first && active) watch(active.run_id);
    runs.forEach(tell);
    table(runs);
    timer = setTimeout(look, active ? LOOK_MILLISECONDS : 10 * LOOK_MILLISECONDS);
  } catch (error) {
    complain(error);
    if (error.status !== 401) timer = setTimeout(look, 5 * LOOK_MILLISECONDS);
  }
}

function table(runs) {
  byId("no-runs").hidden = runs.length > 0;
  const body = byId("runs");
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.key : null;
  body.replaceChildren(...runs.map(row));
  const again = focused && body.querySelector(`[data-key="${CSS.escape(focused)}"]`);
  if (again) again.focus(); // the table is drawn anew; the keyboard's place stays
}

function row(run) {
  const tr = document.createElement("tr");
  const began = new Date(run.began_at || run.created_at);
  const ended = run.ended_at ? new Date(run.ended_at) : null;
  const what = run.mode === "full" ? run.kind : `${run.kind}, ${run.mode}`;
  const numbers = [run.counts.fetched, run.counts.stored, run.counts.unchanged, run.counts.failed];
  cell(tr, began.toLocaleString(undefined, BEGAN), "began");
  cell(tr, what, "what");
  const badge = document.createElement("span");
  badge.className = `badge ${run.status}`;
  badge.textContent = run.status;
  if (run.error) badge.title = run.error;
  cell(tr, badge);
  for (const number of numbers) cell(tr, number.toLocaleString(), "number");
  cell(tr, ended ? `${((ended - began) / 1000).toFixed(1)} s` : "…", "number");
  cell(tr, run.account, "of-several");
  cell(tr, run.requested_by);
  const actions = document.createElement("span");
  actions.className = "actions";
  actions.append(button("Show", `Show ${run.run_id}`, run.run_id, () => watch(run.run_id) || look()));
  if (run.counts.failed > 0 && !ACTIVE.has(run.status)) {
    const again = () => act(async () => watch((await call("POST", `/runs/${run.run_id}/retry-failed`)).run_id));
    actions.append(button("Retry failed", `Try the failed SKUs of ${run.run_id} again`, run.run_id, again));
  }
  cell(tr, actions);
  return tr;
}

function cell(tr, content, name) {
  const td = document.createElement("td");
  if (name) td.className = name;
  td.append(content);
  tr.append(td);
}

function button(text, label, runId, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "quiet";
  made.textContent = text;
  made.setAttribute("aria-label", label);
  made.dataset.key = `${text} ${runId}`;
  made.addEventListener("click", action);
  return made;
}

byId("sync-inventory").addEventListener("click", () => start("inventory"));
byId("sync-offers").addEventListener("click", () => start("offers"));
byId("stop").addEventListener("click", () => {
  byId("stop").disabled = true;
  act(() => call("POST", `/${shown}/stop`));
});
byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = byId("token").value.trim();
  byId("token").value = "";
  call("POST", "/session", { token }).then(begin, complain);
});
byId("sign-out").addEventListener("click", () => call("DELETE", "/session").then(() => location.reload(), complain));
begin();
