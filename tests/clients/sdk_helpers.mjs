// The helpers of openai and @anthropic-ai/sdk that parse, with tools and a format together.
// node sdk_helpers.mjs BASE_URL MODEL

import Anthropic from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import OpenAI from "openai";
import { zodFunction, zodResponseFormat, zodResponsesFunction, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const [base, model] = process.argv.slice(2);
const openai = new OpenAI({ baseURL: `${base}/v1`, apiKey: "test-key", maxRetries: 0 });
const claude = new Anthropic({ baseURL: base, apiKey: "test-key", maxRetries: 0 });
const Place = z.object({ city: z.string() });
const Sum = z.object({ a: z.number() });
const report = {};

for (const [name, prompt] of [["call", "Use add with 3."], ["answer", "Say \"Oslo\"."]]) {
  const messages = [{ role: "user", content: prompt }];
  const offered = name === "call";
  const chat = {
    model, messages, response_format: zodResponseFormat(Place, "place"),
    ...(offered ? { tools: [zodFunction({ name: "add", parameters: Sum })] } : {}),
  };
  const parsed = await openai.chat.completions.parse(chat);
  const streamed = await openai.chat.completions.stream(chat).finalChatCompletion();
  report[`chat ${name}`] = [parsed, streamed].map(({ choices: [{ message }] }) => ({
    parsed: message.parsed,
    calls: (message.tool_calls ?? []).map((call) => call.function.parsed_arguments),
  }));
  const responses = {
    model, input: prompt, text: { format: zodTextFormat(Place, "place") },
    ...(offered ? { tools: [zodResponsesFunction({ name: "add", parameters: Sum })] } : {}),
  };
  const whole = await openai.responses.parse(responses);
  const live = await openai.responses.stream(responses).finalResponse();
  report[`responses ${name}`] = [whole, live].map((response) => ({
    parsed: response.output_parsed,
    calls: response.output
      .filter((item) => item.type === "function_call")
      .map((item) => item.parsed_arguments),
  }));
  const tools = [{ name: "add", input_schema: { type: "object", properties: { a: { type: "number" } } } }];
  const message = await claude.messages.parse({
    model, max_tokens: 1000, messages, output_config: { format: zodOutputFormat(Place) },
    ...(offered ? { tools } : {}),
  });
  report[`messages ${name}`] = [{
    parsed: message.parsed_output,
    calls: message.content.filter((block) => block.type === "tool_use").map((block) => block.input),
  }];
}
console.log(JSON.stringify(report));
