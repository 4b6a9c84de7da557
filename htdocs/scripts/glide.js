/*
 * Moving an element sideways at a steady speed. Where the browser can, it does so by itself, however busy the page is;
 * elsewhere jQuery does.
 */
(function ($, ticker, window) {
    "use strict";

    var PLACE = /matrix\([^,]+,[^,]+,[^,]+,[^,]+,\s*([^,]+),/;

    /* By a CSS transition. */
    function byTransition(element) {
        var style = element.style;

        function put(left) {
            style.transition = "none";
            style.transform = left ? "translateX(" + left.toFixed(1) + "px)" : "";
        }

        return {
            put: put,
            go: function (from, to, milliseconds) {
                put(from);
                // Without having been laid out at its start, it would begin wherever it has been.
                element.getBoundingClientRect();
                style.transition = "transform " + (milliseconds / 1000).toFixed(3) + "s linear";
                style.transform = "translateX(" + to.toFixed(1) + "px)";
            },
            place: function () {
                var found = window.getComputedStyle && PLACE.exec(window.getComputedStyle(element, null).transform);
                return found ? Number(found[1]) : 0;
            }
        };
    }

    /* By moving its margin. */
    function byMargin(element) {
        var moving = $({}), place = 0;

        function put(left) {
            place = left;
            element.style.marginLeft = left.toFixed(0) + "px";
        }

        return {
            put: function (left) {
                moving.stop(true);
                put(left);
            },
            go: function (from, to, milliseconds) {
                moving.stop(true);
                moving = $({ place: from }).animate({ place: to }, {
                    duration: milliseconds, easing: "linear", step: put
                });
            },
            place: function () { return place; }
        };
    }

    /*
     * Moves an element: `put(left)` places it, so many pixels from where it would be; `go(from, to, milliseconds)` lets
     * it move; `place()` tells where it is just now.
     */
    ticker.glide = function (element) {
        var style = element.style;
        return "transition" in style && "transform" in style ? byTransition(element) : byMargin(element);
    };
}(window.jQuery, window.StockTicker, window));
