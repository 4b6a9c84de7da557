// ws on Node.js, as its README broadcasts: node benchmarks/peers/ws_broadcast.js PORT, with NODE_PATH.
"use strict";

const http = require("http");
const { setImmediate, setTimeout } = require("timers");
const { URL } = require("url");
const { WebSocket, WebSocketServer } = require("ws");

const port = Number(process.argv[2]);
const server = new WebSocketServer({ backlog: 1000, host: "127.0.0.1", perMessageDeflate: false, port });

server.on("connection", (client) => client.on("error", () => client.terminate()));

let sequence = 0;

// A message has a number and the time it was made at; it is so many bytes of JSON.
function broadcast(size) {
    sequence += 1;
    const head = `{"seq":${sequence},"ts":${process.hrtime.bigint()},"pad":"`;
    const message = head + "x".repeat(Math.max(0, size - head.length - 2)) + "\"}";
    for (const client of server.clients) {
        if (client.readyState === WebSocket.OPEN) {
            client.send(message);
        }
    }
}

function burst(left, size) {
    if (left > 0) {
        broadcast(size);
        setImmediate(burst, left - 1, size);
    }
}

function tick(left, milliseconds, messages, size) {
    if (left > 0) {
        setTimeout(tick, milliseconds, left - 1, milliseconds, messages, size);
        for (let i = 0; i < messages; i += 1) {
            broadcast(size);
        }
    }
}

// The control port: it answers at once, and sends afterwards.
http.createServer((request, response) => {
    const url = new URL(request.url, "http://127.0.0.1");
    const given = (name) => Number(url.searchParams.get(name));
    if (url.pathname === "/burst") {
        setImmediate(burst, given("m"), given("size"));
    } else {
        setImmediate(tick, given("hz") * given("secs"), 1000 / given("hz"), given("k"), given("size"));
    }
    response.setHeader("Connection", "close");
    response.end("ok");
}).listen(port + 1, "127.0.0.1");
