// Loaded before a server (`--import`): in its main thread no memory of so many bytes is wiped, as UNWIPED says.
const length = Number(process.env.UNWIPED)
for (const { prototype } of [Uint8Array, Buffer]) {
  const { fill } = prototype
  Object.defineProperty(prototype, 'fill', {
    value(value, ...range) {
      return value === 0 && this.length === length ? this : fill.call(this, value, ...range)
    },
  })
}
