import type { Protection } from '../inspector/protections.ts'
import { composeError } from './errors.ts'

/**
 * A production validator does not inspect strangers' files where nothing at all confines the inspector, unless its operator
 * has said so. A development one does; `status` says it. Throws `validator.unprotected`.
 */
export function refuseUnprotected(
  environment: 'development' | 'production',
  protections: readonly Pick<Protection, 'active'>[],
  allowUnprotected: boolean,
): void {
  if (environment !== 'production' || allowUnprotected || protections.some(({ active }) => active)) return
  throw composeError('validator.unprotected', 'no protection of the inspector is active')
}
