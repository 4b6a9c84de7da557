/* SVG by script; IE 8 has none, and pages do without it there. */
(function ($, ticker, document) {
    "use strict";

    var SVG = "http://www.w3.org/2000/svg";

    ticker.hasSvg = Boolean(document.createElementNS && document.createElementNS(SVG, "svg").createSVGRect);

    /* Gives an element attributes, where they are different. */
    ticker.setAttributes = function (element, attributes) {
        $.each(attributes, function (name, value) {
            if (element.getAttribute(name) !== String(value)) {
                element.setAttribute(name, value);
            }
        });
        return element;
    };

    /* Makes an SVG element, inside of `parent` unless that is null. */
    ticker.svgElement = function (parent, tag, attributes) {
        var element = ticker.setAttributes(document.createElementNS(SVG, tag), attributes);
        if (parent) {
            parent.appendChild(element);
        }
        return element;
    };
}(window.jQuery, window.StockTicker, window.document));
