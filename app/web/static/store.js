// State that several components read.

import { useEffect, useState } from "./html.js";

// A value with listeners. `set` takes a patch, or a function of the state that returns one.
export function createStore(initial) {
  let state = initial;
  const listeners = new Set();
  return {
    get: () => state,
    set(patch) {
      state = { ...state, ...(typeof patch === "function" ? patch(state) : patch) };
      listeners.forEach((listener) => listener(state));
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

// The state of a store; the component is drawn again when it changes.
export function useStore(store) {
  const [state, setState] = useState(store.get());
  useEffect(() => {
    setState(store.get());
    return store.subscribe(setState);
  }, [store]);
  return state;
}

// The result of an asynchronous function: {data, error, loading, reload}. Runs again when one of
// `inputs` changes; a result that arrives after that is dropped.
export function useLoaded(load, inputs) {
  const [round, setRound] = useState(0);
  const [state, setState] = useState({ data: null, error: null, loading: true });
  useEffect(() => {
    const controller = new AbortController();
    setState((old) => ({ ...old, loading: true }));
    load(controller.signal).then(
      (data) => controller.signal.aborted || setState({ data, error: null, loading: false }),
      (error) =>
        controller.signal.aborted || setState((old) => ({ ...old, error, loading: false })),
    );
    return () => controller.abort();
  }, [...inputs, round]);
  return { ...state, reload: () => setRound((number) => number + 1) };
}
