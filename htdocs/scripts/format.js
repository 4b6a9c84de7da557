/*
 * The one global of the pages, and how they write numbers and times.
 *
 * All scripts of the pages are plain ES3 with jQuery: they also run in IE 8 (with jQuery 1.12.4).
 */
window.StockTicker = {};

(function (ticker) {
    "use strict";

    function twoDigits(number) {
        return (number < 10 ? "0" : "") + number;
    }

    /* Two decimals; a tiny loss is "0.00", not "-0.00". */
    ticker.fixed = function (value) {
        return Number(value).toFixed(2).replace(/^-0\.00$/, "0.00");
    };

    ticker.direction = function (change) {
        return change > 0 ? "up" : change < 0 ? "down" : "even";
    };

    /* The viewer's time of day, "14:03" or "14:03:22"; `time` is in milliseconds since the epoch. */
    ticker.timeOfDay = function (time, withSeconds) {
        var date = new Date(time);
        return twoDigits(date.getHours()) + ":" + twoDigits(date.getMinutes()) +
            (withSeconds ? ":" + twoDigits(date.getSeconds()) : "");
    };

    /* Prefixed, because a symbol may be called like a member of Object. */
    ticker.stockKey = function (symbol) {
        return "stock:" + symbol;
    };

    /* What an error says. */
    ticker.reason = function (error) {
        return String(error && error.message || error);
    };
}(window.StockTicker));
