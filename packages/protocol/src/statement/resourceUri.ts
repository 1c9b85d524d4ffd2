import { SHORT_NAME } from '../x509/validatorName.ts'
import { statementError } from './errors.ts'

const PREFIX = 'pkg:generic/'

/** One version of one product. */
export interface ProductVersion {
  readonly product: string
  readonly version: string
}

/**
 * The package URL (purl) of a version of a product: `pkg:generic/<product>@<version>`. Both are 1 to 128 letters, digits,
 * dots, dashes and underscores, so that nothing is percent-encoded and one version has one text.
 * Throws `statement.resource-uri`.
 */
export function resourceUri({ product, version }: ProductVersion): string {
  if (!SHORT_NAME.test(product) || !SHORT_NAME.test(version)) {
    throw statementError('statement.resource-uri', 'the product or version cannot stand in a resource URI')
  }
  return `${PREFIX}${product}@${version}`
}

/** Reads exactly what `resourceUri` writes. Throws `statement.resource-uri`. */
export function parseResourceUri(uri: string): ProductVersion {
  const [product = '', version = '', ...others] = uri.startsWith(PREFIX) ? uri.slice(PREFIX.length).split('@') : []
  if (!SHORT_NAME.test(product) || !SHORT_NAME.test(version) || others.length > 0) {
    throw statementError('statement.resource-uri', 'the resource is not pkg:generic/<product>@<version>')
  }
  return { product, version }
}
