/*
 * A rule: what the objects of a browser did not have in IE 8, a script may use only where it has tested for it.
 *
 * A test is a mention of the name in a condition (`if (window.matchMedia)`, `list.addListener && …`, `!document.head`,
 * `"classList" in element`, `typeof performance.now`), in the same function or in one around it. Names that jQuery has
 * too are not in the list. To look what there is (`var request = window.requestAnimationFrame;`) is no use of it.
 */

const NEWER = new Set(
    `AbortController CustomEvent EventSource FormData IntersectionObserver MutationObserver PerformanceObserver Promise
    ResizeObserver URL URLSearchParams WebSocket Worker
    addEventListener addListener atob btoa cancelAnimationFrame childElementCount classList createElementNS createRange
    createTreeWalker dataset defaultView devicePixelRatio dispatchEvent fetch firstElementChild getComputedStyle
    getContext getElementsByClassName getSelection head innerHeight innerWidth insertAdjacentElement lastElementChild
    matchMedia nextElementSibling pageXOffset pageYOffset performance previousElementSibling pushState
    removeEventListener replaceState requestAnimationFrame requestIdleCallback scrollX scrollY selectionEnd
    selectionStart setAttributeNS setSelectionRange structuredClone textContent visibilityState`.split(/\s+/),
);

/* Whether the value of an expression decides what is done next, or is asked for its type only. */
function isTested(node) {
    for (let inner = node, outer = node.parent; ; inner = outer, outer = outer.parent) {
        if (outer.type === "UnaryExpression") {
            return outer.operator === "!" || outer.operator === "typeof";
        }
        if (outer.type === "LogicalExpression") {
            if (outer.left === inner) {
                return true;
            }
        } else if (outer.type !== "BinaryExpression") {
            return outer.test === inner;
        }
    }
}

/* Whether a script stops, or does nothing to the page, where the value is undefined. */
function isUsed(node) {
    const { type, callee, object, left } = node.parent;
    return callee === node || object === node || (type === "AssignmentExpression" && left === node);
}

function functionsAround(node) {
    const around = [];
    for (let outer = node; outer; outer = outer.parent) {
        if (/Function|Program/.test(outer.type)) {
            around.push(outer);
        }
    }
    return around;
}

export default {
    meta: {
        type: "problem",
        schema: [],
        messages: { untested: "IE 8 has no “{{name}}”: use it only after a test for it." },
    },
    create(context) {
        const uses = [];
        const tested = new Map(); // from a function to the names that it has tested for

        function test(node, name) {
            const [here] = functionsAround(node);
            tested.set(here, (tested.get(here) ?? new Set()).add(name));
        }

        return {
            MemberExpression(node) {
                const name = node.computed ? node.property.value : node.property.name;
                if (!NEWER.has(name)) {
                    return;
                }
                if (isTested(node)) {
                    test(node, name);
                } else if (isUsed(node)) {
                    uses.push({ node, name });
                }
            },
            "BinaryExpression[operator='in'] > Literal.left"(node) {
                test(node, node.value);
            },
            "Program:exit"() {
                for (const { node, name } of uses) {
                    if (!functionsAround(node).some((outer) => tested.get(outer)?.has(name))) {
                        context.report({ node: node.property, messageId: "untested", data: { name } });
                    }
                }
            },
        };
    },
};
