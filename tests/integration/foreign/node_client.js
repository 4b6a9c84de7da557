// npm's signalr-client: node node_client.js URL, with NODE_PATH; it writes a line of JSON for all that comes.
"use strict";

const signalR = require("signalr-client");

const note = (what) => process.stdout.write(JSON.stringify(what) + "\n");
const client = new signalR.client(process.argv[2], ["chat"], 10, true);

client.serviceHandlers.connected = () => {
    note({ connected: true });
    client.invoke("chat", "say", "hello from node");
};
client.serviceHandlers.disconnected = () => note({ closed: true });
client.serviceHandlers.onerror = (error) => note({ broken: String(error) });
client.serviceHandlers.bindingError = (error) => note({ broken: String(error) });
client.on("chat", "said", (...texts) => {
    note({ said: texts });
    client.call("chat", "add", 2, 3).done((error, result) => {
        note({ result: result, id: String(client.lastMessageId) });
        client.call("chat", "refuse").done((refusal) => {
            note({ error: refusal });
            client.end();
        });
    });
});
client.start();
