const format = new Intl.NumberFormat('en')

/** "10,007". */
export const number = (count: number) => format.format(count)

/** "1 session", "10,007 sessions". */
export const counted = (count: number, one: string) =>
  `${number(count)} ${one}${count === 1 ? '' : 's'}`
