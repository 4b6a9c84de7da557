/*
 * The server's time, by which it dates the points of curves: the viewer's clock may be hours off. It is read from the
 * answers to the requests that the SignalR client makes anyway.
 */
(function ($, ticker) {
    "use strict";

    // Whoever takes longer may have begun to answer long ago, as a poll does that waits for news.
    var QUICK_MS = 2000;

    var ahead = 0;

    function now() {
        return new Date().getTime();
    }

    $.ajaxPrefilter(function (options, original, request) {
        var asked = now();
        if (options.crossDomain) {
            return;
        }
        request.done(function () {
            var date = new Date(request.getResponseHeader("Date") || "").getTime(), took = now() - asked;
            if (!isNaN(date) && took < QUICK_MS) {
                // The header leaves off the fraction of the second, on average a half.
                ahead = date + 500 - (asked + took / 2);
            }
        });
    });

    /* Seconds since the epoch. */
    ticker.serverSeconds = function () {
        return (now() + ahead) / 1000;
    };
}(window.jQuery, window.StockTicker));
