// The conversation at hand: what was said, what is set, and the answer that is streaming.

import { createStore } from "../store.js";
import { contentPart } from "./attachments.js";
import * as kept from "./kept.js";
import { streamChat } from "./stream.js";

const EMPTY = {
  model: "",
  system: "",
  parameters: {}, // by model: {name: value}, only what differs from the bot's own default
  schema: "", // of the answer, JSON
  tools: "", // a list of OpenAI's tools, JSON
  messages: [],
};

// A message is {id, role: "user" | "assistant" | "tool", text}; a user's has `files`; a tool's has
// `callId`; an assistant's has {model, reasoning, toolCalls, stats, error, stopped}.
export const conversation = createStore({ ...EMPTY, running: false, ready: false });

// What is being written, with its files: it stays while another view is looked at.
export const draft = createStore({ text: "", files: [] });

let controller = null;
let saving = null;

kept.load().then((old) => {
  const whole = { ...EMPTY, ...old };
  if (conversation.get().messages.length === 0 && isConversation(whole)) {
    // Chosen by the address while the old conversation was being read.
    const model = conversation.get().model || whole.model;
    conversation.set({ ...whole, model });
  }
  conversation.set({ ready: true });
  // While an answer streams the state changes with each frame. What came is saved all the same, but
  // less often: the conversation may hold pictures of some megabytes.
  conversation.subscribe(({ running }) => {
    saving ??= setTimeout(save, running ? 1000 : 400);
  });
});
addEventListener("pagehide", () => void save());

// A damaged record, or what another version kept, is not shown; the next save replaces it.
const isConversation = ({ model, system, parameters, schema, tools, messages }) =>
  [model, system, schema, tools].every((text) => typeof text === "string") &&
  Boolean(parameters) &&
  Array.isArray(messages) &&
  messages.every(isMessage);

const isMessage = (message) =>
  ["user", "assistant", "tool"].includes(message?.role) &&
  typeof message.text === "string" &&
  (message.files ?? []).every((file) => typeof file?.type === "string") &&
  (message.role !== "assistant" || Array.isArray(message.toolCalls));

function save() {
  clearTimeout(saving);
  saving = null;
  const { running, ready, ...state } = conversation.get();
  return kept.save(state);
}

export const change = (patch) => conversation.set(patch);

export function clear() {
  stop();
  conversation.set({ messages: [] });
}

export function stop() {
  controller?.abort();
}

export function send(text, files = []) {
  const message = { id: crypto.randomUUID?.() ?? String(Math.random()), role: "user", text, files };
  conversation.set(({ messages }) => ({ messages: [...messages, message] }));
  return answer();
}

// Give the bot what its tools returned: {call id: text}.
export function sendResults(results) {
  const given = Object.entries(results).map(([callId, text]) => ({
    id: `result-${callId}`,
    role: "tool",
    callId,
    text,
  }));
  conversation.set(({ messages }) => ({ messages: [...messages, ...given] }));
  return answer();
}

// Ask again for the last answer.
export function retry() {
  conversation.set(({ messages }) => ({
    messages: messages.at(-1)?.role === "assistant" ? messages.slice(0, -1) : messages,
  }));
  return answer();
}

async function answer() {
  const state = conversation.get();
  const body = requestBody(state);
  const reply = {
    id: `answer-${Date.now()}`,
    role: "assistant",
    model: state.model,
    text: "",
    reasoning: "",
    toolCalls: [],
    stats: null,
    error: null,
    stopped: false,
  };
  controller = new AbortController();
  const { signal } = controller;
  const messages = [...state.messages, reply];
  conversation.set({ messages, running: true });
  void save();
  // A frame draws all that came since the last one; the message is replaced so that memoised
  // parts see the change.
  let frame = 0;
  const draw = () => {
    frame = 0;
    const now = conversation.get().messages;
    if (now.at(-1)?.id === reply.id) {
      conversation.set({ messages: [...now.slice(0, -1), { ...reply }] });
    }
  };
  const clock = { asked: performance.now(), first: null };
  try {
    for await (const chunk of streamChat(body, signal)) {
      if (take(reply, chunk)) clock.first ??= performance.now();
      frame ||= requestAnimationFrame(draw);
    }
    reply.stopped = signal.aborted;
  } catch (error) {
    if (signal.aborted) reply.stopped = true;
    else reply.error = { message: error.message, status: error.status, param: error.param, requestId: error.requestId };
  }
  cancelAnimationFrame(frame);
  reply.stats = { ...reply.stats, ...timing(clock, reply.stats) };
  draw();
  conversation.set({ running: false });
  void save();
}

// Add a chunk of the stream to the reply; true where it holds something of the answer.
function take(reply, { choices = [], usage }) {
  if (usage) {
    reply.stats = {
      prompt: usage.prompt_tokens,
      completion: usage.completion_tokens,
      points: usage.cost_details?.points,
      estimated: usage.cost_details?.estimated,
    };
  }
  const { delta = {}, finish_reason: finish } = choices[0] ?? {};
  if (finish) reply.finish = finish;
  reply.text += delta.content ?? "";
  reply.reasoning += delta.reasoning_content ?? "";
  for (const part of delta.tool_calls ?? []) {
    const call = (reply.toolCalls[part.index] ??= { id: part.id, name: "", arguments: "" });
    call.name += part.function?.name ?? "";
    call.arguments += part.function?.arguments ?? "";
  }
  return Boolean(delta.content || delta.reasoning_content || delta.tool_calls?.length);
}

// Milliseconds to the first token and in all, and tokens a second between the two.
function timing({ asked, first }, stats) {
  const ended = performance.now();
  if (first === null) return { total: ended - asked };
  const streamed = (ended - first) / 1000;
  return {
    firstToken: first - asked,
    total: ended - asked,
    perSecond: stats?.completion && streamed > 0.05 ? stats.completion / streamed : null,
  };
}

// The request that asks for the next answer. Throws SyntaxError for a schema or tools that are
// not JSON; the form shows that before anything is sent.
export function requestBody({ model, system, parameters, schema, tools, messages }) {
  const body = {
    ...parameters[model],
    model,
    messages: [
      ...(system.trim() ? [{ role: "system", content: system }] : []),
      ...messages.filter(saysSomething).map(wireMessage),
    ],
    stream: true,
    stream_options: { include_usage: true },
  };
  if (schema.trim()) {
    const json_schema = { name: "answer", strict: true, schema: JSON.parse(schema) };
    body.response_format = { type: "json_schema", json_schema };
  }
  if (tools.trim()) body.tools = JSON.parse(tools);
  return body;
}

// An answer that failed or was stopped before its first word is shown, and not sent.
const saysSomething = ({ role, text, error, toolCalls }) =>
  role !== "assistant" || Boolean(text) || (!error && toolCalls.length > 0);

function wireMessage({ role, text, files, toolCalls, callId }) {
  if (role === "tool") return { role, tool_call_id: callId, content: text };
  if (role === "user" && files?.length) {
    const parts = files.map(contentPart);
    return { role, content: text ? [{ type: "text", text }, ...parts] : parts };
  }
  if (toolCalls?.length) {
    const calls = toolCalls.map(({ id, name, arguments: given }) => ({
      id,
      type: "function",
      function: { name, arguments: given },
    }));
    return { role, content: text || null, tool_calls: calls };
  }
  return { role, content: text };
}
