/* The panel #detail: the curve of one stock, large and with axes. It opens from the button in a row's first cell. */
(function ($, ticker, window) {
    "use strict";

    var HEIGHT = 200;
    var PAUSE_MS = 1000;
    // Room for the axis labels.
    var MARGIN = { top: 10, right: 64, bottom: 24, left: 12 };
    var PRICE_LINES = 4;
    var PIXELS_PER_TIME = 130;

    /* What a row's first cell holds: a button where the page has the panel and the browser can draw it. */
    ticker.symbolButton = function () {
        if (!ticker.hasSvg || !$("#detail").length) {
            return null;
        }
        return $("<button>").attr({ type: "button", tabindex: "-1", "aria-haspopup": "dialog" });
    };

    function label(svg, x, y, anchor, text) {
        var element = ticker.svgElement(svg, "text", { x: x.toFixed(1), y: y.toFixed(1), "text-anchor": anchor });
        element.appendChild(window.document.createTextNode(text));
    }

    function line(svg, className, x1, y1, x2, y2) {
        ticker.svgElement(svg, "line", {
            "class": className, x1: x1.toFixed(1), y1: y1.toFixed(1), x2: x2.toFixed(1), y2: y2.toFixed(1)
        });
    }

    function drawPrices(svg, scale, range, width) {
        var index, price, y;
        for (index = 0; index < PRICE_LINES; index += 1) {
            price = range.low + (range.high - range.low) * index / (PRICE_LINES - 1);
            y = scale.y(price);
            line(svg, "grid", 0, y, width, y);
            label(svg, width + 8, y + 4, "start", ticker.fixed(price));
        }
    }

    function drawTimes(svg, scale, span, width, height) {
        var count = Math.max(2, Math.floor(width / PIXELS_PER_TIME) + 1), index, seconds, x, anchor;
        for (index = 0; index < count; index += 1) {
            seconds = span.begin + (span.end - span.begin) * index / (count - 1);
            x = scale.x(seconds);
            anchor = index === 0 ? "start" : index === count - 1 ? "end" : "middle";
            line(svg, "grid", x, height, x, height + 4);
            label(svg, x, height + 18, anchor, ticker.timeOfDay(seconds * 1000, span.end - span.begin < 600));
        }
    }

    /* Replaces the drawing in `box`; `span` is that of the day. */
    function drawChart(box, entry, curve, span) {
        var outer = Math.max(240, box.width());
        var width = outer - MARGIN.left - MARGIN.right, height = HEIGHT - MARGIN.top - MARGIN.bottom;
        var range = ticker.curveRange(curve), dayOpen = entry.stock.DayOpen, scale, svg, plot;

        range = { low: Math.min(range.low, dayOpen), high: Math.max(range.high, dayOpen) };
        if (range.low === range.high) {
            range = { low: range.low - 0.01, high: range.high + 0.01 };
        }
        scale = ticker.curveScale(span, range, width, height);
        svg = ticker.svgElement(null, "svg", {
            viewBox: "0 0 " + outer + " " + HEIGHT,
            width: outer,
            height: HEIGHT,
            role: "img",
            focusable: "false",
            "data-points": curve.times.length,
            "aria-label": ticker.curveText(entry.symbol, curve)
        });
        plot = ticker.svgElement(svg, "g", { transform: "translate(" + MARGIN.left + "," + MARGIN.top + ")" });
        drawPrices(plot, scale, range, width);
        drawTimes(plot, scale, span, width, height);
        line(plot, "day-open", 0, scale.y(dayOpen), width, scale.y(dayOpen));
        ticker.svgElement(plot, "polyline", {
            fill: "none", stroke: "currentColor", points: ticker.curvePoints(curve, span, scale)
        });
        box.empty().append(svg);
    }

    /* `table` is the page's, `store` its curves, `frames` its frames. */
    ticker.detail = function (table, model, store, frames) {
        var panel = $("#detail"), title = $("#detail-title");
        var summary = panel.find(".summary"), box = panel.find(".chart");
        var shown = null, opener = null, drawn = null, tabStop = null;

        function describe(stock) {
            var arrow = { up: "\u25B2 ", down: "\u25BC ", even: "" }[ticker.direction(stock.Change)];
            return ticker.fixed(stock.Price) + "  " + arrow + ticker.fixed(stock.Change) +
                " (" + ticker.fixed(stock.PercentChange * 100) + "%)";
        }

        function close() {
            shown = null;
            panel.attr("hidden", "");
            $("body").removeAttr("data-detail");
            if (opener) {
                opener.focus();
            }
        }

        function open(row) {
            var isNew = !shown;
            shown = row.entry.key;
            opener = row.parts.symbol.firstChild;
            drawn = null;
            title.text(row.entry.symbol);
            box.empty();
            panel.removeAttr("hidden").find("button").prop("disabled", false);
            $("body").attr("data-detail", "true");
            store.want([row.entry]);
            if (isNew) {
                panel.find("button")[0].focus();
            }
            frames.wake();
        }

        function draw() {
            var entry = model.entry(shown), kept = store.known(shown), span = store.day();
            if (!entry) {
                close();
                return;
            }
            if (drawn && drawn.kept === kept && drawn.changes === kept.changes && drawn.end === span.end) {
                return;
            }
            if (drawn && drawn.kept === kept && ticker.now() - drawn.at < PAUSE_MS) {
                frames.wakeIn(PAUSE_MS);
                return;
            }
            if (!kept) {
                store.want([entry]);
                return;
            }
            summary.text(describe(entry.stock));
            panel.attr("data-direction", ticker.direction(entry.stock.Change));
            drawChart(box, entry, kept.curve, span);
            drawn = { kept: kept, changes: kept.changes, end: span.end, at: ticker.now() };
        }

        function rowOf(button) {
            return table.row(ticker.stockKey($(button).closest("tr").attr("data-symbol")));
        }

        /* One of the symbols' buttons is a tab stop, so that nobody has to pass all of them; see `moveFocus`. */
        function setTabStop(row) {
            if (tabStop) {
                tabStop.parts.symbol.firstChild.setAttribute("tabindex", "-1");
            }
            tabStop = row;
            tabStop.parts.symbol.firstChild.setAttribute("tabindex", "0");
        }

        function keepTabStop() {
            var first = table.first();
            if (first && (!tabStop || tabStop.isHidden || table.row(tabStop.entry.key) !== tabStop)) {
                setTabStop(first);
            }
        }

        /* Arrow keys lead from one symbol's button to the others. */
        function moveFocus(from, key) {
            var buttons = $("#stockTable tbody tr").not("[hidden]").find("th button");
            var index = buttons.index(from), last = buttons.length - 1;
            // Internet Explorer leaves out the "Arrow".
            var to = { Down: index + 1, Up: index - 1, Home: 0, End: last }[key.replace("Arrow", "")];
            if (buttons[to]) {
                buttons[to].focus();
                return true;
            }
            return false;
        }

        if (!ticker.hasSvg) {
            return;
        }
        $("#stockTable").on("click", "tbody th button", function () {
            open(rowOf(this));
        }).on("focusin", "tbody th button", function () {
            setTabStop(rowOf(this));
        }).on("keydown", "tbody th button", function (event) {
            if (moveFocus(this, event.key)) {
                event.preventDefault();
            }
        });
        panel.find("button").on("click", close);
        $(window.document).on("keydown", function (event) {
            if (shown && (event.key === "Escape" || event.key === "Esc")) {
                close();
            }
        });
        $(window).on("resize", function () {
            drawn = null;
            frames.wake();
        });
        frames.add(function () {
            keepTabStop();
            if (shown) {
                draw();
            }
            return false;
        });
    };
}(window.jQuery, window.StockTicker, window));
