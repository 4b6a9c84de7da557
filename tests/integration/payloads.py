"""
Texts that would run a script, were they put into a page, a script or a frame as they are. Each calls ``pwn()``, by
which the page notices; see `NOTICE`.
"""

from __future__ import annotations

__all__ = ["CALLBACKS", "NOTICE", "PAYLOADS", "SHORT_PAYLOADS"]

#: Goes before all scripts of a page and its frames: what has run is noted by the name of its window.
NOTICE = """
window.pwn = window.p = function () {
    try {
        (window.top.ran = window.top.ran || []).push(window.name || "page");
    } catch (_) {
        window.ran = ["a page of its own"];
    }
};
window.alert = window.confirm = window.prompt = window.pwn;
"""

#: As long as they like, for messages.
PAYLOADS = (
    # Ending the script that they are in.
    "</script><script>pwn()</script>",
    "</ScRiPt ><script>pwn()</script>",
    "</script\t><img src=x onerror=pwn()>",
    "</script/><svg onload=pwn()>",
    "\r\n</script>\r\n<script>pwn()</script>",
    "<!--<script>",
    "<!--<script>--></script><script>pwn()</script>",
    "--></script><script>pwn()</script>",
    "<!--\npwn()//-->",
    "-->\npwn()",
    "]]></script><script>pwn()</script>",
    "\0</script><script>pwn()</script>",
    "\ufeff</script><script>pwn()</script>",
    # Ending the string, the call, the object that they are in.
    '");pwn();//',
    "');pwn();//",
    '\\");pwn();//',
    '\\\\");pwn();//',
    "\\');pwn();//",
    '"]}]});pwn();r(c,{"M":[{"A":["',
    '"});pwn();({"a":"',
    '"+pwn()+"',
    "'+pwn()+'",
    "`+pwn()+`${pwn()}",
    "${pwn()}",
    "\u2028pwn()//",
    '"\u2028);pwn();//',
    "'\u2029;pwn();//",
    "\x85pwn()//",
    '\n");pwn();//',
    '\r");pwn();//',
    "*/pwn();/*",
    "\\u0022);pwn();//",
    "\\x22);pwn();//",
    "\\u003c/script\\u003e\\u003cscript\\u003epwn()\\u003c/script\\u003e",
    # Markup.
    "<script>pwn()</script>",
    "<img src=x onerror=pwn()>",
    "<svg/onload=pwn()>",
    "<svg><script>pwn()</script></svg>",
    "<svg><animate onbegin=pwn() attributeName=x dur=1s>",
    "<details open ontoggle=pwn()>x</details>",
    "<input autofocus onfocus=pwn()>",
    "<body onload=pwn()>",
    "<iframe src=javascript:parent.pwn()></iframe>",
    "<iframe srcdoc='<script>parent.pwn()</script>'></iframe>",
    "<object data=javascript:pwn()></object>",
    "<math><mtext><table><mglyph><style><img src=x onerror=pwn()></style></mglyph></table></mtext></math>",
    "<template><script>pwn()</script></template><style><!--</style><img src=x onerror=pwn()>-->",
    "<noscript><p title='</noscript><img src=x onerror=pwn()>'>",
    "<base href=javascript:pwn()//><a href=#>x</a>",
    "<a href=javascript:pwn()>x</a>",
    # Ending the attribute or element that they are in.
    '"><img src=x onerror=pwn()>',
    "'><img src=x onerror=pwn()>",
    '" autofocus onfocus=pwn() x="',
    "</title><script>pwn()</script>",
    "</textarea><script>pwn()</script>",
    # Encoded, for whoever decodes too often.
    "&lt;script&gt;pwn()&lt;/script&gt;",
    "&#60;img src=x onerror=pwn()&#62;",
    "&quot;&gt;&lt;img src=x onerror=pwn()&gt;",
    "%3Cscript%3Epwn()%3C/script%3E",
    "+ADw-script+AD4-pwn()+ADw-/script+AD4-",
    "{{constructor.constructor('pwn()')()}}",
    "javascript:pwn()",
    "data:text/html,<script>pwn()</script>",
)

#: At most 20 characters, all of which can be seen: what a stock may be called.
SHORT_PAYLOADS = (
    "<script>p()</script>",
    "</script><script>p()",
    "<svg/onload=p()>",
    "<svg onload=p()>x",
    "<img src=x onerror=p",
    "<body onload=p()>",
    "<p onclick=p()>x</p>",
    "<!--<script>p()",
    "--><svg onload=p()>",
    "]]><svg onload=p()>",
    '"><svg onload=p()>',
    "'><svg onload=p()>",
    '" onfocus=p() x="',
    "' onfocus=p() x='",
    '");p();//',
    "');p();//",
    '\\");p();//',
    '"+p()+"',
    "'-p()-'",
    "`${p()}`",
    "${p()}",
    "{{p()}}",
    "javascript:p()",
    "*/p();/*",
    "&lt;svg onload=p()>",
    "&#60;b onclick=p()>",
    "%3Csvg onload=p()%3E",
    "\\u003csvg/onload=p()",
    "\\x3cb onclick=p()>",
    "]','');p();//",
    '"],[onload=p()]',
    "'];p();//['",
    "</th><svg onload=p()",
    "</title><svg/onload>",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "toString",
    "#status",
    "<b>",
    "\\",
    '"',
    "'",
)

#: What no function is called; a function named ``pwn`` would be called by right.
CALLBACKS = (
    "pwn()",
    "pwn();f",
    "pwn();//",
    "(pwn)",
    "pwn`1`",
    "a,pwn",
    "a;pwn",
    "a\npwn",
    "a\r\npwn",
    "a\u2028pwn",
    "/**/pwn",
    "pwn//",
    "pwn=",
    "1||pwn",
    "a[pwn()]",
    "a['pwn']",
    "new pwn",
    "void pwn",
    "eval",
    "this.pwn",
    "function.pwn",
    "\\u0070wn",
    "\uff50wn",
    "p\u200cwn()",
    "alert(1)//",
    "<script>pwn()</script>",
    "</script><script>pwn()</script>",
    "%70wn()",
    "pwn\0",
    "pwn ",
    ".pwn",
    "pwn.",
    "a..pwn",
)
