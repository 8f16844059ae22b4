// The conversation as a file, and its next request as code.

import { base } from "../api.js";
import { shell } from "../quoting.js";
import { requestBody } from "./conversation.js";

export function asJson({ model, system, parameters, schema, tools, messages }) {
  const kept = { model, system, parameters, schema, tools, messages };
  return JSON.stringify({ ...kept, exported_at: new Date().toISOString() }, null, 2);
}

export function asMarkdown({ system, messages }) {
  const parts = system.trim() ? [`## System\n\n${system.trim()}`] : [];
  for (const message of messages) {
    const title = { user: "User", tool: "Tool result" }[message.role] ?? message.model;
    const files = (message.files ?? []).map((file) => `- ${file.name}`).join("\n");
    const calls = (message.toolCalls ?? [])
      .map((call) => `\`\`\`json\n${call.name}(${call.arguments})\n\`\`\``)
      .join("\n\n");
    parts.push([`## ${title}`, message.text, files, calls].filter(Boolean).join("\n\n"));
  }
  return `${parts.join("\n\n")}\n`;
}

// The request that was sent last, or would be sent next, in three languages. Data of files is cut:
// nobody wants to scroll through it.
export function asCode(state, draft) {
  const messages = state.messages.at(-1)?.role === "assistant" ? state.messages.slice(0, -1) : state.messages;
  const asked = draft || !messages.length ? [...state.messages, { role: "user", text: draft || "Hello!" }] : messages;
  const body = shorten(requestBody({ ...state, messages: asked }));
  return [
    { id: "curl", name: "curl", text: curl(body) },
    { id: "python", name: "Python", text: python(body) },
    { id: "javascript", name: "JavaScript", text: javascript(body) },
  ];
}

function shorten(value, name) {
  if (typeof value === "string") {
    const isData = ["url", "file_data", "data"].includes(name) && value.length > 2000;
    return isData ? `${value.slice(0, 60)}…` : value;
  }
  if (Array.isArray(value)) return value.map((item) => shorten(item));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shorten(item, key)]));
  }
  return value;
}

const json = (body) => JSON.stringify(body, null, 2);

function curl(body) {
  return `curl -N ${base}/v1/chat/completions \\
  -H "Authorization: Bearer $POEGATE_KEY" \\
  -H 'Content-Type: application/json' \\
  -d ${shell(json(body))}`;
}

// What openai-python and openai-node take by name; all else is a parameter of the bot.
const KNOWN = new Set([
  "model",
  "messages",
  "stream",
  "stream_options",
  "temperature",
  "top_p",
  "max_tokens",
  "reasoning_effort",
  "response_format",
  "tools",
]);

function python(body) {
  const known = Object.entries(body).filter(([name]) => KNOWN.has(name));
  const own = Object.fromEntries(Object.entries(body).filter(([name]) => !KNOWN.has(name)));
  const lines = known.map(([name, value]) => `    ${name}=${literal(value, 4)},`);
  if (Object.keys(own).length) lines.push(`    extra_body=${literal(own, 4)},`);
  return `import os

from openai import OpenAI

client = OpenAI(base_url="${base}/v1", api_key=os.environ["POEGATE_KEY"])
stream = client.chat.completions.create(
${lines.join("\n")}
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)`;
}

// A JSON value as Python writes it.
function literal(value, indent) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const list = Array.isArray(value);
  const items = list
    ? value.map((item) => literal(item, indent + 4))
    : Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${literal(item, indent + 4)}`);
  const [open, close] = list ? "[]" : "{}";
  const line = `${open}${items.join(", ")}${close}`;
  if (line.length + indent < 80 && !line.includes("\n")) return line;
  const pad = " ".repeat(indent);
  return `${open}\n${items.map((item) => `${pad}    ${item},\n`).join("")}${pad}${close}`;
}

function javascript(body) {
  return `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${base}/v1", apiKey: process.env.POEGATE_KEY });
const stream = await client.chat.completions.create(${json(body)});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}`;
}
