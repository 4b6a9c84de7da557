/* The course of one stock's price over the day, as points of time and price, and how to draw it. */
(function (ticker) {
    "use strict";

    var MAX_POINTS = 240;
    // So many are left when there are too many, so that this is not needed for every single point.
    var ENOUGH_POINTS = 180;

    /* Keeps the first point, and of each span of so many seconds the last one. */
    function thin(curve, span) {
        var times = curve.times, prices = curve.prices, last = times.length - 1, index;
        curve.times = [times[0]];
        curve.prices = [prices[0]];
        curve.span = span;
        for (index = 1; index <= last; index += 1) {
            if (index === last || Math.floor(times[index] / span) !== Math.floor(times[index + 1] / span)) {
                curve.times.push(times[index]);
                curve.prices.push(prices[index]);
            }
        }
    }

    /*
     * A curve without points: {times: seconds since the epoch, prices: at each of them, span: seconds that one point
     * stands for}.
     */
    ticker.curve = function () {
        return { times: [], prices: [], span: 1 };
    };

    /*
     * Adds the newest price. There are never more than so many points: when a curve becomes too long, a point stands
     * for twice the time, or more, and has the last price of it.
     */
    ticker.extendCurve = function (curve, seconds, price) {
        var last = curve.times.length - 1, start = Math.floor(seconds / curve.span) * curve.span;
        if (last >= 0 && start <= curve.times[last]) {
            curve.prices[last] = price;
            return;
        }
        curve.times.push(start);
        curve.prices.push(price);
        if (curve.times.length > MAX_POINTS) {
            while (curve.times.length > ENOUGH_POINTS) {
                thin(curve, curve.span * 2);
            }
        }
    };

    /* The lowest and the highest of a curve's prices, {low, high}. */
    ticker.curveRange = function (curve) {
        var low = curve.prices[0], high = low, index;
        for (index = 1; index < curve.prices.length; index += 1) {
            low = Math.min(low, curve.prices[index]);
            high = Math.max(high, curve.prices[index]);
        }
        return { low: low, high: high };
    };

    /*
     * How times and prices become places in a box of that size, {x(seconds), y(price)}: `span` is {begin, end} in
     * seconds, `range` {low, high}. Without a difference between low and high all is in the middle.
     */
    ticker.curveScale = function (span, range, width, height) {
        var seconds = span.end - span.begin || 1, prices = range.high - range.low;
        return {
            x: function (at) { return Math.max(0, at - span.begin) / seconds * width; },
            y: function (price) { return prices ? (range.high - price) / prices * height : height / 2; }
        };
    };

    /* The points of an SVG polyline: the curve, and its last price up to the end of `span`. */
    ticker.curvePoints = function (curve, span, scale) {
        var points = [], last = curve.times.length - 1, index;
        for (index = 0; index <= last; index += 1) {
            points.push(scale.x(curve.times[index]).toFixed(1) + "," + scale.y(curve.prices[index]).toFixed(1));
        }
        if (span.end > curve.times[last]) {
            points.push(scale.x(span.end).toFixed(1) + "," + scale.y(curve.prices[last]).toFixed(1));
        }
        return points.join(" ");
    };

    /* A curve in words. */
    ticker.curveText = function (symbol, curve) {
        var range = ticker.curveRange(curve);
        return symbol + ": first " + ticker.fixed(curve.prices[0]) +
            ", last " + ticker.fixed(curve.prices[curve.prices.length - 1]) +
            ", low " + ticker.fixed(range.low) + ", high " + ticker.fixed(range.high);
    };
}(window.StockTicker));
