// A receiver that verifies and deduplicates. npm install standardwebhooks; SECRET=whsec_… node receiver.mjs
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const hook = new Webhook(process.env.SECRET);
const seen = new Set(); // Keep the ids in your database: they are the same for ever, also after a restart.

createServer(async (request, response) => {
  let body = "";
  for await (const part of request) body += part;
  let event;
  try {
    event = hook.verify(body, request.headers);
  } catch {
    return response.writeHead(401).end();
  }
  const id = request.headers["webhook-id"];
  if (!seen.has(id)) console.log(event.type, JSON.stringify(event.data.prospect ?? event.data));
  seen.add(id);
  response.writeHead(204).end();
}).listen(Number(process.env.PORT ?? 9000), "127.0.0.1");
