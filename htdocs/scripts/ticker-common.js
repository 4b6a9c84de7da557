/*
 * What the two stock pages share: options from the address, number formats, elements kept by symbol, a picture of
 * the server's data that never goes stale, and the life of the connection. Creates the one global, StockTicker.
 *
 * Plain ES3 with jQuery: it also runs in IE 8 (with jQuery 1.12.4).
 */
(function ($, window) {
    "use strict";

    var RETRY_MS = 5000;
    var DEFAULT_TRANSPORTS = "webSockets,longPolling";
    var COLUMNS = {
        symbol: function (stock) { return stock.Symbol; },
        price: function (stock) { return fixed(stock.Price); },
        open: function (stock) { return fixed(stock.DayOpen); },
        high: function (stock) { return fixed(stock.DayHigh); },
        low: function (stock) { return fixed(stock.DayLow); },
        change: function (stock) {
            var arrow = { up: "\u25B2 ", down: "\u25BC ", even: "" }[direction(stock.Change)];
            return arrow + fixed(stock.Change);
        },
        percent: function (stock) { return fixed(stock.PercentChange * 100) + "%"; }
    };

    /* Two decimals; a tiny loss is "0.00", not "-0.00". */
    function fixed(value) {
        return Number(value).toFixed(2).replace(/^-0\.00$/, "0.00");
    }

    function direction(change) {
        return change > 0 ? "up" : change < 0 ? "down" : "even";
    }

    /* Prefixed, because a symbol may be called like a member of Object. */
    function stockKey(symbol) {
        return "stock:" + symbol;
    }

    /* The first value of each name in a query string such as "?transport=longPolling&logging=1". */
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

    function decode(text) {
        var spaced = text.replace(/\+/g, " ");
        try {
            return decodeURIComponent(spaced);
        } catch (malformed) {
            return spaced;
        }
    }

    /*
     * What the address asks of the connection: {start: argument of hub.start(), logging: boolean}.
     *
     * Without a wish it is a WebSocket, or else long polling, which no proxy can hold up as it can an endless response.
     * "auto" leaves the order to the client: it then tries those too.
     */
    function connectionOptions(search) {
        var query = parseQuery(search);
        var transports = query("transport").replace(/\s/g, "") || DEFAULT_TRANSPORTS;
        var start = {};
        if (transports !== "auto") {
            start.transport = transports.indexOf(",") < 0 ? transports : transports.split(",");
        }
        return { start: start, logging: /^(1|true)$/i.test(query("logging")) };
    }

    /*
     * The status line. Each topic clears only its own text, so that good news about the connection does not wipe out
     * the error a button press has just brought.
     */
    function say(topic, text) {
        $("#status").attr("data-topic", topic).text(text);
    }

    function hush(topic) {
        $("#status").filter("[data-topic='" + topic + "']").removeAttr("data-topic").text("");
    }

    function reason(error) {
        return String(error && error.message || error);
    }

    /*
     * One element per stock in `container`, kept in order. Every element has the attributes data-symbol and
     * data-direction ("up", "down", "even": the day's change) and one part per column, whose class is the column's name.
     *
     * `columns` are names out of COLUMNS; `create(column)` makes the part for one, `outer` is the element's own tag.
     * Server data enters the page as text and attribute values only.
     */
    function stockElements(container, outer, columns, create) {
        var elements = {};

        function fill(element, stock) {
            element.attr("data-direction", direction(stock.Change));
            $.each(columns, function (index, column) {
                element.children().eq(index).text(COLUMNS[column](stock));
            });
        }

        function add(stock) {
            var element = $(outer).attr("data-symbol", stock.Symbol);
            $.each(columns, function (_, column) {
                element.append(create(column).addClass(column));
            });
            container.children(".loading").remove();
            return elements[stockKey(stock.Symbol)] = element.appendTo(container);
        }

        function put(stock) {
            var element = elements[stockKey(stock.Symbol)] || add(stock);
            fill(element, stock);
            return element;
        }

        /* Shows a whole list, its order included, save for the stocks that `isNewer(key)` says are already newer. */
        function putAll(stocks, isNewer) {
            var before = elements, ordered = [];
            elements = {};
            $.each(stocks, function (_, stock) {
                var key = stockKey(stock.Symbol);
                if (before[key]) {
                    elements[key] = before[key];
                }
                if (!elements[key] || !isNewer(key)) {
                    put(stock);
                }
                ordered.push(elements[key][0]);
            });
            $.each(before, function (key, element) {
                if (elements[key]) {
                    return;
                }
                if (isNewer(key)) {
                    elements[key] = element;
                    ordered.push(element[0]);
                } else {
                    element.remove();
                }
            });
            container.children(".loading").remove();
            container.append(ordered);
        }

        return { put: put, putAll: putAll };
    }

    /* The rows of #stockTable; a narrow page shows a cell's heading, kept in data-label, in front of it. */
    function tableRows(columns) {
        var table = $("#stockTable");
        var headings = table.find("thead th");

        return stockElements(table.children("tbody"), "<tr>", columns, function (column) {
            if (column === "symbol") {
                return $("<th>").attr("scope", "row");
            }
            return $("<td>").attr("data-label", headings.filter("." + column).text());
        });
    }

    /*
     * Keeps the page's picture of the server's data right while answers and broadcasts overtake each other.
     *
     * A broadcast carries one thing (a stock, the market's state) whole, and all broadcasts arrive, in order. An answer
     * may travel beside them (long polling: on another HTTP response). Whatever arrived *before* the question was sent
     * is part of the answer. What arrives *while* waiting may be older or newer than the answer; it is kept, because
     * if the answer is newer, the broadcast that made it so is on its way. So the broadcasts always have the last word,
     * and no number of them can keep an answer from being shown.
     *
     * `ask()` returns a promise of the data; `show(isNewer, data…)` puts it on the page where not `isNewer(key)`.
     */
    function picture(ask, show) {
        var current = null, timer = null;

        /* An overlapping refresh asks once more after the present answer: at most one question is on its way. */
        function refresh() {
            var request;
            if (current) {
                current.again = true;
                return;
            }
            window.clearTimeout(timer);
            request = current = { changed: {}, again: false };

            function finish(then) {
                return function () {
                    if (request === current) {
                        current = null;
                        then.apply(null, arguments);
                    }
                };
            }

            ask().done(finish(function () {
                hush("picture");
                show.apply(null, [function (key) { return key in request.changed; }].concat($.makeArray(arguments)));
                if (request.again) {
                    refresh();
                }
            })).fail(finish(function (error) {
                say("picture", "Could not load the prices: " + reason(error));
                timer = window.setTimeout(refresh, RETRY_MS);
            }));
        }

        return {
            refresh: refresh,
            changed: function (key) {
                if (current) {
                    current.changed[key] = true;
                }
            },
            /* Connection lost: nobody waits for an answer any more. */
            drop: function () {
                window.clearTimeout(timer);
                current = null;
            }
        };
    }

    function showConnection(state, transport) {
        var text = state.charAt(0).toUpperCase() + state.slice(1);
        var waiting = /ing$/.test(state) ? "\u2026" : "";
        $("#connection")
            .attr({ "data-state": state, "data-transport": transport })
            .text(text + (transport ? " \u00B7 " + transport : waiting));
    }

    /* Starts the hub connection and keeps it up: `page.live()` after each (re)connect, `page.lost()` when it is gone. */
    function connect(hub, page) {
        var options = connectionOptions(window.location.search);
        var names = {}, failure = "";

        $.each($.signalR.connectionState, function (name, number) { names[number] = name; });

        function live() {
            failure = "";
            hush("connection");
            page.live();
        }

        function start() {
            try {
                hub.start(options.start).done(live).fail(function (error) {
                    failure = ": " + reason(error).replace(/\.$/, "");
                    // After a protocol error SignalR stays in "connecting"; elsewhere it is about to stop by itself.
                    window.setTimeout(function () { hub.stop(); }, 0);
                });
            } catch (unusable) {
                showConnection("disconnected", "");
                say("connection", reason(unusable));
            }
        }

        hub.logging = options.logging;
        hub.stateChanged(function (change) {
            var state = names[change.newState];
            showConnection(state, state === "connected" && hub.transport ? hub.transport.name : "");
            if (state !== "connected") {
                page.lost();
            }
        });
        hub.reconnecting(function () {
            say("connection", "The connection was interrupted. Reconnecting\u2026");
        });
        hub.reconnected(live);
        hub.disconnected(function () {
            say("connection", "Disconnected" + failure + ". Trying again in " + RETRY_MS / 1000 + " seconds.");
            window.setTimeout(start, RETRY_MS);
        });
        start();
    }

    /* Runs a page once its elements are there; `build(proxy)` registers the client methods and returns {live, lost}. */
    function run(proxyName, build) {
        $(function () {
            var proxy = $.connection && $.connection[proxyName];
            if (!proxy) {
                showConnection("disconnected", "");
                say("connection", "The server did not describe its hub \u201C" + proxyName + "\u201D. Reload to try again.");
                return;
            }
            connect($.connection.hub, build(proxy));
        });
    }

    window.StockTicker = {
        connectionOptions: connectionOptions,
        direction: direction,
        hush: hush,
        picture: picture,
        reason: reason,
        run: run,
        say: say,
        stockElements: stockElements,
        stockKey: stockKey,
        tableRows: tableRows
    };
}(window.jQuery, window));
