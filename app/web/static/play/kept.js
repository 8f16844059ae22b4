// Conversations, kept in this browser's IndexedDB: they may hold pictures, which localStorage has no
// room for. Each tab has its own, so that two do not write over each other; a new tab begins with the
// one that was saved last. Where the browser refuses (a private window, say), nothing is kept.

import { tab } from "../session.js";

const NAME = "poegate";
const SHELF = "conversations";
const ORDER = "order"; // the keys of the conversations, the one saved last at the end
const MOST = 5; // conversations that are kept

export async function load() {
  const own = await within("readonly", (shelf) => shelf.get(tab));
  if (own) return own;
  const order = (await within("readonly", (shelf) => shelf.get(ORDER))) ?? ["current"]; // its only name once
  return within("readonly", (shelf) => shelf.get(order.at(-1)));
}

export function save(conversation) {
  return within("readwrite", (shelf) => {
    const saving = shelf.put(conversation, tab);
    shelf.get(ORDER).onsuccess = ({ target }) => {
      const order = [...(target.result ?? ["current"]).filter((key) => key !== tab), tab];
      for (const key of order.slice(0, -MOST)) shelf.delete(key);
      shelf.put(order.slice(-MOST), ORDER);
    };
    return saving;
  });
}

async function within(mode, act) {
  try {
    const database = await settled(opening());
    try {
      return await settled(act(database.transaction(SHELF, mode).objectStore(SHELF)));
    } finally {
      database.close();
    }
  } catch {
    return undefined;
  }
}

function opening() {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(SHELF);
  return request;
}

const settled = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
