"""The notations as grammars: how a model of each family writes given calls.

Each takes calls as (name, arguments) and gives the text. Values fit what a notation can say: those
that write strings raw cannot tell where one begins with white space, so strategies leave it out.
"""

import json
from collections.abc import Callable
from typing import Any

Arguments = dict[str, Any]
Calls = list[tuple[str, Arguments]]
Writer = Callable[[Calls], str]

BREAK = "\n"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _raw(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _named(name: str, arguments: Arguments, key: str = "arguments") -> str:
    return _json({"name": name, key: arguments})


def _each(calls: Calls, write: Callable[[str, Arguments], str], joint: str = "") -> str:
    return joint.join(write(name, arguments) for name, arguments in calls)


def _members(arguments: Arguments, write: Callable[[str, Any], str], joint: str = "") -> str:
    return joint.join(write(key, value) for key, value in arguments.items())


def asked_for(calls: Calls) -> str:
    return _each(
        calls,
        lambda name, arguments: (
            f"<tool_call>\n<name>{name}</name>\n<arguments>{_json(arguments)}</arguments>\n"
            "</tool_call>"
        ),
        BREAK,
    )


def hermes(calls: Calls) -> str:
    return _each(calls, lambda *call: f"<tool_call>\n{_named(*call)}\n</tool_call>", BREAK)


def claude(calls: Calls) -> str:
    return _invokes(calls, "<function_calls>\n", "</function_calls>")


def minimax_m2(calls: Calls) -> str:
    return _invokes(calls, "<minimax:tool_call>\n", "</minimax:tool_call>")


def _invokes(calls: Calls, before: str, after: str) -> str:
    def parameter(key: str, value: Any) -> str:
        return f'<parameter name="{key}">{_raw(value)}</parameter>\n'

    def invoke(name: str, arguments: Arguments) -> str:
        return f'<invoke name="{name}">\n{_members(arguments, parameter)}</invoke>\n'

    return before + _each(calls, invoke) + after


def qwen3_coder(calls: Calls) -> str:
    return _functions(calls, "<tool_call>", "</tool_call>", BREAK)


def seed(calls: Calls) -> str:
    return _functions(calls, "<seed:tool_call>", "</seed:tool_call>", "")


def _functions(calls: Calls, before: str, after: str, padding: str) -> str:
    def parameter(key: str, value: Any) -> str:
        return f"<parameter={key}>{padding}{_raw(value)}{padding}</parameter>\n"

    return _each(
        calls,
        lambda name, arguments: (
            f"{before}\n<function={name}>\n{_members(arguments, parameter)}</function>\n{after}"
        ),
        BREAK,
    )


def deepseek_v3(calls: Calls) -> str:
    return _deepseek(
        calls, lambda name, body: f"function<｜tool▁sep｜>{name}\n```json\n{body}\n```"
    )


def deepseek_v31(calls: Calls) -> str:
    return _deepseek(calls, lambda name, body: f"{name}<｜tool▁sep｜>{body}")


def _deepseek(calls: Calls, write: Callable[[str, str], str]) -> str:
    def marked(name: str, arguments: Arguments) -> str:
        return f"<｜tool▁call▁begin｜>{write(name, _json(arguments))}<｜tool▁call▁end｜>"

    return f"<｜tool▁calls▁begin｜>{_each(calls, marked)}<｜tool▁calls▁end｜>"


def _dsml(bars: str, wrapper: str, blank: str = "") -> Writer:
    mark = f"{bars}DSML{bars}{blank}"

    def parameter(key: str, value: Any) -> str:
        text = "true" if isinstance(value, str) else "false"
        return f'<{mark}parameter name="{key}" string="{text}">{_raw(value)}</{mark}parameter>\n'

    def invoke(name: str, arguments: Arguments) -> str:
        return f'<{mark}invoke name="{name}">\n{_members(arguments, parameter)}</{mark}invoke>\n'

    return lambda calls: f"<{mark}{wrapper}>\n{_each(calls, invoke)}</{mark}{wrapper}>"


def kimi_k2(calls: Calls) -> str:
    written = "".join(
        f"<|tool_call_begin|>functions.{name}:{index}<|tool_call_argument_begin|>"
        f"{_json(arguments)}<|tool_call_end|>"
        for index, (name, arguments) in enumerate(calls)
    )
    return f"<|tool_calls_section_begin|>{written}<|tool_calls_section_end|>"


_KIMI_TYPES = {str: "string", bool: "boolean", int: "number", list: "array", dict: "object"}


def kimi_k3(calls: Calls) -> str:
    def argument(key: str, value: Any) -> str:
        return (
            f'<|open|>argument key="{key}" type="{_KIMI_TYPES[type(value)]}"<|sep|>{_raw(value)}'
            "<|close|>argument<|sep|>"
        )

    written = "".join(
        f'<|open|>call tool="{name}" index="{index}"<|sep|>{_members(arguments, argument)}'
        "<|close|>call<|sep|>"
        for index, (name, arguments) in enumerate(calls, 1)
    )
    return f"<|open|>tools<|sep|>{written}<|close|>tools<|sep|>"


def mistral_list(calls: Calls) -> str:
    return f"[TOOL_CALLS] [{_each(calls, _named, ', ')}]"


def mistral_args(calls: Calls) -> str:
    return _each(calls, lambda name, body: f"[TOOL_CALLS]{name}[ARGS]{_json(body)}")


def llama3(calls: Calls) -> str:
    return "<|python_tag|>" + _each(
        calls, lambda name, body: _named(name, body, "parameters"), "; "
    )


def bare_json(calls: Calls) -> str:
    if len(calls) == 1:
        return _named(*calls[0], "parameters")
    return f"[{_each(calls, _named, ', ')}]"


def json_fence(calls: Calls) -> str:
    return f"```json\n{bare_json(calls)}\n```"


def _pythonic_call(name: str, arguments: Arguments) -> str:
    return f"{name}({_members(arguments, lambda key, value: f'{key}={value!r}', ', ')})"


def pythonic(calls: Calls) -> str:
    return f"[{_each(calls, _pythonic_call, ', ')}]"


def llama4(calls: Calls) -> str:
    return f"<|python_start|>{pythonic(calls)}<|python_end|>"


def tool_code(calls: Calls) -> str:
    return (
        "```tool_code\n"
        + _each(calls, lambda *call: f"print(default_api.{_pythonic_call(*call)})\n")
        + "```"
    )


def gemma4(calls: Calls) -> str:
    return _each(calls, lambda name, body: f"<|tool_call>call:{name}{_gemma(body)}<tool_call|>")


def _gemma(value: Any) -> str:
    match value:
        case str():
            return f'<|"|>{value}<|"|>'
        case list():
            return f"[{','.join(map(_gemma, value))}]"
        case dict():
            return f"{{{_members(value, lambda key, member: f'{key}:{_gemma(member)}', ',')}}}"
    return _json(value)


def harmony(calls: Calls) -> str:
    return "<|start|>assistant".join(
        f"<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>{_json(arguments)}"
        "<|call|>"
        for name, arguments in calls
    )


def minimax_m1(calls: Calls) -> str:
    return f"<tool_calls>\n{_each(calls, _named, BREAK)}\n</tool_calls>"


def minimax_arrows(calls: Calls) -> str:
    return _each(
        calls,
        lambda name, arguments: (
            f'[TOOL_CALL]\n{{tool => "{name}", args => {{\n'
            + _members(arguments, lambda key, value: f"  --{key} {_json(value)}\n")
            + "}}\n[/TOOL_CALL]"
        ),
        BREAK,
    )


def minimax_m3(calls: Calls) -> str:
    mark = "]<]minimax[>["

    def parameter(key: str, value: Any) -> str:
        return f"{mark}<{key}>{_raw(value)}{mark}</{key}>\n"

    def invoke(name: str, arguments: Arguments) -> str:
        return f'{mark}<invoke name="{name}">\n{_members(arguments, parameter)}{mark}</invoke>\n'

    return f"{mark}<tool_call>\n{_each(calls, invoke)}{mark}</tool_call>"


def glm(calls: Calls) -> str:
    def pair(key: str, value: Any) -> str:
        return f"<arg_key>{key}</arg_key>\n<arg_value>{_raw(value)}</arg_value>\n"

    return _each(
        calls,
        lambda name, arguments: f"<tool_call>{name}\n{_members(arguments, pair)}</tool_call>",
        BREAK,
    )


def granite(calls: Calls) -> str:
    return f"<|tool_call|>[{_each(calls, _named, ', ')}]"


def phi(calls: Calls) -> str:
    return f"functools[{_each(calls, _named, ', ')}]"


def call_record(calls: Calls) -> str:
    def parameter(key: str, value: Any) -> str:
        return f'<parameter name="{key}">{_raw(value)}</parameter>\n'

    return _each(
        calls,
        lambda name, arguments: (
            f'<call_record tool="{name}">\n{_members(arguments, parameter)}</call_record>'
        ),
        BREAK,
    )


def cline(calls: Calls) -> str:
    def parameter(key: str, value: Any) -> str:
        return f"<{key}>{_raw(value)}</{key}>\n"

    return _each(
        calls,
        lambda name, arguments: f"<{name}>\n{_members(arguments, parameter)}</{name}>",
        BREAK,
    )


EXACT: dict[str, Writer] = {
    "asked for": asked_for,
    "Hermes": hermes,
    "DeepSeek V3": deepseek_v3,
    "DeepSeek V3.1": deepseek_v31,
    "Kimi K2": kimi_k2,
    "Mistral, a list": mistral_list,
    "Mistral, ARGS": mistral_args,
    "Llama 3": llama3,
    "Llama 4": llama4,
    "tool_code": tool_code,
    "harmony": harmony,
    "MiniMax M1": minimax_m1,
    "MiniMax, arrows": minimax_arrows,
    "Granite": granite,
}
"""Those that quote and escape strings, so that these may hold anything."""

RAW: dict[str, Writer] = {
    "Claude": claude,
    "Qwen3-coder": qwen3_coder,
    "Seed": seed,
    "DSML V3.2": _dsml("｜", "function_calls"),
    "DSML V4": _dsml("｜", "tool_calls"),
    "DSML V4.1": _dsml("｜", "calls", " "),
    "DSML, ASCII bars": _dsml("|", "tool_calls"),
    "DSML, two bars": _dsml("｜｜", "tool_calls"),
    "Kimi K3": kimi_k3,
    "Gemma 4": gemma4,
    "MiniMax M2": minimax_m2,
    "MiniMax M3": minimax_m3,
    "GLM": glm,
    "call_record": call_record,
    "Cline": cline,
}
"""Those that write strings as they are."""

WHOLE: dict[str, Writer] = {
    "bare JSON": bare_json,
    "Phi": phi,
    "JSON fence": json_fence,
    "pythonic list": pythonic,
}
"""Those without a mark, which are calls only where they are the whole answer."""
