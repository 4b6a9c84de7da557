/* The small curves in the rows of the table: drawn for rows in view, each at most once a second. */
(function ($, ticker) {
    "use strict";

    var WIDTH = 120;
    var HEIGHT = 24;
    var PAUSE_MS = 1000;
    var LOOK_MS = 200;

    /* `table` is a stock table with a column "curve", `store` a curve store, `frames` the page's. */
    ticker.curveCells = function (table, store, frames) {
        var lookedAt = null;

        function addDrawing(row) {
            var svg = ticker.svgElement(row.parts.curve, "svg", {
                viewBox: "0 -2 " + WIDTH + " " + (HEIGHT + 4),
                preserveAspectRatio: "none",
                role: "img",
                focusable: "false"
            });
            row.drawing = {
                svg: svg,
                open: ticker.svgElement(svg, "line", { "class": "day-open", x1: 0, x2: WIDTH }),
                line: ticker.svgElement(svg, "polyline", { fill: "none", stroke: "currentColor" })
            };
        }

        function draw(row, kept) {
            var curve = kept.curve, span = store.day(), range = ticker.curveRange(curve);
            var dayOpen = row.entry.stock.DayOpen, scale, openAt;
            range = { low: Math.min(range.low, dayOpen), high: Math.max(range.high, dayOpen) };
            scale = ticker.curveScale(span, range, WIDTH, HEIGHT);
            openAt = scale.y(dayOpen).toFixed(1);
            if (!row.drawing) {
                addDrawing(row);
            }
            ticker.setAttributes(row.drawing.svg, {
                "data-points": curve.times.length,
                "aria-label": ticker.curveText(row.entry.symbol, curve)
            });
            ticker.setAttributes(row.drawing.open, { y1: openAt, y2: openAt });
            ticker.setAttributes(row.drawing.line, { points: ticker.curvePoints(curve, span, scale) });
            row.drawn = { kept: kept, changes: kept.changes, end: span.end, at: ticker.now() };
        }

        function isDrawn(row, kept) {
            var drawn = row.drawn;
            return drawn && drawn.kept === kept && drawn.changes === kept.changes && drawn.end === store.day().end;
        }

        function isDue(row, kept) {
            return !row.drawn || row.drawn.kept !== kept || ticker.now() - row.drawn.at >= PAUSE_MS;
        }

        /* Rows that fly by while the viewer scrolls are not asked for. */
        function want(entries) {
            if (lookedAt === null || ticker.now() - lookedAt > LOOK_MS) {
                lookedAt = ticker.now();
                store.want(entries);
                return true;
            }
            return false;
        }

        if (ticker.hasSvg) {
            frames.add(function (hasTime) {
                var isOutOfTime = false, unknown = [];
                $.each(table.visible(), function (_, row) {
                    var kept = store.known(row.entry.key);
                    if (!kept) {
                        unknown.push(row.entry);
                    } else if (!isDrawn(row, kept)) {
                        if (!isDue(row, kept)) {
                            frames.wakeIn(PAUSE_MS);
                        } else if (!isOutOfTime) {
                            draw(row, kept);
                            isOutOfTime = !hasTime();
                        }
                    }
                });
                if (unknown.length && !want(unknown)) {
                    frames.wakeIn(LOOK_MS);
                }
                return isOutOfTime;
            });
        }
    };
}(window.jQuery, window.StockTicker));
