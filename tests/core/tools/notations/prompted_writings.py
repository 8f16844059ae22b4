"""The notation that bots are asked for, as models really write it."""

from tests.core.tools.offered import PARIS, PING, ROME, Row

AS_ASKED: list[Row] = [
    (
        "as asked",
        '<tool_call>\n<name>get_weather</name>\n<arguments>{"city": "Paris"}</arguments>\n'
        "</tool_call>",
        [PARIS],
    ),
    (
        "on one line, with text before",
        'I look.\n\n<tool_call><name>get_weather</name><arguments>{"city": "Paris"}</arguments>'
        "</tool_call>",
        ["I look.", PARIS],
    ),
    (
        "two calls, text all around",
        "A \n<tool_call><name>ping</name><arguments>{}</arguments></tool_call>\n\n"
        '<tool_call><name>get_weather</name><arguments>{"city":"Rome"}</arguments></tool_call>\n'
        "B\n",
        ["A", PING, ROME, " \nB\n"],
    ),
    ("no arguments", "<tool_call><name>ping</name></tool_call>", [PING]),
    ("empty arguments", "<tool_call><name>ping</name><arguments/></tool_call>", [PING]),
    (
        "with an id, as in the history",
        '<tool_call id="call_1"><name> ping </name><arguments>\n{}\n</arguments></tool_call>',
        [PING],
    ),
    (
        "closing tags within a string",
        '<tool_call><name>write_file</name><arguments>{"content": "a </arguments></tool_call> '
        '\\"b\\" <tool_call>{"}</arguments></tool_call> ok',
        [
            (
                "write_file",
                '{"content":"a </arguments></tool_call> \\"b\\" <tool_call>{"}',
            ),
            "ok",
        ],
    ),
    (
        "arguments as a JSON string",
        '<tool_call><name>get_weather</name><arguments>"{\\"city\\": \\"Paris\\"}"</arguments>'
        "</tool_call>",
        [PARIS],
    ),
    (
        "arguments as child elements",
        "<tool_call><name>get_weather</name><arguments>\n<city>Paris</city>\n<days>3</days>\n"
        "</arguments></tool_call>",
        [("get_weather", '{"city":"Paris","days":3}')],
    ),
    (
        "padded child elements, one escaped, one CDATA",
        "<tool_call><name>write_file</name><arguments><path>\n  a.py\n  </path>"
        "<content>a &lt; b</content></arguments></tool_call>",
        [("write_file", '{"path":"  a.py","content":"a < b"}')],
    ),
    (
        "parameters instead of arguments, values in CDATA",
        "<tool_call><name>write_file</name><parameters><content><![CDATA[a <b> &amp;]]></content>"
        "</parameters></tool_call>",
        [("write_file", '{"content":"a <b> &amp;"}')],
    ),
    (
        "JSON in CDATA",
        '<tool_call><name>get_weather</name><arguments><![CDATA[{"city": "Paris"}]]></arguments>'
        "</tool_call>",
        [PARIS],
    ),
    (
        "escaped entities",
        "<tool_call><name>get_weather</name><arguments>{&quot;city&quot;: &quot;Paris&quot;}"
        "</arguments></tool_call>",
        [PARIS],
    ),
    (
        "entities in valid JSON stay",
        '<tool_call><name>write_file</name><arguments>{"content": "&lt;p&gt;"}</arguments>'
        "</tool_call>",
        [("write_file", '{"content":"&lt;p&gt;"}')],
    ),
    (
        "raw line breaks in a string",
        '<tool_call><name>write_file</name><arguments>{"content": "a\nb"}</arguments></tool_call>',
        [("write_file", '{"content":"a\\nb"}')],
    ),
    (
        "a quote that is not escaped",
        '<tool_call><name>write_file</name><arguments>{"content": "5" tall"}</arguments>'
        "</tool_call> ok",
        [("write_file", '{"content":"5\\" tall"}'), "ok"],
    ),
    (
        "a comma too many, a brace too few",
        '<tool_call><name>get_weather</name><arguments>{"city": "Paris",</arguments></tool_call>',
        [PARIS],
    ),
    (
        "a brace too many",
        '<tool_call><name>get_weather</name><arguments>{"city": "Paris"}}</arguments></tool_call>',
        [PARIS],
    ),
    (
        "Python's notation",
        "<tool_call><name>get_weather</name><arguments>{'city': 'Paris', 'hourly': True}"
        "</arguments></tool_call>",
        [("get_weather", '{"city":"Paris","hourly":true}')],
    ),
    (
        "types of the schema",
        '<tool_call><name>get_weather</name><arguments>{"city": 7, "days": "5", "hourly": "true",'
        ' "units": "[\\"C\\"]"}</arguments></tool_call>',
        [("get_weather", '{"city":"7","days":5,"hourly":true,"units":["C"]}')],
    ),
    (
        "arguments never closed, their block is",
        '<tool_call><name>get_weather</name><arguments>{"city": "Paris"}</tool_call>',
        [PARIS],
    ),
    (
        "JSON right after the name",
        '<tool_call><name>get_weather</name>{"city": "Paris"}</tool_call>',
        [PARIS],
    ),
    (
        "the name as an attribute",
        '<tool_call name=\'get_weather\'>{"city": "Paris"}</tool_call>',
        [PARIS],
    ),
    (
        "free text as JSON",
        '<tool_call><name>patch</name><arguments>{"input": "a\\n<b>"}</arguments></tool_call>',
        [("patch", "a\n<b>")],
    ),
    (
        "free text as it is",
        "<tool_call><name>patch</name><arguments>\n*** Begin\n+</tool_call>\n*** End\n"
        "</arguments></tool_call>",
        [("patch", "*** Begin\n+</tool_call>\n*** End")],
    ),
    (
        "a result made up after the call is not shown",
        '<tool_call><name>ping</name></tool_call>\n<tool_result id="call_1">pong</tool_result> Ha',
        [PING],
    ),
]
