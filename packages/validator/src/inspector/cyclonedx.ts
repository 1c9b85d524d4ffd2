import type { Catalogue, CatalogueComponent, Evidence } from '@countersign/protocol/sbom/catalogue.ts'
import { Enums, Models, Serialize, Spec, Validation } from '@cyclonedx/cyclonedx-library'
import { inspectorError } from './errors.ts'

/** How sure each kind of evidence makes us, 0 to 1, and the technique that CycloneDX calls it. */
const IDENTITY: Readonly<Record<Evidence, { readonly technique: string; readonly confidence: number }>> = {
  content: { technique: 'hash-comparison', confidence: 1 },
  'installed metadata': { technique: 'manifest-analysis', confidence: 0.6 },
  declared: { technique: 'manifest-analysis', confidence: 0.3 },
}
const ROOT_REF = 'artifact'

interface WrittenBom {
  components?: { 'bom-ref'?: string; evidence?: object }[]
  compositions?: object[]
}

/**
 * Writes a catalogue as CycloneDX 1.6 JSON: every component with purl, the SHA-512 of the published package, the way it is
 * known (`evidence.identity`) and its place; gaps as properties, and one composition that says whether anything is missing.
 * The same catalogue gives the same bytes, and `inspect` has validated those of every catalogue that it handed out.
 */
export function writeCycloneDx(catalogue: Catalogue): Uint8Array {
  const bom = buildBom(catalogue)
  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6)
  const written = JSON.parse(new Serialize.JsonSerializer(factory).serialize(bom, { sortLists: true })) as WrittenBom
  const byId = new Map(catalogue.components.map((one) => [one.id, one]))
  for (const component of written.components ?? []) {
    const known = byId.get(component['bom-ref'] ?? '')
    if (known !== undefined) component.evidence = evidenceOf(known)
  }
  written.compositions = [
    { aggregate: catalogue.gaps.length === 0 ? 'complete' : 'incomplete', assemblies: [ROOT_REF] },
  ]
  return new TextEncoder().encode(`${JSON.stringify(written, null, 2)}\n`)
}

/** Checks an SBOM against the strict schema of CycloneDX 1.6. Throws `inspector.sbom-invalid`. */
export async function validateCycloneDx(sbom: Uint8Array): Promise<void> {
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6)
  // What is no JSON is thrown, and everything else told.
  const fault = await validator.validate(new TextDecoder().decode(sbom)).catch((error: unknown) => error)
  if (fault === null) return
  throw inspectorError('inspector.sbom-invalid', 'the SBOM is not valid CycloneDX 1.6', { cause: fault })
}

function buildBom({ artifact, manifest, components, dependencies, gaps, scanner }: Catalogue): Models.Bom {
  const root = new Models.Component(Enums.ComponentType.Application, manifest?.product ?? artifact.sha256, {
    bomRef: ROOT_REF,
    ...(manifest !== undefined && { version: manifest.version }),
    hashes: new Models.HashDictionary([[Enums.HashAlgorithm['SHA-256'], artifact.sha256]]),
  })
  for (const { code, path, detail } of gaps) {
    root.properties.add(new Models.Property(`countersign:${code}`, `${path}: ${detail}`))
  }
  const byId = new Map([['', root], ...components.map((one) => [one.id, componentOf(one)] as const)])
  for (const { from, to } of dependencies) {
    for (const id of to) {
      const needed = byId.get(id)
      if (needed !== undefined) byId.get(from)?.dependencies.add(needed.bomRef)
    }
  }
  const tool = new Models.Component(Enums.ComponentType.Application, scanner.name, { version: scanner.version })
  return new Models.Bom({
    metadata: new Models.Metadata({
      component: root,
      tools: new Models.Tools({ components: new Models.ComponentRepository([tool]) }),
    }),
    components: new Models.ComponentRepository([...byId].flatMap(([id, one]) => (id === '' ? [] : [one]))),
  })
}

function componentOf({
  id,
  name,
  version,
  purl,
  integrity,
  altered,
  evidence,
  files,
}: CatalogueComponent): Models.Component {
  const [group, rest] = name.startsWith('@') ? name.split('/', 2) : [undefined, name]
  const component = new Models.Component(Enums.ComponentType.Library, rest ?? name, {
    bomRef: id,
    ...(group !== undefined && { group }),
    version,
    purl,
  })
  const sha512 = integrity?.split(/\s+/).find((one) => one.startsWith('sha512-'))
  if (sha512 !== undefined) {
    const hex = Buffer.from(sha512.slice('sha512-'.length), 'base64').toString('hex')
    // Of the published package, which is what others can compare with, not of the folder.
    component.externalReferences.add(
      new Models.ExternalReference(purl, Enums.ExternalReferenceType.Distribution, {
        hashes: new Models.HashDictionary([[Enums.HashAlgorithm['SHA-512'], hex]]),
      }),
    )
  }
  component.properties.add(new Models.Property('countersign:evidence', evidence))
  component.properties.add(new Models.Property('countersign:path', id))
  component.properties.add(new Models.Property('countersign:files', String(files)))
  for (const path of altered ?? []) component.properties.add(new Models.Property('countersign:altered', path))
  return component
}

function evidenceOf({ evidence, purl, id }: CatalogueComponent): object {
  const { technique, confidence } = IDENTITY[evidence]
  return {
    identity: [
      { field: 'purl', confidence, concludedValue: purl, methods: [{ technique, confidence, value: evidence }] },
    ],
    occurrences: [{ location: id }],
  }
}
