/*
 * The strip #stockTicker: stocks that pass from right to left at a steady speed while the market is open. It holds only
 * as many as are needed to fill it; a stock that has left at the left makes room for the next one at the right.
 */
(function ($, ticker, window) {
    "use strict";

    var PIXELS_PER_SECOND = 80;
    var MAX_ENTRIES = 24;
    // How long it moves by itself; entries that have left meanwhile are replaced after that.
    var STRETCH_MS = 2000;

    var stillness = window.matchMedia ? window.matchMedia("(prefers-reduced-motion: reduce)") : { matches: false };

    ticker.strip = function (model) {
        var box = $("#stockTicker"), list = box.children("ul")[0];
        var glide = ticker.glide(list);
        var elements = ticker.stockElements("<li>", ["symbol", "price", "change", "percent"], function () {
            return $("<span>");
        });
        // What is in the strip, by key, and the place of its first stock in the listed order.
        var made = {}, first = 0;
        var isWanted = false, pauses = {}, timer = null;

        function count() {
            return Math.min(MAX_ENTRIES, model.listed().length);
        }

        function append(entry) {
            var one = elements.make(entry.symbol);
            elements.fill(one, entry.stock);
            made[entry.key] = one;
            list.appendChild(one.element);
        }

        function arrange() {
            var all = model.listed(), index;
            $(list).empty();
            made = {};
            first = all.length > MAX_ENTRIES ? first % all.length : 0;
            for (index = 0; index < count(); index += 1) {
                append(all[(first + index) % all.length]);
            }
        }

        /* Replaces the stocks that have left, if there are others; returns where the list is then. */
        function rotate(left) {
            var all = model.listed(), place = left, leaving, width;
            while (all.length > count()) {
                leaving = made[all[first].key].element;
                width = $(leaving).outerWidth(true);
                if (place + width > 0) {
                    break;
                }
                place += width;
                list.removeChild(leaving);
                delete made[all[first].key];
                append(all[(first + count()) % all.length]);
                first = (first + 1) % all.length;
            }
            return place;
        }

        function go() {
            var left = rotate(glide.place());
            var way = left + $(list).outerWidth();
            if (way <= 1) {
                left = box.width();
                way += left;
            }
            way = Math.min(way, PIXELS_PER_SECOND * STRETCH_MS / 1000);
            glide.go(left, left - way, way / PIXELS_PER_SECOND * 1000);
            timer = window.setTimeout(go, way / PIXELS_PER_SECOND * 1000);
        }

        function update() {
            var isOn = isWanted && !stillness.matches;
            var isMoving = isOn && !pauses.pointer && !pauses.focus && !pauses.button;
            box.attr({ "data-scrolling": String(isOn), "data-paused": String(isOn && !isMoving) });
            $("#pause").prop("disabled", !isOn);
            if (isMoving && timer === null) {
                go();
            } else if (!isMoving) {
                window.clearTimeout(timer);
                timer = null;
                glide.put(stillness.matches ? 0 : glide.place());
            }
        }

        function pause(reason, isPaused) {
            pauses[reason] = isPaused;
            update();
        }

        box.on({
            mouseenter: function () { pause("pointer", true); },
            mouseleave: function () { pause("pointer", false); },
            focusin: function () { pause("focus", true); },
            focusout: function () { pause("focus", false); }
        });
        $("#pause").on("click", function () {
            pause("button", !pauses.button);
            $(this).attr("aria-pressed", String(pauses.button));
        });
        if (stillness.addListener) {
            stillness.addListener(update);
        }

        return {
            /* The stocks that are listed have changed, or their order. */
            arrange: arrange,
            /* A stock has been traded. */
            moved: function (entry) {
                var one = made[entry.key];
                if (one) {
                    elements.fill(one, entry.stock);
                    ticker.flash(one.element, entry.stock.LastChange);
                }
            },
            run: function (yes) {
                isWanted = yes;
                update();
            }
        };
    };
}(window.jQuery, window.StockTicker, window));
