/** Whether a header can carry the text as a token: visible ASCII without white space. */
export function isToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text)
}
