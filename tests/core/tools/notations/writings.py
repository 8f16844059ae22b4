"""What models really write, and what is to be found in it."""

from tests.core.tools.notations.other_writings import ELEMENTS, FENCED, HERMES
from tests.core.tools.notations.prompted_writings import AS_ASKED
from tests.core.tools.offered import Row

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
    "See:\n```\n<tool_call><name>ping</name></tool_call>\n```\nThat is a call.",
    '```\n<invoke name="ping"></invoke>\nand\n```',
    "Say `<tool_call><name>ping</name></tool_call>` for it.",
    "> <tool_call><name>ping</name></tool_call>\nwas quoted",
    'Or <think>maybe <invoke name="ping"/></think> not.',
    '<think>\nmaybe <invoke name="ping"/>\n</think>\nno',
]

WRITINGS: list[Row] = (
    AS_ASKED + HERMES + ELEMENTS + FENCED + [(text[:40], text, [text]) for text in TEXT]
)

_LATE = (
    *("the end swallowed", "the end cut off", "a fence never closed", "no closing wrapper"),
    *("a fence", "fence after fence", "a fence around several", "a fence of JSON"),
    "a fence of code that was not closed",
)
CALLED_AT_THE_END = [text for name, text, _ in WRITINGS if name in _LATE]
"""Texts whose calls are known only at the end of the answer."""
