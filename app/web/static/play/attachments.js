// Files that the user adds: read as data URLs, sent as content parts of Chat Completions.

import { ApiError } from "../api.js";
import { t } from "../strings.js";

export const MAX_BYTES = 50_000_000; // Poe takes no larger file

const AUDIO_FORMATS = { "audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3" };

// {name, type, size, url} for each File; throws ApiError for one that is too large or empty.
export function readFiles(files) {
  return Promise.all([...files].map(readFile));
}

function readFile(file) {
  if (file.size > MAX_BYTES) throw new ApiError(t("file.large", { name: file.name }));
  if (!file.size) throw new ApiError(t("file.empty", { name: file.name }));
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () =>
      resolve({ name: file.name, type: file.type, size: file.size, url: reader.result });
    reader.onerror = () => reject(new ApiError(t("file.unreadable", { name: file.name })));
    reader.readAsDataURL(file);
  });
}

export function contentPart({ name, type, url }) {
  if (type.startsWith("image/")) return { type: "image_url", image_url: { url } };
  if (type.startsWith("video/")) return { type: "video_url", video_url: { url } };
  if (type in AUDIO_FORMATS) {
    const data = url.slice(url.indexOf(",") + 1);
    return { type: "input_audio", input_audio: { data, format: AUDIO_FORMATS[type] } };
  }
  return { type: "file", file: { filename: name, file_data: url } };
}
