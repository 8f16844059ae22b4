// POST /v1/chat/completions, streamed.

import { ApiError, pick, request } from "../api.js";
import { session } from "../session.js";
import { t } from "../strings.js";

// Yields the chunks of the answer. Leaving the loop, or aborting `signal`, closes the connection,
// and the gateway then stops the bot. Throws ApiError for an error status or an error frame.
export async function* streamChat(body, signal) {
  const response = await request("/v1/chat/completions", {
    method: "POST",
    token: session.get().token,
    accept: "text/event-stream",
    body,
    signal,
  });
  const requestId = response.headers.get("x-request-id") ?? undefined;
  for await (const data of readEvents(response.body)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) {
      const { message, metadata } = chunk.error;
      throw new ApiError(message, { ...pick(chunk.error), status: metadata?.status, requestId });
    }
    yield chunk;
  }
}

function explain(error) {
  throw error.name === "AbortError" ? error : new ApiError(t("error.broken"));
}

// The data of each server-sent event. The gateway writes one `data:` line an event.
async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(explain);
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith("data:")) yield line.slice(5).trim();
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // it may have been aborted already
  }
}
