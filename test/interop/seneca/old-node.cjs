// What old versions of Seneca and their dependencies take for granted, on the Node of today.

const util = require('node:util')

// Seneca 3.3 uses the name that Node's global object had in its time.
globalThis.root = globalThis
// Removed in Node 23.
util.isArray ??= Array.isArray
util.isError ??= (value) => value instanceof Error
util.isFunction ??= (value) => typeof value === 'function'
