// The conversation, kept in this browser's IndexedDB: it may hold pictures, which localStorage
// has no room for. Where the browser refuses (a private window, say), nothing is kept.

const NAME = "poegate";
const SHELF = "conversations";
const KEY = "current";

export const load = () => within("readonly", (shelf) => shelf.get(KEY));
export const save = (conversation) => within("readwrite", (shelf) => shelf.put(conversation, KEY));

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
