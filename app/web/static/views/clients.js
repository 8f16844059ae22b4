// How each client is told of this gateway: its files and commands, filled in.

import { compose, shell, string } from "../quoting.js";
import { t } from "../strings.js";

// `at` is {base, key, model, small}; each block is {title, text}.
export const CLIENTS = [
  {
    id: "claude-code",
    name: "Claude Code",
    blocks: ({ base, key, model, small }) => [
      {
        title: t("clients.shell"),
        text: `export ANTHROPIC_BASE_URL=${base}
export ANTHROPIC_AUTH_TOKEN=${shell(key)}
export ANTHROPIC_DEFAULT_HAIKU_MODEL=${shell(small)}
claude --model ${shell(model)}`,
      },
      {
        title: "~/.claude/settings.json",
        text: json({
          env: {
            ANTHROPIC_BASE_URL: base,
            ANTHROPIC_AUTH_TOKEN: key,
            ANTHROPIC_MODEL: model,
            ANTHROPIC_DEFAULT_HAIKU_MODEL: small,
          },
        }),
      },
    ],
  },
  {
    id: "codex",
    name: "Codex",
    blocks: ({ base, key, model }) => [
      {
        title: "~/.codex/config.toml",
        text: `model = ${string(model)}
model_provider = "poegate"

[model_providers.poegate]
name = "Poegate"
base_url = "${base}/v1"
model_catalog_url = "${base}/v1/models"
env_key = "POEGATE_KEY"
wire_api = "responses"

[features]
api_key_model_discovery = true`,
      },
      { title: t("clients.shell"), text: `export POEGATE_KEY=${shell(key)}\ncodex` },
    ],
  },
  {
    id: "cline",
    name: "Cline, Kilo Code",
    blocks: ({ base, key, model }) => [
      {
        title: t("clients.form"),
        text: `API Provider: OpenAI Compatible
Base URL: ${base}/v1
API Key: ${key}
Model ID: ${model}`,
      },
    ],
  },
  {
    id: "opencode",
    name: "opencode",
    blocks: ({ base, key, model }) => [
      {
        title: "opencode.json",
        text: json({
          $schema: "https://opencode.ai/config.json",
          model: `poegate/${model}`,
          provider: {
            poegate: {
              npm: "@ai-sdk/openai-compatible",
              name: "Poegate",
              options: { baseURL: `${base}/v1`, apiKey: key },
              models: { [model]: {} },
            },
          },
        }),
      },
    ],
  },
  {
    id: "aider",
    name: "aider",
    blocks: ({ base, key, model }) => [
      {
        title: t("clients.shell"),
        text: `export OPENAI_API_BASE=${base}/v1
export OPENAI_API_KEY=${shell(key)}
aider --model ${shell(`openai/${model}`)}`,
      },
    ],
  },
  {
    id: "open-webui",
    name: "Open WebUI",
    blocks: ({ base, key }) => [
      {
        title: "Admin Panel → Settings → Connections → OpenAI API",
        text: `URL: ${base}/v1\nAPI Key: ${key}`,
      },
      {
        title: "docker compose",
        text: `environment:
  OPENAI_API_BASE_URL: ${base}/v1
  OPENAI_API_KEY: ${compose(key)}`,
      },
    ],
  },
  {
    id: "openai",
    name: "OpenAI SDK",
    blocks: ({ base, key, model }) => [
      {
        title: "Python",
        text: `from openai import OpenAI

client = OpenAI(base_url="${base}/v1", api_key=${string(key)})
stream = client.chat.completions.create(
    model=${string(model)},
    messages=[{"role": "user", "content": "Why is the sky blue?"}],
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)`,
      },
      {
        title: "JavaScript",
        text: `import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${base}/v1", apiKey: ${string(key)} });
const stream = await client.chat.completions.create({
  model: ${string(model)},
  messages: [{ role: "user", content: "Why is the sky blue?" }],
  stream: true,
});
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}`,
      },
    ],
  },
  {
    id: "anthropic",
    name: "Anthropic SDK",
    blocks: ({ base, key, model }) => [
      {
        title: "Python",
        text: `from anthropic import Anthropic

client = Anthropic(base_url="${base}", auth_token=${string(key)})
with client.messages.stream(
    model=${string(model)},
    max_tokens=4096,
    messages=[{"role": "user", "content": "Why is the sky blue?"}],
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)`,
      },
    ],
  },
  {
    id: "curl",
    name: "curl",
    blocks: ({ base, key, model }) => [
      {
        title: t("clients.shell"),
        text: `curl -N ${base}/v1/chat/completions \\
  -H ${shell(`Authorization: Bearer ${key}`)} \\
  -H 'Content-Type: application/json' \\
  -d ${shell(`{"model": ${string(model)}, "stream": true,
       "messages": [{"role": "user", "content": "Why is the sky blue?"}]}`)}`,
      },
    ],
  },
];

const json = (value) => JSON.stringify(value, null, 2);
