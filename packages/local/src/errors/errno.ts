/**
 * The operating system's word for a failure (`ENOENT`, `ENOSPC`, …), or undefined where `error` is not a failed system call.
 * Words, not numbers: numbers differ between platforms.
 */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined
}
