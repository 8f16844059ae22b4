// The Vercel AI SDK over the gateway: one model kind, every way to ask. Prints what it got as JSON.
// node ai_sdk.mjs BASE_URL KIND MODEL THINKER

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenResponses } from "@ai-sdk/open-responses";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, Output, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const [base, kind, model, thinker] = process.argv.slice(2);
const baseURL = `${base}/v1`;
const apiKey = "test-key";
const openai = createOpenAI({ baseURL, apiKey });
const compatible = createOpenAICompatible({
  name: "poegate", baseURL, apiKey, includeUsage: true, supportsStructuredOutputs: true,
});
const openResponses = createOpenResponses({ name: "poegate", url: `${baseURL}/responses`, apiKey });
const kinds = {
  "openai-chat": (name) => openai.chat(name),
  "openai-responses": (name) => openai.responses(name),
  "openai-completion": (name) => openai.completion(name),
  "openai-compatible": (name) => compatible(name),
  "open-responses": (name) => openResponses(name),
  anthropic: (name) => createAnthropic({ baseURL, apiKey })(name),
};
const of = kinds[kind];
const summaries = { openai: { reasoningSummary: "auto", forceReasoning: true } };
const place = Output.object({ schema: z.object({ city: z.string() }) });
const calls = [];
const add = tool({
  description: "Adds",
  inputSchema: z.object({ a: z.number() }),
  execute: async ({ a }) => {
    calls.push(a);
    return `sum ${a}`;
  },
});

async function streamed(options) {
  const result = streamText({ ...options, onError: ({ error }) => { throw error; } });
  let text = "";
  let reasoning = "";
  for await (const part of result.fullStream) {
    if (part.type === "text-delta") text += part.text;
    if (part.type === "reasoning-delta") reasoning += part.text;
    if (part.type === "error") throw part.error;
  }
  const usage = await result.usage;
  const finish = await result.finishReason;
  return { text, reasoning, finish, tokens: usage.outputTokens };
}

const report = {};
const whole = await generateText({ model: of(model), prompt: "hi" });
report.whole = { text: whole.text, finish: whole.finishReason, tokens: whole.usage.outputTokens };
report.stream = await streamed({ model: of(model), prompt: "hi" });
if (kind !== "openai-completion") {
  const thinking = { model: of(thinker), prompt: "hi", providerOptions: summaries };
  report.thought = (await generateText(thinking)).reasoningText ?? "";
  report.thinking = await streamed(thinking);
  const toolset = { tools: { add }, stopWhen: stepCountIs(3), prompt: "Use add with 3." };
  report.tools = (await generateText({ model: of(model), ...toolset })).text;
  report.toolsStreamed = await streamed({ model: of(model), ...toolset });
  report.calls = calls;
  report.object = (await generateText({ model: of(model), output: place, prompt: "a city" })).output;
  const both = await generateText({ model: of(model), output: place, ...toolset });
  report.both = both.output;
}
console.log(JSON.stringify(report));
