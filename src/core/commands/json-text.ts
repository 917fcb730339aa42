/** JSON text on one line, digit for digit. Between values alone may line ends and tabs stand as they are. */
export function oneLineJson(json: string | null): string {
  return json === null ? 'null' : json.replace(/[\r\n\t]/g, ' ')
}
