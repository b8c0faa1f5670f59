//! The only place that talks to the daemon: JSON in and out, problem bodies as errors, the login when the session is over.

/** What the daemon refused, in its own words. */
export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail || body?.title || `The daemon answered ${status}.`);
    this.status = status;
    this.type = body?.type ?? "about:blank";
    this.field = body?.field ?? null;
  }
}

/** A path with its parts percent-encoded: path`/v1/enrollments/${id}/resync`. */
export function path(strings, ...values) {
  return strings.reduce((all, part, i) => all + part + (i < values.length ? encodeURIComponent(values[i]) : ""), "");
}

async function call(method, url, { query, body, file, prefer, signal } = {}) {
  const asked = new URL(url, location.origin);
  for (const [name, given] of Object.entries(query ?? {})) {
    for (const value of [given].flat()) {
      if (value !== undefined && value !== null && value !== "") asked.searchParams.append(name, value);
    }
  }
  const headers = { accept: "application/json" };
  // A form on another site can't send this header: that is what makes a change safe from forgery.
  if (method !== "GET") headers["x-acceptd"] = "dashboard";
  if (body !== undefined) headers["content-type"] = "application/json";
  if (file !== undefined) headers["content-type"] = "application/octet-stream";
  if (prefer !== undefined) headers.prefer = prefer;
  let answer;
  try {
    answer = await fetch(asked, {
      method, headers, signal, credentials: "same-origin", cache: "no-store",
      body: file ?? (body === undefined ? undefined : JSON.stringify(body)),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { detail: "The daemon can't be reached. This page goes on by itself when it is back." });
  }
  const text = await answer.text();
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    value = null;
  }
  if (answer.status === 401) {
    location.reload();
    throw new Problem(401, { detail: "The session is over: log in again." });
  }
  if (!answer.ok) throw new Problem(answer.status, value);
  return value;
}

export const get = (url, query, signal) => call("GET", url, { query, signal });
export const post = (url, body) => call("POST", url, { body });
export const upload = (url, query, file, options) => call("POST", url, { query, file, ...options });
export const patch = (url, body) => call("PATCH", url, { body });
export const erase = (url) => call("DELETE", url);
