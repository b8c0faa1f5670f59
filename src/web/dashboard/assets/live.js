//! One event stream for the whole page. The browser sends the last id by itself when it connects again, so that nothing is
//! missed; the page reads its lists again all the same.

const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 15000;

let source = null;
let wait = RETRY_MIN_MS;
let lost = false;
let timer = 0;
let onChange = () => {};

function state(name, text) {
  const badge = document.getElementById("live");
  if (badge.dataset.state !== name) {
    badge.dataset.state = name;
    badge.textContent = text;
  }
}

function connect() {
  source = new EventSource("/v1/stream");
  source.onopen = () => {
    wait = RETRY_MIN_MS;
    state("live", "Live");
    if (lost) onChange({ kind: "reset", data: null });
    lost = false;
  };
  source.onerror = () => {
    lost = true;
    state("lost", "Reconnecting…");
    if (source.readyState === EventSource.CLOSED) {
      // The browser gives up after an answer that is no stream (503, or a login that is over).
      source.close();
      // Reading the page again finds out which, and asks for a token if the session is over.
      onChange({ kind: "reset", data: null });
      timer = setTimeout(connect, wait);
      wait = Math.min(wait * 2, RETRY_MAX_MS);
    }
  };
  for (const kind of ["stamp", "delivery", "reset"]) {
    source.addEventListener(kind, (event) => {
      let data = null;
      try {
        data = JSON.parse(event.data);
      } catch {
        data = null;
      }
      onChange({ kind, data });
    });
  }
}

/** Starts the stream; `listener` gets `{kind: "stamp" | "delivery" | "reset", data}`. */
export function start(listener) {
  onChange = listener;
  connect();
  // A browser keeps few connections to one host: a tab that nobody sees gives its one back, and catches up when it is seen.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      clearTimeout(timer);
      source.close();
      lost = true;
      state("wait", "Paused");
    } else if (source.readyState === EventSource.CLOSED) connect();
  });
}
