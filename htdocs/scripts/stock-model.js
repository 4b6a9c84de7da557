/* What the page knows of each stock, however little of that is drawn already. */
(function ($, ticker) {
    "use strict";

    /*
     * Keeps one entry per stock: {key, symbol, stock: the newest quote, index: its place in the listed order}. An entry
     * stays the same object for as long as its stock is listed.
     */
    ticker.stockModel = function () {
        var entries = {}, listed = [];

        function enlist(entry) {
            entry.index = listed.length;
            entries[entry.key] = entry;
            listed.push(entry);
        }

        /* Takes a quote, of a new stock perhaps; returns the entry. */
        function put(stock) {
            var key = ticker.stockKey(stock.Symbol);
            if (!entries[key]) {
                enlist({ key: key, symbol: stock.Symbol });
            }
            entries[key].stock = stock;
            return entries[key];
        }

        /* Takes a whole list, its order included, save for the stocks that `isNewer(key)` says are already newer. */
        function putAll(stocks, isNewer) {
            var before = entries, beforeListed = listed;
            entries = {};
            listed = [];
            $.each(stocks, function (_, stock) {
                var key = ticker.stockKey(stock.Symbol), entry = before[key];
                if (entry && !entries[key]) {
                    enlist(entry);
                }
                if (!entry || !isNewer(key)) {
                    put(stock);
                }
            });
            $.each(beforeListed, function (_, entry) {
                if (!entries[entry.key] && isNewer(entry.key)) {
                    enlist(entry);
                }
            });
        }

        return {
            put: put,
            putAll: putAll,
            /* All entries, in the listed order; a new array after each `putAll`. */
            listed: function () { return listed; },
            /* The entry of a key, if there is one. */
            entry: function (key) { return entries[key]; }
        };
    };
}(window.jQuery, window.StockTicker));
