//! What the session may do. The daemon decides anyway; the page only leaves out what would be refused.

const ROLES = ["read", "enroll", "operate", "admin"];
const own = ROLES.indexOf(document.documentElement.dataset.role);

/** Whether this session may do what the role may do. */
export const may = (role) => own >= ROLES.indexOf(role);
