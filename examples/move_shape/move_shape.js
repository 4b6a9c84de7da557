/* The board's page. Places are fractions of the board, so that phones and desks agree on them. */
(function ($, window) {
    "use strict";

    var RETRY_MS = 3000;
    var SEND_MS = 40;           // as often as the server tells others
    var KEYS = { 37: [-1, 0], 38: [0, -1], 39: [1, 0], 40: [0, 1] };
    var KEY_STEP = 0.02;

    var hub = $.connection.hub;
    var server = $.connection.shape.server;
    var transport = /[?&]transport=(\w+)/.exec(window.location.search);
    var shape = $("#shape");
    var place = { x: 0.5, y: 0.5 };
    var grip = null;            // from the pointer to the shape's middle, while it is dragged
    var unsent = false;
    var timer = null;

    function problem(error) {
        $("#problem").text(error ? String(error.message || error) : "");
    }

    function show(x, y) {
        place = { x: x, y: y };
        shape.css({ left: 100 * x + "%", top: 100 * y + "%" }).attr({
            "aria-valuenow": Math.round(100 * x),
            "aria-valuetext": Math.round(100 * x) + " % across, " + Math.round(100 * y) + " % down"
        });
    }

    /* The newest place is sent, and at most one in SEND_MS. */
    function send() {
        unsent = true;
        if (timer === null) {
            flush();
        }
    }

    function flush() {
        timer = null;
        if (unsent && hub.state === $.signalR.connectionState.connected) {
            unsent = false;
            server.move(place.x, place.y).done(function () { problem(""); }).fail(problem);
            timer = window.setTimeout(flush, SEND_MS);
        }
    }

    function move(x, y) {
        show(Math.min(1, Math.max(0, x)), Math.min(1, Math.max(0, y)));
        send();
    }

    /* Where a pointer is on the board. */
    function point(event) {
        var board = $("#board")[0].getBoundingClientRect();
        return { x: (event.clientX - board.left) / board.width, y: (event.clientY - board.top) / board.height };
    }

    function pressed(event) {
        var at = point(event);
        if (event.button) {
            return;
        }
        event.preventDefault();
        shape.trigger("focus").attr("data-dragged", "true");
        grip = { x: place.x - at.x, y: place.y - at.y };
    }

    function dragged(event) {
        var at = grip && point(event);
        if (at) {
            move(at.x + grip.x, at.y + grip.y);
        }
    }

    function released() {
        grip = null;
        shape.removeAttr("data-dragged");
    }

    if (window.PointerEvent) {
        shape[0].addEventListener("pointerdown", function (event) {
            pressed(event);
            shape[0].setPointerCapture(event.pointerId);
        });
        shape[0].addEventListener("pointermove", dragged);
        shape[0].addEventListener("pointerup", released);
        shape[0].addEventListener("pointercancel", released);
    } else {
        shape[0].addEventListener("mousedown", pressed);
        window.addEventListener("mousemove", dragged);
        window.addEventListener("mouseup", released);
    }

    shape.on("keydown", function (event) {
        var step = KEYS[event.which];
        if (step) {
            event.preventDefault();
            move(place.x + KEY_STEP * step[0], place.y + KEY_STEP * step[1]);
        }
    });

    $.connection.shape.client.moved = function (x, y) {
        if (!grip) {
            show(x, y);
        }
    };

    $.connection.shape.client.watched = function (count) {
        $("#watchers").text(count === 1 ? "You are the only one." : count + " pages are open.");
    };

    /* The server may have been restarted, or have given us up: it is told again that somebody looks. */
    function live() {
        server.watch().done(function () {
            problem("");
            shape.attr("data-ready", "true");
            flush();
        }).fail(problem);
    }

    function start() {
        hub.start(transport ? { transport: transport[1] } : {}).done(live).fail(problem);
    }

    hub.stateChanged(function (change) {
        var states = $.signalR.connectionState;
        var connected = change.newState === states.connected;
        var state = connected ? "connected" : change.newState === states.disconnected ? "disconnected" : "connecting";
        var words = { connected: "Connected \u00B7 ", connecting: "Connecting\u2026", disconnected: "Not connected" };
        $("#connection").attr("data-state", state).text(words[state] + (connected ? hub.transport.name : ""));
    });
    hub.reconnected(live);
    hub.disconnected(function () { window.setTimeout(start, RETRY_MS); });
    show(place.x, place.y);
    $(start);
}(window.jQuery, window));
