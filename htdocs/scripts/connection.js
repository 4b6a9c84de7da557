/* The hub connection: it is started, kept up, and shown in the badge #connection. */
(function ($, ticker, window) {
    "use strict";

    var ONGOING = { connecting: true, reconnecting: true };

    /* The badge; `roundTripMs` is null while nobody knows. */
    function showConnection(state, transport, roundTripMs) {
        var text = state.charAt(0).toUpperCase() + state.slice(1) + (ONGOING[state] ? "\u2026" : "");
        var measured = roundTripMs === null ? "" : String(roundTripMs);
        var badge = $("#connection");
        $.each({ "data-state": state, "data-transport": transport, "data-rtt": measured }, function (name, value) {
            if (badge.attr(name) !== value) {
                badge.attr(name, value);
            }
        });
        badge.text(text + (transport ? " \u00B7 " + transport : "") + (measured ? " \u00B7 " + measured + " ms" : ""));
    }

    function stateName(number) {
        var found = "";
        $.each($.signalR.connectionState, function (name, value) {
            found = value === number ? name : found;
        });
        return found;
    }

    /* What a page needs of a hub; a call without a connection fails as others do, instead of throwing. */
    function hubOf(proxy, trust) {
        return {
            on: function (name, method) { proxy.on(name, method); },
            invoke: function () {
                try {
                    return proxy.invoke.apply(proxy, arguments);
                } catch (unconnected) {
                    return $.Deferred().reject(unconnected).promise();
                }
            },
            trust: trust
        };
    }

    /*
     * Connects to a hub, and again whenever the connection is gone for good.
     *
     * `build(hub)` registers the client methods by `hub.on(name, method)` and returns the page: {live: called after
     * each (re)connect, lost: called when there is no connection, with the time in milliseconds at which the server was
     * last heard, ask: null, or a call whose answer only shows how long it takes}. The page calls server methods by
     * `hub.invoke(name, argument...)`, and `hub.trust()` once it has its data: a failure after that counts as the
     * first one again.
     */
    function connect(hubName, build) {
        var options = ticker.options(window.location.search);
        var connection = $.hubConnection();
        var heardAt = new Date().getTime(), wasUp = false, failure = "";
        var retry, page, meter;

        function heard() {
            heardAt = new Date().getTime();
        }

        function transportName() {
            return connection.transport ? connection.transport.name : "";
        }

        function live() {
            ticker.hush("connection");
            heard();
            if (wasUp || failure) {
                ticker.announce("Connected.");
            }
            wasUp = true;
            failure = "";
            page.live();
            if (meter) {
                meter.start();
            }
        }

        function start() {
            try {
                connection.start(options.start).done(live).fail(function (error) {
                    failure = ": " + ticker.reason(error).replace(/\.$/, "");
                    // After a protocol error SignalR stays in "connecting"; elsewhere it is about to stop by itself.
                    window.setTimeout(function () { connection.stop(); }, 0);
                });
            } catch (unusable) {
                showConnection("disconnected", "", null);
                ticker.say("connection", ticker.reason(unusable));
            }
        }

        // Where the generated script keeps it, too.
        $.connection.hub = connection;
        connection.logging = options.logging;
        retry = ticker.retry(start, function (seconds) {
            ticker.show("connection", "Disconnected" + failure + ". Trying again in " + seconds + " s.");
        });
        page = build(hubOf(connection.createHubProxy(hubName), retry.succeeded));
        meter = page.ask && ticker.roundTrip(page.ask, function (milliseconds) {
            heard();
            showConnection("connected", transportName(), milliseconds);
        });

        connection.received(heard);
        connection.stateChanged(function (change) {
            var state = stateName(change.newState);
            showConnection(state, state === "connected" ? transportName() : "", null);
            if (state !== "connected") {
                if (meter) {
                    meter.stop();
                }
                page.lost(heardAt);
            }
        });
        connection.reconnecting(function () {
            ticker.say("connection", "The connection was interrupted. Reconnecting\u2026");
        });
        connection.reconnected(live);
        connection.disconnected(function () {
            ticker.announce("Disconnected. Trying again.");
            retry.later();
        });
        start();
    }

    /* Connects once the page's elements are there; see `connect`. */
    ticker.run = function (hubName, build) {
        $(function () {
            if ($.hubConnection) {
                connect(hubName, build);
                return;
            }
            showConnection("disconnected", "", null);
            ticker.say("connection", "The SignalR client could not be loaded. Reload to try again.");
        });
    };
}(window.jQuery, window.StockTicker, window));
