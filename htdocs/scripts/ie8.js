/*
 * For Internet Explorer 8 only: the one function that the SignalR client expects of arrays and that they do not have
 * there.
 */
(function () {
    "use strict";

    /* eslint-disable es-x/no-array-prototype-indexof, no-extend-native */
    if (!Array.prototype.indexOf) {
        Array.prototype.indexOf = function (wanted) {
            var index;
            for (index = 0; index < this.length; index += 1) {
                if (this[index] === wanted) {
                    return index;
                }
            }
            return -1;
        };
    }
}());
