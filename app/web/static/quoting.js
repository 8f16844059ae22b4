// Texts that somebody else has chosen, such as names of models, in commands and files to copy.

// One word of a POSIX shell, whatever is in it. • stands for a part of a key that is not shown.
export const shell = (text) =>
  /^[\w@%+=:,./•-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

// A string of JSON, of JavaScript and of Python, and a basic string of TOML.
export const string = (text) => JSON.stringify(text).replaceAll("\x7f", "\\u007f");

// A string of YAML in which Docker Compose puts no variable.
export const compose = (text) => string(text.replaceAll("$", () => "$$"));
