/* Bringing the rows of the table into an order, with as few moves as possible, and a few at a time. */
(function ($, ticker, document) {
    "use strict";

    // So many rows are placed at once however slow that is: about what a window holds.
    var FIRST_ROWS = 30;

    /*
     * Marks in an array of distinct numbers a longest run (not of neighbours) that ascends already: returns an array
     * of booleans. All other numbers are out of place.
     */
    ticker.inPlace = function (numbers) {
        var ends = [], before = [], marks = [], index, low, high, middle;

        // ends[n]: where the run of n + 1 numbers ends whose last number is the lowest.
        for (index = 0; index < numbers.length; index += 1) {
            low = 0;
            high = ends.length;
            while (low < high) {
                middle = Math.floor((low + high) / 2);
                if (numbers[ends[middle]] < numbers[index]) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            before[index] = low ? ends[low - 1] : -1;
            ends[low] = index;
            marks[index] = false;
        }
        for (index = ends.length ? ends[ends.length - 1] : -1; index >= 0; index = before[index]) {
            marks[index] = true;
        }
        return marks;
    };

    /* Puts `element` into `parent` behind `previous`, or first; what has the focus keeps it. */
    function placeBehind(parent, element, previous) {
        var focused = document.activeElement, node = focused;
        while (node && node !== element) {
            node = node.parentNode;
        }
        parent.insertBefore(element, previous ? previous.nextSibling : parent.firstChild);
        if (node && document.activeElement !== focused) {
            focused.focus({ preventScroll: true });
        }
    }

    /*
     * Keeps the rows of `body`, a tbody, one per stock of `model`, in the listed order unless there is another one.
     * `makeRow(entry)` returns the row of a stock, {element, entry}.
     */
    ticker.arrangement = function (body, model, makeRow) {
        var rows = {}, matches = null, compare = null;
        // What is being done: null if nothing, {at: how far, or null before the begin, entries, last: row, shown}.
        var work = null;

        /* Gives each row its present place; takes away those that are no longer listed, and the word "loading". */
        function tidy() {
            var element = body.firstChild, place = 0, following, row;
            while (element) {
                following = element.nextSibling;
                row = element.nodeType === 1 && rows[ticker.stockKey(element.getAttribute("data-symbol"))];
                if (row && row.element === element && model.entry(row.entry.key) === row.entry) {
                    row.place = place;
                    place += 1;
                } else {
                    body.removeChild(element);
                    if (row && row.element === element) {
                        delete rows[row.entry.key];
                    }
                }
                element = following;
            }
        }

        function byOrder(entry, other) {
            return compare(entry.stock, other.stock) || entry.index - other.index;
        }

        function begin() {
            var entries = model.listed().slice(0), present = [], marks;
            tidy();
            if (compare) {
                entries.sort(byOrder);
            }
            $.each(entries, function (_, entry) {
                if (rows[entry.key]) {
                    present.push(rows[entry.key]);
                }
            });
            marks = ticker.inPlace($.map(present, function (row) { return row.place; }));
            $.each(present, function (index, row) { row.isInPlace = marks[index]; });
            work = { at: 0, entries: entries, last: null, shown: [] };
        }

        function hide(row, isHidden) {
            if (row.isHidden === isHidden) {
                return;
            }
            row.isHidden = isHidden;
            if (isHidden) {
                row.element.setAttribute("hidden", "");
            } else {
                row.element.removeAttribute("hidden");
            }
        }

        function placeNext() {
            var entry = work.entries[work.at], row = rows[entry.key];
            if (!row) {
                row = rows[entry.key] = makeRow(entry);
                row.isHidden = row.isInPlace = false;
            }
            hide(row, Boolean(matches && !matches(entry)));
            if (!row.isInPlace) {
                placeBehind(body, row.element, work.last);
                row.isInPlace = true;
            }
            work.last = row.element;
            work.at += 1;
            if (!row.isHidden) {
                work.shown.push(row);
            }
        }

        function start() {
            work = { at: null };
        }

        return {
            /* What has to be done, has to be done again: other stocks, other prices, another order. */
            start: start,
            /* Shows only the entries that this says, and in this order of their quotes; null: all, as listed. */
            choose: function (itsMatches, itsCompare) {
                matches = itsMatches;
                compare = itsCompare;
                start();
            },
            isDone: function () { return !work; },
            /* Does a part of it; returns the rows that can be seen, from top to bottom, once all is done, else null. */
            goOn: function (hasTime) {
                var shown;
                if (work.at === null) {
                    begin();
                }
                while (work.at < work.entries.length && (work.at < FIRST_ROWS || hasTime())) {
                    placeNext();
                }
                if (work.at < work.entries.length) {
                    return null;
                }
                shown = work.shown;
                // Stocks may have become known meanwhile.
                work = work.entries.length === model.listed().length ? null : { at: null };
                return shown;
            },
            row: function (key) { return rows[key]; }
        };
    };
}(window.jQuery, window.StockTicker, window.document));
