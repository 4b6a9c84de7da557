/*
 * The table #stockTable. It is told at once of everything, and draws in frames: rows in view first, the others within
 * half a second, and however many rows there are, only so much at once.
 */
(function ($, ticker, window) {
    "use strict";

    var BEHIND_MS = 400;

    function rowElements(columns, symbolPart) {
        return ticker.stockElements($("<tr>").attr("role", "row"), columns, function (column) {
            if (column === "symbol") {
                return $("<th>").attr({ scope: "row", role: "rowheader" }).append(symbolPart());
            }
            return $("<td>").attr("role", "cell");
        });
    }

    /*
     * `model` are the stocks (see `stockModel`), `frames` the page's. `parts` is {columns: those of the page,
     * symbolPart: makes what a symbol is in, or returns null, moved(row, stock): called when a row in view has been
     * drawn because its stock was traded}.
     */
    ticker.stockTable = function (model, frames, parts) {
        var body = $("#stockTable").children("tbody")[0];
        var elements = rowElements(parts.columns, parts.symbolPart);
        var view = ticker.inView(body);
        var arrangement = ticker.arrangement(body, model, makeRow);
        // The rows that can be seen if one scrolls there, from top to bottom.
        var shown = [];
        // The rows to be drawn in this pass and in the next one; those in view do not wait for their turn.
        var batch = [], next = [], passAt = 0, waiting = [];

        function makeRow(entry) {
            var row = elements.make(entry.symbol);
            row.entry = entry;
            draw(row);
            return row;
        }

        function draw(row) {
            row.isDirty = row.isMoved = false;
            elements.fill(row, row.entry.stock);
        }

        function visible() {
            var range = view.range(shown.length);
            return shown.slice(range.first, range.end);
        }

        function drawVisible() {
            $.each(visible(), function (_, row) {
                var isMoved = row.isMoved;
                if (row.isDirty) {
                    draw(row);
                    if (isMoved) {
                        parts.moved(row, row.entry.stock);
                    }
                }
            });
        }

        function goOnArranging(hasTime) {
            var rows = arrangement.goOn(hasTime);
            if (rows) {
                shown = rows;
                view.invalidate();
            }
        }

        function drawBehind(hasTime) {
            var now = ticker.now(), row;
            if (!batch.length && now - passAt >= BEHIND_MS) {
                batch = next;
                next = [];
                passAt = now;
            }
            do {
                row = batch.pop();
                if (row && row.isDirty) {
                    draw(row);
                }
            } while (batch.length && hasTime());
        }

        function isDrawn() {
            return arrangement.isDone() && !batch.length;
        }

        function arrange() {
            arrangement.start();
            frames.wake();
        }

        function changed(entry, isMoved) {
            var row = arrangement.row(entry.key);
            if (row) {
                row.isMoved = row.isMoved || isMoved;
                if (!row.isDirty) {
                    row.isDirty = true;
                    next.push(row);
                }
            } else if (arrangement.isDone()) {
                arrangement.start();
            }
            frames.wake();
        }

        // What comes into view has its turn.
        $(window).on("scroll resize", frames.wake);
        frames.add(function (hasTime) {
            var done;
            drawVisible();
            if (!arrangement.isDone()) {
                goOnArranging(hasTime);
            }
            if (arrangement.isDone()) {
                drawBehind(hasTime);
            }
            while (waiting.length && isDrawn()) {
                done = waiting.shift();
                done();
            }
            if (next.length && !batch.length) {
                frames.wakeIn(Math.max(0, passAt + BEHIND_MS - ticker.now()));
            }
            return !isDrawn();
        });

        return {
            /* A stock, a new one perhaps, has been traded. */
            moved: function (entry) { changed(entry, true); },
            /* The stocks that are listed have changed, or what is known of them. */
            listed: function () {
                arrange();
                $.each(model.listed(), function (_, entry) { changed(entry, false); });
            },
            /* Brings the rows into order. */
            arrange: arrange,
            /* Shows only the entries that `matches` says, and in the order of `compare`; null: all, as listed. */
            show: function (matches, compare) {
                arrangement.choose(matches, compare);
                frames.wake();
            },
            /* Calls back as soon as all rows show what has been told by now. */
            flush: function (done) {
                batch = batch.concat(next);
                next = [];
                waiting.push(done);
                frames.wake();
            },
            /* The rows in view: {entry, element, parts}. */
            visible: visible,
            row: arrangement.row,
            /* The first row that is shown, if there is one. */
            first: function () { return shown[0]; }
        };
    };
}(window.jQuery, window.StockTicker, window));
