import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'

/** Asks on the terminal. Whether the answer is `yes`. */
export async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    // Control-C and Control-D abort the question, the end of the terminal leaves it without an answer.
    const closed = once(terminal, 'close').then(() => null)
    const answered = terminal.question(`${question} Type "yes": `).catch(() => null)
    const answer = await Promise.race([answered, closed])
    if (answer === null) {
      process.stderr.write('\n')
    }
    return answer?.trim() === 'yes'
  } finally {
    terminal.close()
  }
}
