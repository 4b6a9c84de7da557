/*
 * How scripts are checked. Three kinds, three dialects:
 *
 * - those of our pages run in browsers from IE 8 on: ECMAScript 3 and what the DOM had then; anything newer only after
 *   a test for it;
 * - those of the examples run in browsers of the last ten years: ECMAScript 5;
 * - those of the tests, tools and benchmarks run in today's Node.js.
 */

import esx from "eslint-plugin-es-x";

import newerDom from "./newer_dom.mjs";

const MISTAKES = {
    "array-callback-return": "error",
    "comma-dangle": ["error", "never"],
    "constructor-super": "error",
    curly: "error",
    "default-case-last": "error",
    eqeqeq: "error",
    "for-direction": "error",
    "getter-return": "error",
    "max-len": ["error", { code: 120 }],
    "no-caller": "error",
    "no-case-declarations": "error",
    "no-compare-neg-zero": "error",
    "no-cond-assign": ["error", "always"],
    "no-const-assign": "error",
    "no-constant-binary-expression": "error",
    "no-constant-condition": "error",
    "no-control-regex": "error",
    "no-debugger": "error",
    "no-delete-var": "error",
    "no-dupe-args": "error",
    "no-dupe-else-if": "error",
    "no-dupe-keys": "error",
    "no-duplicate-case": "error",
    "no-empty": "error",
    "no-empty-character-class": "error",
    "no-eval": "error",
    "no-ex-assign": "error",
    "no-extend-native": "error",
    "no-extra-boolean-cast": "error",
    "no-fallthrough": "error",
    "no-func-assign": "error",
    "no-global-assign": "error",
    "no-implied-eval": "error",
    "no-inner-declarations": ["error", "both"],
    "no-invalid-regexp": "error",
    "no-irregular-whitespace": "error",
    "no-loop-func": "error",
    "no-loss-of-precision": "error",
    "no-misleading-character-class": "error",
    "no-new-func": "error",
    "no-new-wrappers": "error",
    "no-octal": "error",
    "no-prototype-builtins": "error",
    "no-redeclare": "error",
    "no-regex-spaces": "error",
    "no-script-url": "error",
    "no-self-assign": "error",
    "no-self-compare": "error",
    "no-sequences": "error",
    "no-shadow-restricted-names": "error",
    "no-sparse-arrays": "error",
    "no-throw-literal": "error",
    "no-undef": "error",
    "no-unexpected-multiline": "error",
    "no-unmodified-loop-condition": "error",
    "no-unneeded-ternary": "error",
    "no-unreachable": "error",
    "no-unsafe-finally": "error",
    "no-unsafe-negation": "error",
    // To ECMAScript 3, "use strict" is such an expression.
    "no-unused-expressions": ["error", { ignoreDirectives: true }],
    "no-unused-labels": "error",
    "no-unused-vars": ["error", { caughtErrors: "none" }],
    "no-useless-escape": "error",
    "no-with": "error",
    radix: "error",
    "use-isnan": "error",
    "valid-typeof": "error",
};

const TODAYS = { "comma-dangle": "off", "no-var": "error", "prefer-const": "error" };

const BROWSER_MISTAKES = {
    ...MISTAKES,
    "no-alert": "error",
    // Server data enters a page as text and attribute values only.
    "no-restricted-properties": [
        "error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML", "write", "writeln"].map((property) => ({
            property,
            message: "Text goes into a page as text: use .text().",
        })),
        { property: "eval", message: "The pages' security policy refuses it." },
    ],
    strict: ["error", "function"],
};

// jQuery has members of these names, strings have an indexOf. What else they are called on, the patterns below catch.
const OTHERS_HAVE = /-array-prototype-(?:filter|find|indexof|map)$|-string-prototype-trim$/;

// Objects of ours may well have members of these names.
const EVERYDAY_NAMES = /-prototype-(?:at|entries|fill|flags|flat|keys|name|values|with)$/;

const CALLED_ON_ARRAYS = [
    {
        selector: "CallExpression[callee.property.name=/^(filter|find|map)$/][arguments.0.type='FunctionExpression']",
        message: "IE 8 has no such function of arrays: use $.grep, $.map or $.each.",
    },
    {
        selector: "CallExpression[callee.property.name='trim'][arguments.length=0]",
        message: "IE 8 has no such function of strings: use $.trim.",
    },
    {
        selector: "CallExpression[callee.property.name='indexOf'][arguments.0.type!='Literal']" +
            "[callee.object.callee.name!='String']",
        message: "IE 8 has no such function of arrays: use $.inArray; of a string, say String(text).indexOf(other).",
    },
];

/*
 * es-x knows what is newer than an edition. What it cannot know is what kind of value a function is called on;
 * "aggressive" takes every value for one that has the newer function. We are so with the kinds that ECMAScript 3 has;
 * values of newer kinds are refused where they are made.
 */
function onlyWhatIsIn(config) {
    const rules = {};
    for (const name of Object.keys(config.rules)) {
        const aggressive =
            /\/no-(?:array|boolean|date|error|function|number|object|regexp|string)-prototype-/.test(name) &&
            !OTHERS_HAVE.test(name) &&
            !EVERYDAY_NAMES.test(name);
        rules[name] = aggressive ? ["error", { aggressive }] : "error";
    }
    return rules;
}

export default [
    { linterOptions: { reportUnusedDisableDirectives: "error" } },
    {
        files: ["htdocs/scripts/**/*.js"],
        plugins: { "es-x": esx, ours: { rules: { "newer-dom": newerDom } } },
        settings: { "es-x": { allowTestedProperty: true } },
        languageOptions: { ecmaVersion: 3, sourceType: "script", globals: { window: "readonly" } },
        rules: {
            ...BROWSER_MISTAKES,
            ...onlyWhatIsIn(esx.configs["flat/restrict-to-es3"]),
            "es-x/no-json": "off", // IE 8 has it
            "no-restricted-syntax": ["error", ...CALLED_ON_ARRAYS],
            "ours/newer-dom": "error",
        },
    },
    {
        files: ["examples/**/*.js"],
        plugins: { "es-x": esx },
        languageOptions: { ecmaVersion: 5, sourceType: "script", globals: { window: "readonly" } },
        rules: { ...BROWSER_MISTAKES, ...onlyWhatIsIn(esx.configs["flat/restrict-to-es5"]) },
    },
    {
        files: ["tests/**/*.js", "benchmarks/**/*.js"],
        languageOptions: {
            ecmaVersion: 2023,
            sourceType: "commonjs",
            globals: { process: "readonly" },
        },
        rules: { ...MISTAKES, ...TODAYS, strict: ["error", "global"] },
    },
    {
        files: ["tests/**/*.mjs", "tools/**/*.mjs"],
        languageOptions: {
            ecmaVersion: 2023,
            sourceType: "module",
            globals: { clearTimeout: "readonly", console: "readonly", process: "readonly", setTimeout: "readonly" },
        },
        rules: { ...MISTAKES, ...TODAYS },
    },
];
