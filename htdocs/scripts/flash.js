/*
 * Flashes: for about a second an element shows how its price has just moved. The attribute data-flash is "up", "down"
 * or "even" meanwhile; the style sheet says what that looks like, and how it ends.
 */
(function ($, ticker, window) {
    "use strict";

    var FLASH_MS = 800;
    var CHECK_MS = 100;
    var FADE_MS = 1000;

    var canFade = "transition" in window.document.documentElement.style;
    var lit = [], timer = null;

    function sweep() {
        var now = ticker.now(), still = [];
        $.each(lit, function (_, element) {
            if (element.flashEnds > now) {
                still.push(element);
            } else {
                element.flashDirection = null;
                element.removeAttribute("data-flash");
            }
        });
        lit = still;
        timer = lit.length ? window.setTimeout(sweep, CHECK_MS) : null;
    }

    function light(element, direction) {
        if (!element.flashDirection) {
            lit.push(element);
        }
        if (element.flashDirection !== direction) {
            element.flashDirection = direction;
            element.setAttribute("data-flash", direction);
        }
        element.flashEnds = ticker.now() + FLASH_MS;
        timer = timer || window.setTimeout(sweep, CHECK_MS);
    }

    /* Where style sheets cannot fade, jQuery Color does: to the element's own colour, which is asked of it. */
    function animate(element, direction) {
        var flashing = $(element), resting;

        function end() {
            element.style.backgroundColor = "";
            flashing.removeAttr("data-flash");
        }

        flashing.stop(true);
        end();
        resting = flashing.css("background-color");
        flashing.attr("data-flash", direction);
        element.style.backgroundColor = flashing.css("background-color");
        flashing.animate({ backgroundColor: resting }, FADE_MS, end);
    }

    /* Shows on an element in which direction a price has moved. */
    ticker.flash = function (element, lastChange) {
        var direction = ticker.direction(lastChange);
        if (canFade || !$.Color) {
            light(element, direction);
        } else {
            animate(element, direction);
        }
    };
}(window.jQuery, window.StockTicker, window));
