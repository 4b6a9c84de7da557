/*
 * The curves of the stocks: the history of those that are wanted comes from the server, a few stocks at a time; from
 * then on the page goes on by itself.
 */
(function ($, ticker, window) {
    "use strict";

    var BATCH = 50;
    var RETRY_MS = 5000;

    /* `ask(symbols)` returns a promise of [{Symbol, Times, Prices}]; `came()` is called when some have come. */
    ticker.curveStore = function (ask, came) {
        var curves = {}, wanted = [], generation = 0, isAsking = false, timer = null;
        // From when to when the day goes, as far as curves tell.
        var day = { begin: Infinity, end: -Infinity };

        function extend(kept, seconds, price) {
            var times = kept.curve.times;
            ticker.extendCurve(kept.curve, seconds, price);
            day.begin = Math.min(day.begin, times[0]);
            day.end = Math.max(day.end, kept.curve.times[kept.curve.times.length - 1]);
            kept.changes += 1;
        }

        function receive(answer) {
            var kept = curves[ticker.stockKey(answer.Symbol)], live;
            if (!kept) {
                return;
            }
            live = kept.curve;
            kept.curve = ticker.curve();
            kept.isKnown = true;
            $.each(answer.Times, function (index, seconds) { extend(kept, seconds, answer.Prices[index]); });
            $.each(live.times, function (index, seconds) { extend(kept, seconds, live.prices[index]); });
        }

        function askNext() {
            var itsGeneration = generation, batch = wanted.splice(0, BATCH);
            if (isAsking || !batch.length) {
                wanted = batch.concat(wanted);
                return;
            }
            isAsking = true;

            function finish(then) {
                return function (outcome) {
                    if (itsGeneration === generation) {
                        isAsking = false;
                        then(outcome);
                    }
                };
            }

            ask(batch).done(finish(function (answers) {
                $.each(answers, function (_, answer) { receive(answer); });
                came();
                askNext();
            })).fail(finish(function () {
                wanted = batch.concat(wanted);
                timer = window.setTimeout(askNext, RETRY_MS);
            }));
        }

        return {
            /* Asks for the history of some stocks, unless that has been done. */
            want: function (entries) {
                $.each(entries, function (_, entry) {
                    if (!curves[entry.key]) {
                        curves[entry.key] = { curve: ticker.curve(), isKnown: false, changes: 0 };
                        wanted.push(entry.symbol);
                    }
                });
                askNext();
            },
            /* A stock has a new price. */
            changed: function (entry) {
                var kept = curves[entry.key];
                if (kept) {
                    extend(kept, ticker.serverSeconds(), entry.stock.Price);
                }
            },
            /* {curve, changes: how often it has changed}, or null as long as its history is not here. */
            known: function (key) {
                var kept = curves[key];
                return kept && kept.isKnown && kept.curve.times.length ? kept : null;
            },
            day: function () { return day; },
            /* Begins anew: something has been missed, or a new day has begun. */
            forget: function () {
                window.clearTimeout(timer);
                generation += 1;
                isAsking = false;
                curves = {};
                wanted = [];
                day = { begin: Infinity, end: -Infinity };
            }
        };
    };
}(window.jQuery, window.StockTicker, window));
