import { hex } from '@scure/base'
import { sameBytes } from '../core/bytes.js'
import { InputFileError, KeyChangeError, StoreMismatchError } from '../core/errors.js'
import type { Ed25519, Signer } from '../crypto/ed25519.js'
import { generateKey, privateKeyFromPem, privateKeyToPem } from '../crypto/keys.js'
import { sodiumEd25519 } from '../crypto/sodium.js'
import {
  checkReplaceable,
  readSecretFile,
  succeedSecretFile,
  writeSecretFile,
} from './key-files.js'
import { serial } from './serial.js'

/** Of a public key, in the name of the file that keeps it. */
const NAME_HEX_CHARS = 16

/** The Ed25519 key that signs the server's answers, and the one that is to follow it. */
export class ServerIdentity {
  /** Makes a next identity, or finds the one that its file holds, and makes it known. Throws KeyChangeError. */
  readonly announce = serial(() => withKeyChangeErrors(() => this.announceNow()))
  /** Signs with the next identity from now on; the old one is kept beside it. Throws KeyChangeError. */
  readonly activate = serial(() => withKeyChangeErrors(() => this.activateNow()))

  private constructor(
    private readonly file: string,
    private signing: Signer,
    private announced: Signer | null,
    private readonly ed25519: Ed25519,
  ) {}

  /** Reads the key; makes it where it is missing and may be. Throws InputFileError, StoreMismatchError. */
  static async open(
    file: string,
    mayMake: boolean,
    ed25519 = sodiumEd25519,
  ): Promise<ServerIdentity> {
    const stored = await readSigner(file, ed25519)
    if (stored === null && !mayMake) {
      throw new StoreMismatchError(
        `${file} is missing, but the store holds sessions: restore it, or make a new identity with ` +
          `"sessiond keygen --out ${file}" (clients that pinned the old one will refuse this server)`,
      )
    }
    const signing = stored ?? (await makeSigner(file, ed25519))
    const announced = await readSigner(nextIdentityFile(file), ed25519)
    return new ServerIdentity(file, signing, announced, ed25519)
  }

  /** The key that signs now: ask each time. */
  get current(): Signer {
    return this.signing
  }

  /** The key that will sign, where one is announced. */
  get next(): Signer | null {
    return this.announced
  }

  private async announceNow(): Promise<void> {
    // Said now rather than when clients have pinned what cannot be activated.
    await checkReplaceable(this.file)
    const { ed25519 } = this
    const file = nextIdentityFile(this.file)
    this.announced ??= (await readSigner(file, ed25519)) ?? (await makeSigner(file, ed25519))
  }

  private async activateNow(): Promise<void> {
    const { file, signing, announced, ed25519 } = this
    if (announced === null) {
      throw new KeyChangeError(
        'no next identity is announced: announce one, and give clients time to pin it',
      )
    }
    await checkHolds(file, signing, ed25519)
    await checkHolds(nextIdentityFile(file), announced, ed25519)
    await succeedSecretFile(file, nextIdentityFile(file), previousIdentityFile(file, signing))
    this.signing = announced
    this.announced = null
  }
}

/** Where the identity is kept that will follow the one in `file`. */
function nextIdentityFile(file: string): string {
  return beside(file, 'next')
}

function previousIdentityFile(file: string, { publicKey }: Signer): string {
  return beside(file, `previous-${hex.encode(publicKey).slice(0, NAME_HEX_CHARS)}`)
}

function beside(file: string, suffix: string): string {
  return `${file.replace(/\.pem$/, '')}-${suffix}.pem`
}

async function makeSigner(file: string, ed25519: Ed25519): Promise<Signer> {
  const key = generateKey('ed25519')
  await writeSecretFile(file, privateKeyToPem(key))
  return signerOf(key, file, ed25519)
}

async function readSigner(file: string, ed25519: Ed25519): Promise<Signer | null> {
  const stored = await readSecretFile(file)
  return stored === null ? null : signerOf(privateKeyFromPem(stored, file), file, ed25519)
}

function signerOf(
  key: ReturnType<typeof privateKeyFromPem>,
  file: string,
  ed25519: Ed25519,
): Signer {
  if (key.type !== 'ed25519') {
    throw new InputFileError(file, "the server's identity must be an Ed25519 key")
  }
  return ed25519.signer(key.seed)
}

/** A file may have been changed by hand since it was read. */
async function checkHolds(file: string, signer: Signer, ed25519: Ed25519): Promise<void> {
  const stored = await readSigner(file, ed25519)
  if (stored === null || !sameBytes(stored.publicKey, signer.publicKey)) {
    const key = hex.encode(signer.publicKey)
    throw new KeyChangeError(`${file} no longer holds the key ${key}: restore it, or restart`)
  }
}

async function withKeyChangeErrors(change: () => Promise<void>): Promise<void> {
  try {
    await change()
  } catch (error) {
    throw error instanceof InputFileError
      ? new KeyChangeError(
          `${error.message}: the server must be able to write it and its directory, or change the ` +
            'key where it is managed and restart the server',
          error,
        )
      : error
  }
}
