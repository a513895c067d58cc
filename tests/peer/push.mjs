// node push.mjs CERTIFICATE KEY AUTHORITY: a push service over HTTP/2 that asks for a client certificate, on a port of its own choice.
//
// The first line it prints is its port; then, as JSON, each request with the number of the connection that it came on. What it answers stands in the
// device's token: `…200`, `…410` (with a time), `…429` (with Retry-After), and `…503`, after which it says GOAWAY and ends the connection.

import { createSecureServer } from "node:http2";
import { readFileSync } from "node:fs";

const [certificate, key, authority] = process.argv.slice(2).map((path) => readFileSync(path));
const server = createSecureServer({ cert: certificate, key, ca: authority, requestCert: true, rejectUnauthorized: true });

let connections = 0;
server.on("session", (session) => {
  session.number = ++connections;
});
server.on("stream", (stream, headers) => {
  let body = "";
  stream.setEncoding("utf8");
  stream.on("data", (part) => (body += part));
  stream.on("end", () => {
    const path = headers[":path"];
    console.log(
      JSON.stringify({
        connection: stream.session.number,
        method: headers[":method"],
        path,
        topic: headers["apns-topic"],
        type: headers["apns-push-type"],
        priority: headers["apns-priority"],
        authorization: headers["authorization"],
        certificate: stream.session.socket.getPeerCertificate().subject?.UID,
        body,
      }),
    );
    const answer = (status, more, reason) => {
      stream.respond({ ":status": status, "apns-id": "00000000-0000-0000-0000-000000000000", ...more });
      stream.end(reason === undefined ? undefined : JSON.stringify(reason));
    };
    const session = stream.session;
    switch (path.slice(-3)) {
      case "200":
        return answer(200, {});
      case "410":
        return answer(410, {}, { reason: "Unregistered", timestamp: 1700000000000 });
      case "429":
        return answer(429, { "retry-after": "7" }, { reason: "TooManyRequests" });
      case "503":
        answer(503, {}, { reason: "Shutdown" });
        session.goaway(0);
        return stream.on("close", () => session.close());
      default:
        return answer(400, {}, { reason: "BadDeviceToken" });
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
