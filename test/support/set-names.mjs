// Loaded before a program (`--import`): the names in SET_NAMES, a JSON object, have the addresses that it gives them.
import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'

const names = JSON.parse(process.env.SET_NAMES ?? '{}')
const entriesOf = (name) =>
  names[name]?.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
const { lookup } = dns
const { lookup: lookupSoon } = dns.promises
Object.assign(dns, {
  lookup(name, options, callback = options) {
    const entries = entriesOf(name)
    if (entries === undefined) {
      lookup(name, options, callback)
    } else if (options.all) {
      setImmediate(callback, null, entries)
    } else {
      setImmediate(callback, null, entries[0].address, entries[0].family)
    }
  },
})
Object.assign(dns.promises, {
  async lookup(name, options) {
    const entries = entriesOf(name)
    return entries === undefined ? lookupSoon(name, options) : options?.all ? entries : entries[0]
  },
})
syncBuiltinESMExports()
