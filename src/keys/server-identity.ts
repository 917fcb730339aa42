import { hex } from '@scure/base'
import { sameBytes } from '../core/bytes.js'
import {
  InputFileError,
  KeyChangeError,
  KeyUntoldError,
  StoreMismatchError,
} from '../core/errors.js'
import type { SeededSigner, Signer } from '../crypto/ed25519.js'
import { generateKey, privateKeyFromPem, privateKeyToPem } from '../crypto/keys.js'
import { sodiumEd25519 } from '../crypto/sodium.js'
import {
  checkReplaceable,
  readSecretFile,
  succeedSecretFile,
  writeSecretFile,
} from './key-files.js'
import { announcedElsewhere, KeyTrail } from './key-trail.js'
import { serial } from './serial.js'

/** How much of a public key stands in the name of its file. */
const NAME_HEX_CHARS = 16

/** The Ed25519 key that signs the server's answers, and the key that will follow it. */
export class ServerIdentity {
  /** Whom the current identity has followed, while the store could not be told; null: it knows. */
  private untold: Signer | null = null

  /** One change at a time, of either kind: else a key could be announced while it is activated, and be its own successor. */
  private readonly change = serial(withKeyChangeErrors)

  /** Announces the next identity: the one in its file, or a new one. Throws KeyChangeError. */
  readonly announce = () => this.change(() => this.announceNow())
  /**
   * Makes the next identity the current one, and keeps the old one in a file beside it. Throws KeyChangeError, and KeyUntoldError
   * if the new one signs but the store was not told: doing it again then tells it.
   */
  readonly activate = () => this.change(() => this.activateNow())

  private constructor(
    private readonly file: string,
    private signing: SeededSigner,
    private announced: SeededSigner | null,
    private readonly trail: KeyTrail,
  ) {}

  /** Reads the file, or makes it if it is missing and `mayMake`. Throws InputFileError, StoreMismatchError. */
  static async open(
    file: string,
    mayMake: boolean,
    trail = new KeyTrail({}),
  ): Promise<ServerIdentity> {
    const stored = await readSigner(file)
    if (stored === null && !mayMake) {
      throw new StoreMismatchError(
        `${file} is missing, but the store holds sessions: restore it, or make a new identity with ` +
          `"sessiond keygen --out ${file}" (clients that pinned the old one will refuse this server)`,
      )
    }
    const signing = stored ?? (await makeSigner(file))
    const announced = await readSigner(nextIdentityFile(file))
    return new ServerIdentity(file, signing, announced, trail)
  }

  /** The key that signs now: it changes. */
  get current(): SeededSigner {
    return this.signing
  }

  /** The key that will sign, if one is announced. */
  get next(): Signer | null {
    return this.announced
  }

  private async announceNow(): Promise<void> {
    if (this.untold !== null) {
      await this.tell(this.untold)
    }
    await this.followFile()
    // Fail now, before clients pin a key that cannot be activated.
    await checkReplaceable(this.file)
    const file = nextIdentityFile(this.file)
    const stored = await readSigner(file)
    const elsewhere = (await this.trail.known())?.nextIdentity ?? null
    if (this.announced === null && stored === null && elsewhere !== null) {
      throw announcedElsewhere(elsewhere, file)
    }
    const announced = this.announced ?? stored ?? (await makeSigner(file))
    await this.trail.announced(announced.publicKey, file)
    this.announced = announced
  }

  private async activateNow(): Promise<void> {
    const { file, untold } = this
    if (untold !== null) {
      await this.tell(untold)
    }
    const isDone = untold !== null && this.announced === null
    if (isDone || (await this.followFile())) {
      return
    }
    const { signing } = this
    const announced = this.announced ?? (await this.announcedElsewhere())
    if (announced === null) {
      throw new KeyChangeError(
        'no next identity is announced: announce one, and give clients time to pin it',
      )
    }
    await checkHolds(file, signing)
    await checkHolds(nextIdentityFile(file), announced)
    await succeedSecretFile(file, nextIdentityFile(file), previousIdentityFile(file, signing))
    this.signing = announced
    this.announced = null
    await this.tell(signing)
  }

  /** Tells the store that the current identity has followed this one. Throws KeyUntoldError. */
  private async tell(former: Signer): Promise<void> {
    const { publicKey } = this.signing
    this.untold = former
    try {
      await this.trail.activated(publicKey, former.publicKey)
    } catch (error) {
      throw new KeyUntoldError(
        `the server signs with the new key ${hex.encode(publicKey)}`,
        'activate again: that tells it, and changes no key (`sessiond rotate-keys --identity activate`)',
        error,
      )
    }
    this.untold = null
  }

  /** Another server that has the same files may have activated the next identity. Returns whether it did. */
  private async followFile(): Promise<boolean> {
    const { file, signing } = this
    const stored = await readSigner(file)
    const previous = await readSigner(previousIdentityFile(file, signing))
    const isFollowed = previous !== null && sameBytes(previous.publicKey, signing.publicKey)
    if (stored === null || !isFollowed || sameBytes(stored.publicKey, signing.publicKey)) {
      return false
    }
    this.signing = stored
    this.announced = await readSigner(nextIdentityFile(file))
    return true
  }

  /** The next identity in its file, if it is the one that another server announced. */
  private async announcedElsewhere(): Promise<SeededSigner | null> {
    const known = await this.trail.known()
    const stored = await readSigner(nextIdentityFile(this.file))
    const isKnown = stored !== null && known?.nextIdentity === hex.encode(stored.publicKey)
    return isKnown ? stored : null
  }
}

/** The file of the identity that will follow the one in `file`. */
function nextIdentityFile(file: string): string {
  return beside(file, 'next')
}

function previousIdentityFile(file: string, { publicKey }: Signer): string {
  return beside(file, `previous-${hex.encode(publicKey).slice(0, NAME_HEX_CHARS)}`)
}

function beside(file: string, suffix: string): string {
  return `${file.replace(/\.pem$/, '')}-${suffix}.pem`
}

async function makeSigner(file: string): Promise<SeededSigner> {
  const key = generateKey('ed25519')
  await writeSecretFile(file, privateKeyToPem(key))
  return signerOf(key, file)
}

async function readSigner(file: string): Promise<SeededSigner | null> {
  const stored = await readSecretFile(file)
  return stored === null ? null : signerOf(privateKeyFromPem(stored, file), file)
}

function signerOf(key: ReturnType<typeof privateKeyFromPem>, file: string): SeededSigner {
  if (key.type !== 'ed25519') {
    throw new InputFileError(file, "the server's identity must be an Ed25519 key")
  }
  const { seed } = key
  return { ...sodiumEd25519.signer(seed), seed: () => seed }
}

/** Throws KeyChangeError if the file was changed since it was read. */
async function checkHolds(file: string, signer: Signer): Promise<void> {
  const stored = await readSigner(file)
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
