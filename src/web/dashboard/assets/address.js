//! Addresses of pages: they live in the fragment, so that every page can be linked and Back works.

/** The page and its filters that a fragment names. */
export function parse(hash) {
  const [path, query] = hash.replace(/^#\/?/, "").split("?");
  let parts;
  try {
    parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    parts = ["?"];
  }
  return { parts: parts.length ? parts : ["campaigns"], query: Object.fromEntries(new URLSearchParams(query ?? "")) };
}

/** The address of a page: to("enrollments", id), with a query as last argument where it is an object. */
export function to(...parts) {
  const query = typeof parts.at(-1) === "object" ? parts.pop() : {};
  const left = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const search = new URLSearchParams(left).toString();
  return `#/${parts.map(encodeURIComponent).join("/")}${search ? `?${search}` : ""}`;
}
