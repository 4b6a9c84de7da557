/* What the address asks for: "?transport=longPolling&logging=1&rate=0.2". */
(function ($, ticker) {
    "use strict";

    var DEFAULT_TRANSPORTS = "webSockets,longPolling";

    function decode(text) {
        var spaced = text.replace(/\+/g, " ");
        try {
            return decodeURIComponent(spaced);
        } catch (malformed) {
            return spaced;
        }
    }

    /* The first value of each name in a query string. */
    function parseQuery(search) {
        var found = {};
        $.each(search.replace(/^\?/, "").split("&"), function (_, pair) {
            var parts = /^([^=]+)=?(.*)$/.exec(pair), key;
            if (!parts) {
                return;
            }
            key = "query:" + decode(parts[1]);
            if (!(key in found)) {
                found[key] = decode(parts[2]);
            }
        });
        return function (name) { return found["query:" + name] || ""; };
    }

    /*
     * {start: argument of connection.start(), logging: boolean, rate: update rate, "" if there is no wish}.
     *
     * Without a wish it is a WebSocket, or else long polling, which no proxy can hold up as it can an endless response.
     * "auto" leaves the order to the client: it then tries those too.
     */
    ticker.options = function (search) {
        var query = parseQuery(search);
        var transports = query("transport").replace(/\s/g, "") || DEFAULT_TRANSPORTS;
        var start = {};
        if (transports !== "auto") {
            start.transport = transports.indexOf(",") < 0 ? transports : transports.split(",");
        }
        return { start: start, logging: /^(1|true)$/i.test(query("logging")), rate: query("rate") };
    };
}(window.jQuery, window.StockTicker));
