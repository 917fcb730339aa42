/** What an application stores about the user of a session, about 250 bytes of JSON. */
export function userNamed(id) {
  return {
    id,
    name: `Robin Example ${id.slice(0, 6)}`,
    login: `robin.${id.slice(0, 6)}@example.com`,
    create_time: '2024-05-17T08:30:00.000Z',
    language: 'en',
    theme: 'indigo',
    time_zone: 'Europe/Berlin',
    roles: ['customer', 'reviewer', 'newsletter'],
    settings: { two_factor: true, notify: ['mail', 'push'] },
  }
}

/** What an application stores in a session, about 250 bytes of JSON. */
export function someData(i) {
  const number = String(i % 1_000_000).padStart(6, '0')
  return {
    last_page: `/catalogue/shoes/running/${number}`,
    cart: [
      { sku: `SKU-${number}-01`, quantity: 1, price: 89.95 },
      { sku: `SKU-${number}-02`, quantity: 2, price: 12.5 },
    ],
    csrf: `c2Vzc2lvbi${number}LW5vdC1hLXNlY3JldA`,
    experiments: { checkout: 'b', search: 'control' },
  }
}

/** A browser's user agent. */
export const CLIENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'

/** An address of 198.18.0.0/15, the network for benchmarks (RFC 2544). */
export function address(i) {
  return `198.${18 + ((i >> 16) & 1)}.${(i >> 8) & 255}.${i & 255}`
}
