"""What models really write, and what is to be found in it.

A row is (name, text, found): texts as strings, calls as (name, arguments). Tools: ``get_weather``
and ``write_file`` with schemas, ``ping`` without arguments, ``patch`` of free text.
"""

from app.core.conversation import ToolSpec

TOOLS = (
    ToolSpec(
        "get_weather",
        "Tells the weather.",
        {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "hourly": {"type": "boolean"},
                "units": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["city"],
        },
    ),
    ToolSpec(
        "write_file",
        parameters={
            "type": "object",
            "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
        },
    ),
    ToolSpec("ping", parameters={"type": "object", "properties": {}}),
    ToolSpec("patch", custom=True, grammar="start: line+"),
)

CLAUDE = "antml:"
MINIMAX = "minimax:"

Found = str | tuple[str, str]
PARIS = ("get_weather", '{"city":"Paris"}')
ROME = ("get_weather", '{"city":"Rome"}')
PING = ("ping", "{}")

AS_ASKED: list[tuple[str, str, list[Found]]] = [
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
        ["A", PING, ROME, "B\n"],
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

HERMES: list[tuple[str, str, list[Found]]] = [
    (
        "Hermes and Qwen",
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>',
        [PARIS],
    ),
    (
        "parameters instead of arguments",
        '<tool_call>{"name": "get_weather", "parameters": {"city": "Paris"}}</tool_call>',
        [PARIS],
    ),
    (
        "arguments as a JSON string within JSON",
        '<tool_call>{"name":"get_weather","arguments":"{\\"city\\":\\"Paris\\"}"}</tool_call>',
        [PARIS],
    ),
    (
        "OpenAI's shape",
        '<tool_call>{"type": "function", "function": {"name": "ping", "arguments": "{}"}}'
        "</tool_call>",
        [PING],
    ),
    (
        "a list",
        '<tool_call>[{"name": "ping"}, {"name": "get_weather", "arguments": {"city": "Rome"}}]'
        "</tool_call>",
        [PING, ROME],
    ),
    (
        "one after another in one block",
        '<tool_call>{"name":"ping"}\n{"name":"get_weather","arguments":{"city":"Rome"}}</tool_call>',
        [PING, ROME],
    ),
    (
        "the tags in the arguments",
        '<tool_call>{"name":"write_file","arguments":{"content":"</tool_call>\\\\"}}</tool_call>',
        [("write_file", '{"content":"</tool_call>\\\\"}')],
    ),
    (
        "a string never closed, the next call follows",
        '<tool_call>{"name":"get_weather","arguments":{"city":"Rome</tool_call>\n'
        '<tool_call>{"name":"ping"}</tool_call>',
        [ROME, PING],
    ),
    (
        "braces missing",
        '<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}</tool_call>',
        [PARIS],
    ),
    (
        "free text",
        '<tool_call>{"name":"patch","arguments":"a\\nb"}</tool_call>',
        [("patch", "a\nb")],
    ),
    (
        "free text as an object",
        '<tool_call>{"name":"patch","arguments":{"input":"a"}}</tool_call>',
        [("patch", "a")],
    ),
    (
        "fenced within the tags",
        '<tool_call>\n```json\n{"name": "ping", "arguments": {}}\n```\n</tool_call>',
        [PING],
    ),
    ("Granite's tag", '<function_call>{"name": "ping", "arguments": {}}</function_call>', [PING]),
    (
        "wrapped",
        '<tool_calls>\n<tool_call>{"name":"ping"}</tool_call>\n<tool_call>{"name":"ping"}'
        "</tool_call>\n</tool_calls>",
        [PING, PING],
    ),
    ("the end swallowed", '<tool_call>{"name": "ping", "arguments": {}}', [PING]),
    ("the end cut off", '<tool_call>{"name": "ping", "arguments": {}}\n</tool_c', [PING]),
    (
        "opened twice",
        '<tool_call>\n<tool_call>{"name":"ping"}</tool_call>',
        ["<tool_call>", PING],
    ),
    (
        "spoken of before",
        'A `<tool_call>{` opens it.\n<tool_call>{"name":"ping"}</tool_call>',
        ["A `<tool_call>{` opens it.", PING],
    ),
]

ELEMENTS: list[tuple[str, str, list[Found]]] = [
    (
        "Claude",
        '<function_calls>\n<invoke name="get_weather">\n<parameter name="city">Paris</parameter>\n'
        '<parameter name="days">3</parameter>\n</invoke>\n</function_calls>',
        [("get_weather", '{"city":"Paris","days":3}')],
    ),
    (
        "Claude, with its prefix, several",
        "<~function_calls><~invoke name='ping'></~invoke>\n"
        '<~invoke name="get_weather"><~parameter name="city">Rome</~parameter></~invoke>'
        "</~function_calls>\nSo.".replace("~", CLAUDE),
        [PING, ROME, "So."],
    ),
    (
        "MiniMax",
        '<~tool_call>\n<invoke name="ping">\n</invoke>\n</~tool_call>'.replace("~", MINIMAX),
        [PING],
    ),
    ("a bare element", 'Now: <invoke name="ping"></invoke>', ["Now:", PING]),
    ("an empty element", '<invoke name="ping"/>', [PING]),
    ("no closing wrapper", '<function_calls><invoke name="ping"></invoke>', [PING]),
    (
        "a value word for word",
        '<invoke name="write_file"><parameter name="path">a</parameter>\n<parameter name="content">'
        "\n<b>&lt;</b> </parameter> \n </parameter>\n</invoke>",
        [("write_file", '{"path":"a","content":"\\n<b>&lt;</b> </parameter> \\n "}')],
    ),
    (
        "a list as JSON",
        '<invoke name="get_weather"><parameter name="units">["C", "F"]</parameter></invoke>',
        [("get_weather", '{"units":["C","F"]}')],
    ),
    (
        "a list as parameters that come again",
        '<invoke name="get_weather"><parameter name="units">C</parameter>'
        '<parameter name="units">F</parameter></invoke>',
        [("get_weather", '{"units":["C","F"]}')],
    ),
    (
        "free text as a parameter",
        '<invoke name="patch"><parameter name="input">\n<a>\n</parameter></invoke>',
        [("patch", "\n<a>\n")],
    ),
    (
        "JSON in an element",
        '<invoke name="get_weather">{"city": "Paris"}</invoke>',
        [PARIS],
    ),
    ("Llama", '<function=get_weather>{"city": "Paris"}</function>', [PARIS]),
    (
        "Llama, broken JSON",
        '<function=get_weather>{"city": "Paris",}</function> ok',
        [PARIS, "ok"],
    ),
    (
        "Qwen's coders",
        "<tool_call>\n<function=write_file>\n<parameter=path>\na.py\n</parameter>\n"
        "<parameter=content>\nx\n\n</parameter>\n</function>\n</tool_call>",
        [("write_file", '{"path":"a.py","content":"x\\n"}')],
    ),
    (
        "Qwen's coders, the opening tag forgotten",
        "Go.\n<function=ping>\n</function>\n</tool_call>",
        ["Go.", PING],
    ),
    (
        "GLM",
        "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n"
        "<arg_key>days</arg_key><arg_value>2</arg_value>\n</tool_call>",
        [("get_weather", '{"city":"Paris","days":2}')],
    ),
    (
        "parameters within arguments",
        '<tool_call><name>get_weather</name><arguments><parameter name="city">Paris</parameter>'
        "</arguments></tool_call>",
        [PARIS],
    ),
]

FENCED: list[tuple[str, str, list[Found]]] = [
    (
        "a fence",
        "See:\n```\n<tool_call><name>ping</name></tool_call>\n```\nok",
        ["See:", PING, "ok"],
    ),
    (
        "a fence around several",
        '```xml\n<tool_call><name>ping</name></tool_call>\n<tool_call>{"name":"ping"}</tool_call>'
        "\n```",
        [PING, PING],
    ),
    ("a fence of JSON", '```json\n<tool_call>{"name":"ping"}</tool_call>```', [PING]),
    ("a fence that says what it holds", '```tool_call\n{"name": "ping"}\n```', [PING]),
    ("a fence never closed", "```xml\n<function=ping></function>\n", [PING]),
    (
        "a fence with more in it",
        '```\n<invoke name="ping"></invoke>\nand\n```',
        ["```", PING, "and\n```"],
    ),
    (
        "between two blocks of code",
        '```py\nx = 1\n```\n<invoke name="ping"></invoke>\n```py\ny = "<"\n```',
        ["```py\nx = 1\n```", PING, '```py\ny = "<"\n```'],
    ),
]

TEXT: list[str] = [
    "No call at all.",
    "  1 < 2, `code` and ```more``` \n\n",
    "```xml\n<tool_call_log>1</tool_call_log>\n```",
    "<tool_call>",
    "</tool_call>",
    "The <tool_call> tag, said `<tool_call>`.",
    "<tool_call><name>ping</name>",
    '<tool_call><name>get_weather</name><arguments>{"city": "Par',
    '<tool_call><name>get_weather</name><arguments>{"city": "Paris",}',
    "<tool_call><name>get_weather</name><arguments><city>Paris</city>",
    "<tool_call><name>fly</name><arguments>{}</arguments></tool_call>",
    '<tool_call>{"name": "fly", "arguments": {}}</tool_call> \n',
    '<tool_call>[{"name": "ping"}, {"name": "fly"}]</tool_call>',
    '<function_calls><invoke name="fly"></invoke></function_calls>',
    '```\n<invoke name="fly"></invoke>\n```',
    '<invoke name="ping">',
    '<invoke name="get_weather"><parameter name="city">Paris</parameter>',
    "<function=fly>{}</function>",
    "<tool_call>some words</tool_call>",
    "<tool_call>[1, 2]</tool_call>",
    "<tool_call>{}</tool_call>",
    "<tool_call><name>get_weather</name><arguments>Paris</arguments></tool_call>",
    "<tool_call><name>get_weather</name><arguments>[1]</arguments></tool_call>",
    '<tool_call><name>write_file</name><arguments>{"content": "a", "b" "c": 1}</arguments>'
    "</tool_call>",
    "<tool_result>none was called</tool_result>",
    '<fly:invoke name="ping"></invoke>',
    "<tool_call x='" + "y" * 400 + "'>",
]

WRITINGS = AS_ASKED + HERMES + ELEMENTS + FENCED + [(text[:40], text, [text]) for text in TEXT]
