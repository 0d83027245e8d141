// SPDX-License-Identifier: BSD-2-Clause
// The status page's numbers: asked for every few seconds while somebody looks, drawn without any library. What comes
// from the tracker becomes text, never markup.
"use strict";

const PERIOD_MS = 2000;
const LISTS_EVERY = 5; // polls between two looks at swarms and users
const HISTORY_MAX = 900; // samples: half an hour
const LIST_ITEMS = 10;

const $ = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const exact = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

const history = []; // {at, peers, udp, http}
let last = null; // {at, stats}
let polls = 0;
let timer = 0;
let asking = false;

// ---- words for numbers ----

const count = (n) => (n < 1e6 ? whole.format(n) : compact.format(n));
const rate = (n) => (n < 100 && n % 1 ? exact.format(n) : count(n));

function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  let unit = 0;
  while (n >= 1024 && unit + 1 < units.length) {
    n /= 1024;
    unit++;
  }
  return [n < 100 && unit ? n.toPrecision(3).replace(/\.?0+$/, "") : whole.format(n), units[unit]];
}

function duration(s) {
  const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = parts.findIndex(([, size]) => s >= size);
  if (first < 0) return "0 s";
  return parts.slice(first, first + 2).map(([unit, size], i) => {
    const n = Math.floor(i ? (s % parts[first][1]) / size : s / size);
    return n ? `${n} ${unit}` : "";
  }).filter(Boolean).join(" ");
}

const ago = (unix) => (unix ? `${duration(Math.max(0, Date.now() / 1000 - unix))} ago` : "never");
const some = (n, one, many) => `${count(n)} ${n === 1 ? one : many}`;

// ---- the page's pieces ----

function text(id, value) {
  if ($(id).textContent !== value) $(id).textContent = value;
}

function rows(id, list, cells, none) {
  const made = list.map((item) => {
    const tr = document.createElement("tr");
    cells(item).forEach(([value, kind, title], i) => {
      const cell = document.createElement(i ? "td" : "th");
      if (!i) cell.scope = "row";
      if (kind) cell.className = kind;
      if (title) cell.title = title;
      cell.append(value);
      tr.append(cell);
    });
    return tr;
  });
  if (!made.length) {
    const tr = document.createElement("tr");
    const cell = document.createElement("td");
    cell.colSpan = 9;
    cell.className = "quiet";
    cell.textContent = none;
    tr.append(cell);
    made.push(tr);
  }
  $(id).replaceChildren(...made);
}

function svg(name, attributes, content) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (content !== undefined) node.textContent = content;
  return node;
}

// The least round number that is not below n: 1, 2 or 5 times a power of ten.
function ceiling(n) {
  const power = 10 ** Math.floor(Math.log10(Math.max(n, 4)));
  return [1, 2, 5, 10].map((step) => step * power).find((top) => top >= Math.max(n, 4));
}

function chart(id, title, lines, format) {
  const box = $(id);
  const width = box.clientWidth, height = box.clientHeight, foot = 20, gutter = 44;
  if (!width || history.length < 2) return;
  const begin = history[0].at, end = history[history.length - 1].at;
  const top = ceiling(Math.max(...history.map((h) => Math.max(...lines.map((line) => h[line.of])))));
  const x = (at) => gutter + ((at - begin) / (end - begin)) * (width - gutter);
  const y = (n) => (1 - n / top) * (height - foot - 8) + 8;
  const parts = [];
  for (const step of [0, 0.5, 1]) {
    parts.push(svg("line", { class: "grid", x1: gutter, x2: width, y1: y(top * step), y2: y(top * step) }));
    parts.push(svg("text", { x: gutter - 8, y: y(top * step) + 4, "text-anchor": "end" }, compact.format(top * step)));
  }
  parts.push(svg("text", { x: gutter, y: height - 3 }, `${duration((end - begin) / 1000)} ago`));
  parts.push(svg("text", { x: width, y: height - 3, "text-anchor": "end" }, "now"));
  for (const line of lines) {
    const path = history.map((h, i) => `${i ? "L" : "M"}${x(h.at).toFixed(1)} ${y(h[line.of]).toFixed(1)}`).join("");
    if (line.area) parts.push(svg("path", { class: "area", d: `${path}V${y(0)}H${gutter}Z` }));
    parts.push(svg("path", { class: `line ${line.kind}`, d: path }));
  }
  box.setAttribute("viewBox", `0 0 ${width} ${height}`);
  box.setAttribute("aria-label", `${title}, over ${duration((end - begin) / 1000)}: ` + lines.map((line) => {
    const all = history.map((h) => h[line.of]);
    return `${line.name} now ${format(all[all.length - 1])}, at most ${format(Math.max(...all))}`;
  }).join("; "));
  box.replaceChildren(...parts);
}

// ---- numbers ----

const ERRORS = [
  ["Torrents that are not served", "refused"],
  ["Requests beyond the rate limit", "throttled"],
  ["HTTP requests answered by an error", "http_errors"],
  ["UDP packets answered by an error", "udp_errors"],
  ["UDP packets that were not requests", "udp_ignored"],
  ["HTTPS handshakes that failed", "https_handshakes_failed"],
  ["TLS at an address for plain HTTP", "http_tls_hellos"],
  ["HTTPS connections beyond the rate limit", "https_refused"],
  ["UDP packets dropped because the buffer was full", "udp_dropped"],
  ["Small torrents of busy addresses removed to make room", "shed"],
  ["Peers replaced by another one at the same address", "displaced"],
  ["Peers with a loopback address that were left out", "withheld"],
  ["Times that accounts could not be stored", "accounts_failures"],
];

function showRates(now, s) {
  const seconds = last ? (now - last.at) / 1000 : 0;
  const same = last && s.uptime_seconds >= last.stats.uptime_seconds;
  const per = (name) => (same && seconds ? Math.max(0, ((s[name] || 0) - (last.stats[name] || 0)) / seconds) : 0);
  const all = per("announces"), http = Math.min(all, per("http_announces"));
  if (!same) history.length = 0;
  history.push({ at: now, peers: s.peers_ipv4 + s.peers_ipv6, udp: all - http, http });
  if (history.length > HISTORY_MAX) history.shift();
  if (history.length > 1) {
    if (history.length === 2) Object.assign(history[0], { udp: all - http, http }); // no rate was known yet
    text("rate", rate(all));
    text("rate-more", `UDP ${rate(all - http)}, HTTP ${rate(http)}`);
    text("cpu", exact.format(per("cpu_milliseconds") / 10));
  }
  rows("errors", ERRORS.filter(([, name]) => name in s), ([words, name]) => [
    [words], [per(name) ? `${rate(per(name))}/s` : "–", per(name) ? "n loud" : "n quiet"], [count(s[name]), "n"]]);
}

function show(s) {
  const now = performance.now();
  const [memory, unit] = bytes(s.memory_bytes);
  const peers = s.peers_ipv4 + s.peers_ipv6;
  text("torrents", count(s.torrents));
  text("torrents-more", s.registered ? `${count(s.registered)} registered` :
    s.listed ? `${count(s.listed)} on the list` : "with peers");
  text("peers", count(peers));
  text("peers-more", `IPv4 ${count(s.peers_ipv4)}, IPv6 ${count(s.peers_ipv6)}`);
  text("memory", memory);
  text("memory-unit", unit);
  text("memory-more", some(s.http_connections, "HTTP connection", "HTTP connections"));
  text("cpu-more", some(s.workers, "worker", "workers"));
  text("uptime", `Up for ${duration(s.uptime_seconds)}` + certificate(s.https_certificate_until));
  showRates(now, s);
  last = { at: now, stats: s };
  chart("peers-chart", "Peers", [{ of: "peers", name: "peers", kind: "", area: true }], count);
  chart("rate-chart", "Announces per second", [{ of: "udp", name: "UDP", kind: "" },
    { of: "http", name: "HTTP", kind: "second" }], rate);
}

function certificate(until) {
  if (!until) return "";
  const left = until - Date.now() / 1000;
  return left > 0 ? ` · certificate good for ${duration(left)}` : " · the HTTPS certificate has expired";
}

// ---- what takes the token ----

async function api(path) {
  const answer = await fetch(`/api/${path}`, {
    cache: "no-store", headers: { Authorization: `Bearer ${sessionStorage.getItem("token")}` } });
  const body = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(body.error), { status: answer.status });
  return body;
}

function ratio(user) {
  if (!user.downloaded) return user.uploaded ? "∞" : "–";
  return (user.uploaded / user.downloaded).toFixed(2);
}

function hashName(swarm) {
  if (swarm.name) return swarm.name;
  const code = document.createElement("code");
  code.textContent = swarm.hash;
  return code;
}

async function showLists() {
  const swarms = await api(`swarms?limit=${LIST_ITEMS}`);
  rows("swarms", swarms.items, (w) => [[hashName(w), "name", w.hash], [count(w.seeders), "n"],
    [count(w.leechers), "n"], [count(w.completed), "n wide"]], "No torrent has peers.");
  $("private").hidden = false;
  try {
    const [users, sums] = [await api(`users?sort=uploaded&limit=${LIST_ITEMS}`), await api("accounts")];
    rows("users", users.items, (u) => [[u.name, u.enabled ? "name" : "name quiet", u.name],
      [bytes(u.uploaded).join(" "), "n"], [bytes(u.downloaded).join(" "), "n wide"], [ratio(u), "n"],
      [u.enabled ? ago(u.seen) : "disabled", "when quiet"]],
    "There are no users yet.");
    text("members-more", `${some(sums.users_enabled, "user", "users")} of ${count(sums.users)} may announce; ` +
      `${some(sums.torrents - sums.torrents_removed, "torrent is", "torrents are")} registered; ` +
      `${bytes(sums.uploaded).join(" ")} were given; ${some(sums.signals, "signal", "signals")} to look at.`);
    $("members").hidden = false;
  } catch (why) {
    if (why.status !== 404) throw why;
    $("members").hidden = true; // not a private tracker
  }
}

function ask(known, why) {
  $("login").hidden = known;
  $("forget").hidden = !known;
  if (!known) $("private").hidden = true;
  $("login-error").hidden = !why;
  text("login-error", why || "");
}

function forget(why) {
  sessionStorage.removeItem("token");
  ask(false, why);
}

async function pollLists() {
  if (!sessionStorage.getItem("token")) return;
  try {
    await showLists();
    ask(true, "");
  } catch (why) {
    if (why.status === 401 || why.status === 403) forget(`${why.message[0].toUpperCase()}${why.message.slice(1)}.`);
    else ask(true, why.message);
  }
}

// ---- the clock ----

function state(kind, words) {
  if ($("state").dataset.state === kind) return;
  $("state").dataset.state = kind;
  $("state").textContent = words;
}

async function poll() {
  clearTimeout(timer);
  if (document.hidden || asking) return;
  asking = true;
  try {
    const answer = await fetch("/stats", { cache: "no-store" });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    show(await answer.json());
    state("live", "live");
    if (polls++ % LISTS_EVERY === 0) await pollLists();
  } catch {
    state("lost", "no answer, trying again");
  }
  asking = false;
  timer = setTimeout(poll, PERIOD_MS);
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) state("wait", "paused");
  else poll();
});
window.addEventListener("resize", () => { if (last) show(last.stats); });
$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", $("token").value.trim());
  $("token").value = "";
  pollLists();
});
$("forget").addEventListener("click", () => forget(""));
ask(Boolean(sessionStorage.getItem("token")), "");
poll();
