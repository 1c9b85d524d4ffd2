import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type ClientSetting, type Signed, type SigningClient, signingClients } from './clients.ts'
import { Matrix } from './matrix.ts'
import { statedText } from './statement.ts'

/** Where the bundle of a signed file is. */
export function bundleOf(folder: string, signed: Signed, signer: string): string {
  return path.join(folder, `${signed}-by-${signer}.sigstore.json`)
}

/** A wrong pair of file and bundle, made from a sound one. */
interface Change {
  readonly of: 'file' | 'signature' | 'statement'
  readonly title: string
  make(file: string, bundle: string): { readonly file: string; readonly bundle: string }
}

const changes: readonly Change[] = [
  { of: 'file', title: 'refuses it when one byte of the file is changed', make: changeFile },
  { of: 'signature', title: 'refuses it when one byte of the signature is changed', make: changeSignature },
  { of: 'statement', title: 'refuses it when one byte of the statement is changed', make: changeStatement },
]

/** Has every client sign one file, then lets every client verify every bundle, whole and with one byte changed. */
export async function crossVerify(setting: ClientSetting, signed: Signed, folder: string): Promise<Matrix[]> {
  const clients = signingClients(setting, signed)
  const signers = clients.filter(({ sign }) => sign !== undefined)
  const [names, columns] = [nameAll(clients), nameAll(signers)]
  const made = new Matrix(`signs a ${signed} to the instance`, columns, ['signed'])
  const accepted = new Matrix(`verifies the ${signed} of … (rows verify, columns signed)`, names, columns)
  const asked = changes
    .filter(({ of }) => of !== 'statement' || signed === 'statement')
    .map((change) => {
      const able = clients.filter(({ readsSubjects }) => signed === 'blob' || change.of !== 'file' || readsSubjects)
      return { change, able, matrix: new Matrix(`${signed}: ${change.title}`, nameAll(able), columns) }
    })
  for (const { name, sign } of signers) {
    const file = path.join(folder, `${signed}-by-${name}`)
    const bundle = bundleOf(folder, signed, name)
    writeFileSync(file, `signed by ${name}\n`)
    await made.fill(name, 'signed', async () => sign?.(file, bundle))
    for (const verifier of clients) {
      console.log(`  ${verifier.name} verifies the ${signed} that ${name} signed`)
      const isAccepted = await accepted.fill(verifier.name, name, () => accepts(verifier, file, bundle))
      // Who does not even accept the whole one shows nothing by refusing a changed one.
      if (!isAccepted) continue
      for (const { change, able, matrix } of asked) {
        if (!able.includes(verifier)) continue
        const wrong = change.make(file, bundle)
        await matrix.fill(verifier.name, name, () => refuses(verifier, wrong.file, wrong.bundle))
      }
    }
  }
  return [made, accepted, ...asked.map(({ matrix }) => matrix)]
}

function nameAll(clients: readonly SigningClient[]): string[] {
  return clients.map(({ name }) => name)
}

function changeFile(file: string, bundle: string) {
  const bytes = readFileSync(file)
  bytes[0] = (bytes[0] ?? 0) ^ 1
  writeFileSync(`${file}.changed`, bytes)
  return { file: `${file}.changed`, bundle }
}

interface BundleJson {
  readonly messageSignature?: { signature: string }
  readonly dsseEnvelope?: { payload: string; readonly signatures: { sig: string }[] }
}

function changeSignature(file: string, bundle: string) {
  const json: BundleJson = JSON.parse(readFileSync(bundle, 'utf8'))
  const { messageSignature, dsseEnvelope } = json
  if (messageSignature) messageSignature.signature = changedSignature(messageSignature.signature)
  for (const signature of dsseEnvelope?.signatures ?? []) signature.sig = changedSignature(signature.sig)
  writeFileSync(`${file}.signature.sigstore.json`, JSON.stringify(json))
  return { file, bundle: `${file}.signature.sigstore.json` }
}

/** A byte of the first number, so that the encoding stays right and only the signature is wrong. */
function changedSignature(base64: string): string {
  const signature = Uint8Array.fromBase64(base64)
  signature[12] = (signature[12] ?? 0) ^ 1
  return signature.toBase64()
}

/** A letter of the predicate, so that it still is a statement about the same file. */
function changeStatement(file: string, bundle: string) {
  const { dsseEnvelope, ...others }: BundleJson = JSON.parse(readFileSync(bundle, 'utf8'))
  const sound = Buffer.from(dsseEnvelope?.payload ?? '', 'base64').toString('utf8')
  const changed = sound.replace(statedText.sound, statedText.changed)
  if (changed === sound) throw new Error(`the statement has not the predicate that it was given: ${sound}`)
  const payload = Buffer.from(changed).toString('base64')
  writeFileSync(
    `${file}.statement.sigstore.json`,
    JSON.stringify({ ...others, dsseEnvelope: { ...dsseEnvelope, payload } }),
  )
  return { file, bundle: `${file}.statement.sigstore.json` }
}

async function accepts(verifier: SigningClient, file: string, bundle: string): Promise<void> {
  const { status, stdout, stderr } = await verifier.verify(file, bundle)
  if (status !== 0) throw new Error(`exit status ${status}: ${stdout}${stderr}`)
}

async function refuses(verifier: SigningClient, file: string, bundle: string): Promise<void> {
  const answer = await verifier.verify(file, bundle)
  if (!verifier.isRefusal(answer)) throw new Error(`exit status ${answer.status}: ${answer.stdout}${answer.stderr}`)
}
