"""The notations that models were trained on."""

from tests.core.tools.offered import PARIS, PING, ROME, Row

CLAUDE = "antml:"
MINIMAX = "minimax:"

HERMES: list[Row] = [
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
        ['<tool_call>{"name":"get_weather","arguments":{"city":"Rome</tool_call>', PING],
    ),
    (
        "begun anew within a string",
        '<tool_call>{"name":"write_file","arguments":{"path":"a","content":"b\n'
        '<tool_call>{"name":"write_file","arguments":{"path":"a"}}</tool_call>',
        [
            '<tool_call>{"name":"write_file","arguments":{"path":"a","content":"b',
            ("write_file", '{"path":"a"}'),
        ],
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

ELEMENTS: list[Row] = [
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

FENCED: list[Row] = [
    ("a fence", "See:\n```\n<tool_call><name>ping</name></tool_call>\n```", ["See:", PING]),
    (
        "fence after fence",
        "```\n<tool_call><name>ping</name></tool_call>\n```\n\n"
        '```\n<tool_call>{"name":"ping"}</tool_call>\n```\n',
        [PING, PING],
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
        "between two blocks of code",
        '```py\nx = 1\n```\n<invoke name="ping"></invoke>\n```py\ny = "<"\n```',
        ["```py\nx = 1\n```", PING, '\n```py\ny = "<"\n```'],
    ),
    (
        "a fence of code that was not closed",
        '```py\nx = 1\n\n<invoke name="ping"></invoke>',
        ["```py\nx = 1", PING],
    ),
    (
        "what Gemini says",
        '```tool_code\nprint(default_api.get_weather(city="Paris"))\n```\nSo.',
        [PARIS, "So."],
    ),
]
