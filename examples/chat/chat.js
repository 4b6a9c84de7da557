/* The chat's page: a door, and a room behind it. */
(function ($, window) {
    "use strict";

    var RETRY_MS = 3000;
    var hub = $.connection.hub;
    var chat = $.connection.chat;
    var me = null;              // {name, room} once inside
    var known = false;          // whether the server knows that
    var transport = /[?&]transport=(\w+)/.exec(window.location.search);

    function problem(error) {
        $("#problem").text(error ? String(error.message || error) : "");
    }

    /* What is in the log enters the page as text only. */
    function add(kind, build) {
        var log = $("#log");
        var atEnd = log[0].scrollHeight - log.scrollTop() - log.innerHeight() < 40;
        build($("<li>").addClass(kind).appendTo(log));
        if (atEnd) {
            log.scrollTop(log[0].scrollHeight);
        }
    }

    chat.client.peopleChanged = function (names) {
        $("#people").empty().append($.map(names, function (name) {
            return $("<li>").text(name)[0];
        }));
    };

    chat.client.said = function (name, text) {
        add(me && name === me.name ? "said mine" : "said", function (line) {
            line.append($("<b>").text(name), $("<span>").text(text));
        });
    };

    chat.client.noted = function (text) {
        add("noted", function (line) { line.text(text); });
    };

    function allow() {
        $("#enter").prop("disabled", hub.state !== $.signalR.connectionState.connected);
        $("#send, #leave").prop("disabled", !known);
    }

    function show(inside) {
        $("#door").prop("hidden", inside);
        $("#inside").prop("hidden", !inside);
    }

    function enter(name, room) {
        return chat.server.join(name, room).done(function () {
            me = { name: name, room: room };
            known = true;
            allow();
            $("#title").text(room);
            show(true);
            problem("");
        }).fail(problem);
    }

    $("#door").on("submit", function (event) {
        event.preventDefault();
        $("#log").empty();
        enter($.trim($("#name").val()), $.trim($("#room").val())).done(function () { $("#text").trigger("focus"); });
    });

    $("#speak").on("submit", function (event) {
        var text = $("#text").val();
        event.preventDefault();
        chat.server.say(text).done(function () {
            problem("");
            if ($("#text").val() === text) {
                $("#text").val("");
            }
        }).fail(problem);
    });

    $("#leave").on("click", function () {
        chat.server.leave().done(function () {
            me = null;
            known = false;
            allow();
            show(false);
            $("#name").trigger("focus");
        }).fail(problem);
    });

    /* The server may have been restarted, or have given us up: it is told again who is here. */
    function live() {
        problem("");
        if (me && hub.state === $.signalR.connectionState.connected) {
            enter(me.name, me.room).fail(function () { window.setTimeout(live, RETRY_MS); });
        }
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
        known = known && connected;
        allow();
    });
    hub.reconnected(live);
    hub.disconnected(function () { window.setTimeout(start, RETRY_MS); });
    $(start);
}(window.jQuery, window));
