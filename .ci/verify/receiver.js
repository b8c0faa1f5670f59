// A receiver as a user would write it: Express and the official Standard Webhooks library. It tells on standard output, one
// JSON line each, its port and what came of every request.
//
//   node receiver.js HANDLER.js SECRET...
const express = require("express");
const { Webhook } = require("standardwebhooks");

const [handlerPath, ...secrets] = process.argv.slice(2);
const say = (line) => console.log(JSON.stringify(line));

const verified = (secret, body, headers) => {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
};

const judge = (req) => {
  const body = req.rawBody.toString("utf8");
  const tampered = body.replace("ws_default", "ws_defaulT");
  const otherId = { ...req.headers, "webhook-id": "evt_other" };
  const stranger = "whsec_" + Buffer.alloc(24, 7).toString("base64");
  return {
    path: req.path,
    id: req.headers["webhook-id"],
    timestamp: req.headers["webhook-timestamp"],
    contentType: req.headers["content-type"],
    body: req.body,
    verified: secrets.map((secret) => verified(secret, body, req.headers)),
    tampered: tampered === body || verified(secrets[0], tampered, req.headers),
    otherId: verified(secrets[0], body, otherId),
    stranger: verified(stranger, body, req.headers),
  };
};

const app = express();
app.use(express.json({ verify: (req, _res, raw) => (req.rawBody = raw) }));

app.post("/hook", (req, res) => {
  say(judge(req));
  res.status(204).end();
});

let first = true;
app.post("/flaky", (req, res) => {
  say(judge(req));
  res.status(first ? 500 : 200).end();
  first = false;
});

// The handler of a user of SendPilot, as it stands.
const handler = require(handlerPath)({
  crm: { updateLead: async (...args) => say({ path: "/crm", call: "updateLead", args }) },
  slack: { postMessage: async (...args) => say({ path: "/crm", call: "postMessage", args }) },
  log: (text) => say({ path: "/crm", call: "log", args: [text] }),
});
app.post("/crm", (req, _res, next) => {
  say({ ...judge(req), call: "request" });
  next();
}, handler);

const server = app.listen(0, "127.0.0.1", () => say({ port: server.address().port }));
