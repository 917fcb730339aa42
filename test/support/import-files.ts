/*
 * What the services before this one left behind: the shapes of service-sessions-node 1.1 and
 * pip-services-sessions-node 1.1 (one record a session, files as their JsonFilePersister writes them) and of the
 * first release of the latter (one record a user), and of both collections as mongoexport writes them.
 */

/** Files by what wrote them. Each holds the sessions of `importedIds`, opened at this time. */
export function importFiles(openedMs: number): Record<string, string> {
  const opened = new Date(openedMs).toISOString()
  const relaxed = { $date: opened }
  const canonical = { $date: { $numberLong: `${openedMs}` } }

  const flat = (name: string, time: unknown, count: (value: number) => unknown) => ({
    user_id: 'alice',
    user_name: 'Alice',
    active: true,
    open_time: time,
    request_time: time,
    address: 'here',
    client: 'app',
    user: { id: 'alice', since: time },
    data: { name, cart: [count(1), count(2)] },
  })
  const document = (name: string, time: unknown, count: (value: number) => unknown) => ({
    _id: name,
    ...flat(name, time, count),
    close_time: null,
    __v: count(0),
  })
  const ofUser = (name: string, time: unknown, count: (value: number) => unknown, id: string) => ({
    user_id: 'alice',
    user_name: 'Alice',
    first_session: time,
    last_session: time,
    last_request: time,
    user: { id: 'alice', since: time },
    sessions: [1, 2].map((i) => ({
      ...{ opened: time, last_request: time, address: 'here', client: 'app' },
      data: { name: `${name}-${i}`, cart: [count(1), count(2)] },
      [id]: `${name}-${i}`,
    })),
  })
  const plain = (value: number) => value
  const int = (value: number) => ({ $numberInt: `${value}` })
  const lines = (...documents: object[]) =>
    documents.map((one) => `${JSON.stringify(one)}\n`).join('')

  return {
    'file store': JSON.stringify(['f-1', 'f-2'].map((id) => ({ id, ...flat(id, opened, plain) }))),
    mongoexport: lines(document('r-1', relaxed, plain), document('r-2', relaxed, plain)),
    'mongoexport --jsonArray': JSON.stringify([
      document('a-1', relaxed, plain),
      document('a-2', relaxed, plain),
    ]),
    'mongoexport --jsonFormat=canonical': lines(
      document('c-1', canonical, int),
      document('c-2', canonical, int),
    ),
    'mongoexport --pretty': ['p-1', 'p-2']
      .map((id) => `${JSON.stringify(document(id, relaxed, plain), null, '\t')}\n`)
      .join(''),
    'oldest file store': JSON.stringify([{ id: 'alice', ...ofUser('o', opened, plain, 'id') }]),
    'oldest mongoexport': lines(
      { _id: 'alice', ...ofUser('m', relaxed, plain, '_id'), __v: 3 },
      { _id: 'bob', user_id: 'bob', user_name: 'Bob', first_session: relaxed, sessions: [] },
    ),
    'oldest mongoexport --jsonFormat=canonical': lines({
      _id: 'alice',
      ...ofUser('n', canonical, int, '_id'),
      __v: int(3),
    }),
  }
}
