// Names in the code are in camelCase. Keys of JSON that people and other programs read are in snake_case: the output of
// commands, the log and the audit log.

/** A name of the code as a key of JSON: `sessionId` becomes `session_id`. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** The fields with keys for JSON. The values stay as they are: keys inside them may be data. */
export function snakeKeys<T>(fields: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [snakeCase(name), value]))
}

/** JSON text of a value. No object in it may have keys that are data. */
export function snakeJson(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? snakeKeys(inner) : inner,
  )
}
