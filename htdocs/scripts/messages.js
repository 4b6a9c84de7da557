/*
 * What the page says in words: the status line for the eye, and a live region for screen readers. The latter is told
 * what has happened (connection, market, errors), never prices, and never the seconds of a countdown.
 */
(function ($, ticker, window) {
    "use strict";

    var GATHER_MS = 300;
    var FORGET_MS = 10000;
    var sentences = [], timer = null;

    function speak() {
        $("#announcer").text(sentences.join(" "));
        sentences = [];
        // Whoever walks through the page later should not find old news; and the same news may come again.
        timer = window.setTimeout(function () {
            timer = null;
            $("#announcer").text("");
        }, FORGET_MS);
    }

    /* Tells screen readers; what comes together is told together, and once. */
    ticker.announce = function (sentence) {
        if ($.inArray(sentence, sentences) < 0) {
            sentences.push(sentence);
        }
        window.clearTimeout(timer);
        timer = window.setTimeout(speak, GATHER_MS);
    };

    /*
     * The status line. Each topic clears only its own text, so that good news about the connection does not wipe out
     * the error a button press has just brought.
     */
    ticker.say = function (topic, text) {
        ticker.show(topic, text);
        ticker.announce(text);
    };

    /* The same, for the eye only. */
    ticker.show = function (topic, text) {
        $("#status").attr("data-topic", topic).text(text);
    };

    ticker.hush = function (topic) {
        $("#status").filter("[data-topic='" + topic + "']").removeAttr("data-topic").text("");
    };
}(window.jQuery, window.StockTicker, window));
