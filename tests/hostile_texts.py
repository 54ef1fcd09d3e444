"""Names of columns and categories that mean something to what shows them."""

HOSTILE = [
    "[x](javascript:alert(1))",
    "![x](http://tracker.example/pixel.png)",
    "<img src=x onerror=alert(1)>",
    "</td><script>alert(1)</script>",
    "<http://elsewhere.example>",
    "&lt;b&gt;",
    "`code` and ``more``",
    "**bold** ~~gone~~ *slanted*",
    "a | b",
    "back\\slash \\[x](y)",
    "=cmd|'/c calc'!A1",
    "\x1b[2J\x1b]0;title\x07red",
    "one\ntwo\r\n# three",
    "\u202etxt.exe",
    "<!channel> <@U123>",
    "%%% not markdown",
]
